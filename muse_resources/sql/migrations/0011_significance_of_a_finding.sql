-- A shift that is refuted has no significance of its own.

ALTER TABLE findings MODIFY COLUMN IF EXISTS p_value Nullable(Float64) COMMENT 'null for a shift that is refuted: the test no longer sees it';
ALTER TABLE findings MODIFY COLUMN IF EXISTS q_value Nullable(Float64) COMMENT 'p adjusted for every series tested for news that day (Benjamini-Hochberg), for a confirmed shift as one test more beside them, null for a shift that is refuted';
