-- Which claims of published episodes no longer hold, as of the last look at all of them.

CREATE TABLE IF NOT EXISTS corrections
(
    day       Date COMMENT 'the day of the episode',
    series    LowCardinality(String),
    episode   UInt32,
    fact_id   String COMMENT 'empty: the text itself is another one than was published',
    claim     String COMMENT 'as it was published, every way it is shown',
    problem   String COMMENT 'what is wrong, as of the last look',
    found_at  DateTime64(3, 'UTC') COMMENT 'the look that found it first',
    told      Bool COMMENT 'whether people know of it'
)
ENGINE = MergeTree PARTITION BY day ORDER BY (series, fact_id);
ALTER TABLE episode_verdicts MODIFY COLUMN IF EXISTS objections String COMMENT 'JSON list of {code, where, message, fact}, fact empty where it is against no single one';
