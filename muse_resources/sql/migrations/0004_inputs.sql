-- What was read from where: a row for each version of an input file. The newest row of a path says what is known of it.

CREATE TABLE IF NOT EXISTS input_files
(
    source       LowCardinality(String) COMMENT 'the table that the file is read into',
    source_path  String,
    reading_id   UUID COMMENT 'names this reading; its refused parts lie in dead_letters under it',
    read_at      DateTime64(6, 'UTC'),
    sha256       String COMMENT 'hash of the content, uncompressed; empty when it could not be read',
    reader       String COMMENT 'hash of how it was read: code, mapping, settings',
    size_bytes   UInt64,
    modified_ns  Int64 COMMENT 'time of the last write, ns since 1970',
    days         Map(Date, UInt64) COMMENT 'day to the rows that the file holds of it',
    refused      UInt64 COMMENT 'parts or lines that were refused',
    again        Bool COMMENT 'to be read again though it may not have changed',
    missing      Bool COMMENT 'not found any more: what it had given is kept'
)
ENGINE = MergeTree PARTITION BY source ORDER BY (source_path, read_at);

ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS reading_id UUID COMMENT 'the reading of the file in input_files';

ALTER TABLE ui_events ADD COLUMN IF NOT EXISTS session_derived Bool COMMENT 'the session is a run of events of one person without a gap of 30 minutes, not one that the source names' AFTER session_id;

-- A report may count more samples than 32 bits hold, and one row that does not fit would stop all others.
ALTER TABLE bench_runs MODIFY COLUMN IF EXISTS n_samples Nullable(UInt64);
