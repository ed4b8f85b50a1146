-- What language models were asked, what it cost, and what of the day's budget is spoken for.
-- A call is reserved at its worst case before it is made, and noted in llm_events when it has ended. A call whose end is
-- not noted (its process was killed) counts with its reservation. Rows that came twice have the same call_id.

CREATE TABLE IF NOT EXISTS llm_reservations
(
    day        Date COMMENT 'the UTC day whose budget bears the call',
    ts         DateTime64(3, 'UTC'),
    call_id    UUID,
    model      LowCardinality(String),
    worst_usd  Decimal(18, 12) COMMENT 'the most that the call can cost'
)
ENGINE = MergeTree PARTITION BY day ORDER BY ts;

ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS call_id UUID COMMENT 'names the call, here and in llm_reservations' AFTER run_id;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS episode_day Date COMMENT 'the day that was written about' AFTER call_id;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS attempt UInt8 COMMENT 'the same request, sent again after a failure' AFTER operation;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS prompt_version LowCardinality(String) AFTER attempt;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS prompt_hash String COMMENT 'of all that the model reads' AFTER prompt_version;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS cache_key String COMMENT 'hash of prompt, model, server and facts' AFTER prompt_hash;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS request_id String COMMENT 'the name that the server gave the call' AFTER cache_key;
ALTER TABLE llm_events MODIFY COLUMN IF EXISTS tokens_in Nullable(UInt64) COMMENT 'as the server counted, null where it does not say';
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS tokens_cached Nullable(UInt64) COMMENT 'the part of tokens_in that came from the cache of the server' AFTER tokens_in;
ALTER TABLE llm_events MODIFY COLUMN IF EXISTS tokens_out Nullable(UInt64) COMMENT 'as the server counted, null where it does not say';
ALTER TABLE llm_events MODIFY COLUMN IF EXISTS cost_usd Nullable(Decimal(18, 12)) COMMENT 'tokens at the price of the day, null where they are not known';
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS reserved_usd Decimal(18, 12) COMMENT 'what counts against the budget where cost_usd is null' AFTER cost_usd;
ALTER TABLE llm_events ADD COLUMN IF NOT EXISTS answer String COMMENT 'the text that was paid for, to be used again' AFTER error_msg;
