-- What was read: commits, benchmark runs, user-interface events, and everything that was refused.
-- `day` is the UTC day of the row and its partition: a day is always replaced as a whole.

CREATE TABLE IF NOT EXISTS commits
(
    day            Date,
    ts             DateTime64(3, 'UTC') COMMENT 'when it was committed',
    repository     LowCardinality(String) COMMENT 'hearts or packs',
    commit_sha     String,
    author_hash    Nullable(String) COMMENT 'keyed hash; null without MUSE_HASH_KEY',
    subject        String COMMENT 'first line of the message: untrusted text',
    files_changed  UInt32,
    insertions     UInt32,
    deletions      UInt32,
    paths          Array(String)
)
ENGINE = MergeTree PARTITION BY day ORDER BY (repository, ts, commit_sha);

CREATE TABLE IF NOT EXISTS bench_runs
(
    day                      Date,
    ts                       DateTime64(3, 'UTC') COMMENT 'when it was measured, never when it was read',
    ts_source                LowCardinality(String) COMMENT 'report, path or git: who dated the run',
    run_id                   UUID COMMENT 'uuid5 of the file hash and the benchmark',
    repository               LowCardinality(String),
    commit_sha               Nullable(String) COMMENT 'the measured commit; null when the report names none',
    suite                    LowCardinality(String),
    benchmark                String,
    model                    Nullable(String),
    quant                    Nullable(String),
    dataset                  Nullable(String),
    latency_mean_ms          Nullable(Float64),
    latency_p50_ms           Nullable(Float64),
    latency_p95_ms           Nullable(Float64),
    latency_p99_ms           Nullable(Float64),
    latency_min_ms           Nullable(Float64),
    latency_max_ms           Nullable(Float64),
    latency_std_ms           Nullable(Float64),
    tokens_per_sec           Nullable(Float64),
    cost_per_1k              Nullable(Float64) COMMENT 'USD for 1,000 tokens',
    memory_peak_mb           Nullable(Float64) COMMENT '10^6 bytes',
    n_samples                Nullable(UInt32),
    environment_fingerprint  Nullable(String),
    environment              Map(String, String),
    quality                  LowCardinality(String) COMMENT 'ok, flagged or quarantined',
    quality_reasons          Array(String),
    null_reasons             Map(String, String) COMMENT 'column to the reason why it was not measured',
    source_format            LowCardinality(String),
    source_path              String,
    source_sha256            String,
    schema_version           UInt8 DEFAULT 1
)
ENGINE = MergeTree PARTITION BY day ORDER BY (benchmark, ts, run_id);

CREATE TABLE IF NOT EXISTS bench_metrics
(
    day        Date,
    ts         DateTime64(3, 'UTC'),
    run_id     UUID COMMENT 'the run in bench_runs',
    benchmark  String,
    metric     LowCardinality(String),
    value      Float64,
    unit       LowCardinality(String),
    better     LowCardinality(String) COMMENT 'lower, higher or none'
)
ENGINE = MergeTree PARTITION BY day ORDER BY (benchmark, metric, ts, run_id);

CREATE TABLE IF NOT EXISTS ui_events
(
    day             Date,
    ts              DateTime64(3, 'UTC'),
    event_id        Nullable(String),
    session_id      Nullable(UUID) COMMENT 'uuid of the hashed native session id',
    commit_sha      Nullable(String),
    event_type      LowCardinality(String),
    latency_ms      Nullable(Float64),
    user_agent      LowCardinality(Nullable(String)) COMMENT 'family and major version only',
    metadata        Map(String, String) COMMENT 'only the fields that muse.toml names',
    source_path     LowCardinality(String),
    schema_version  UInt8 DEFAULT 1
)
ENGINE = MergeTree PARTITION BY day ORDER BY (event_type, ts);

CREATE TABLE IF NOT EXISTS session_stats
(
    day               Date,
    hour              DateTime('UTC'),
    commit_sha        Nullable(String),
    session_id        Nullable(UUID) COMMENT 'null: a row is an hour, not a session',
    total_sessions    Nullable(UInt64) COMMENT 'null when events carry no session',
    total_events      UInt64,
    n_latency         UInt64 COMMENT 'events that carry a latency',
    avg_latency_ms    Nullable(Float64),
    p50_latency_ms    Nullable(Float64) COMMENT 'from 5 samples',
    p95_latency_ms    Nullable(Float64) COMMENT 'from 20 samples',
    error_rate        Nullable(Float64) COMMENT 'null where muse.toml names no error types',
    abandonment_rate  Nullable(Float64) COMMENT 'null unless the stream has a start and a completion'
)
ENGINE = MergeTree PARTITION BY day ORDER BY hour;

CREATE TABLE IF NOT EXISTS dead_letters
(
    source         LowCardinality(String) COMMENT 'the asset that refused the input',
    ts             DateTime64(3, 'UTC') COMMENT 'when the file was last written',
    operation      LowCardinality(String),
    source_path    String,
    source_sha256  String,
    item           String COMMENT 'the part that was refused; empty for the whole file',
    size_bytes     UInt64,
    error_type     LowCardinality(String),
    error          String,
    remedy         String
)
ENGINE = MergeTree PARTITION BY source ORDER BY (source_path, item);

CREATE TABLE IF NOT EXISTS day_loads
(
    day            Date,
    source         LowCardinality(String) COMMENT 'the table that was loaded',
    rows           UInt64,
    files          UInt32,
    inputs_sha256  String COMMENT 'hash over the inputs that the day was built from'
)
ENGINE = MergeTree PARTITION BY (source, day) ORDER BY day;
