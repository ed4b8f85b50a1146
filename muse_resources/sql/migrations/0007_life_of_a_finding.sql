-- What a day says of a shift that an earlier day told first.

ALTER TABLE findings ADD COLUMN IF NOT EXISTS state LowCardinality(String) DEFAULT 'suspected' COMMENT 'suspected, confirmed or refuted, as of this day' AFTER finding_id;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS told_on Nullable(Date) COMMENT 'the day that told the shift first, null on that day itself' AFTER state;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS told_as String COMMENT 'finding_id on that day' AFTER told_on;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS n_since UInt32 COMMENT 'runs at the new level after the day that told it' AFTER told_as;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS returned_on Nullable(Date) COMMENT 'the day that told the shift which this one undoes' AFTER n_since;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS returned_as String COMMENT 'finding_id on that day' AFTER returned_on;
ALTER TABLE findings MODIFY COLUMN IF EXISTS direction LowCardinality(String) COMMENT 'up or down, none for a shift that is refuted';
