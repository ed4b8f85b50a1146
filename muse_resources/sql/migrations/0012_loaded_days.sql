-- A load is one row, and the latest row of a day counts: with a partition for each, recording a year took as long as
-- reading it. The table has a name of its own, so that two processes may migrate at once: nothing is moved away.

CREATE TABLE IF NOT EXISTS loaded_days
(
    day            Date,
    source         LowCardinality(String) COMMENT 'the table that was loaded',
    rows           UInt64,
    files          UInt32,
    inputs_sha256  String COMMENT 'hash over the inputs that the day was built from'
)
ENGINE = ReplacingMergeTree ORDER BY (source, day);

INSERT INTO loaded_days SELECT day, source, rows, files, inputs_sha256 FROM day_loads;
