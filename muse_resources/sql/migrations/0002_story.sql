-- What was concluded and told: freshness, findings, facts, drafts, verdicts, episodes, deployments.

CREATE TABLE IF NOT EXISTS watcher_runs
(
    day                Date,
    ts                 DateTime64(3, 'UTC') COMMENT 'the instant that was judged',
    run_id             UUID,
    hearts_commit      Nullable(String),
    packs_commit       Nullable(String),
    hearts_rows_found  UInt64,
    packs_rows_found   UInt64,
    hearts_lag_seconds Nullable(Float64),
    packs_lag_seconds  Nullable(Float64),
    lag_seconds        Nullable(Float64),
    days_loaded        UInt8,
    days_expected      UInt8,
    status             LowCardinality(String) COMMENT 'valid, degraded, lag_exceeded, missing_hearts, missing_packs, incomplete, error',
    reason             String,
    alert_sent         Bool,
    duration_ms        Nullable(Float64)
)
ENGINE = MergeTree PARTITION BY day ORDER BY ts;

CREATE TABLE IF NOT EXISTS series_checks
(
    day                      Date,
    series_id                String,
    benchmark                String,
    model                    Nullable(String),
    quant                    Nullable(String),
    dataset                  Nullable(String),
    metric                   LowCardinality(String),
    environment_fingerprint  Nullable(String),
    points                   UInt32,
    p_value                  Nullable(Float64) COMMENT 'null: not tested, see outcome',
    outcome                  LowCardinality(String) COMMENT 'no_change, small_change, shift, known_shift, too_few_points, environment_changed'
)
ENGINE = MergeTree PARTITION BY day ORDER BY series_id;

CREATE TABLE IF NOT EXISTS findings
(
    day                      Date,
    finding_id               String COMMENT 'f1, f2, ... in the order of the day',
    series_id                String,
    benchmark                String,
    model                    Nullable(String),
    quant                    Nullable(String),
    dataset                  Nullable(String),
    metric                   LowCardinality(String),
    unit                     LowCardinality(String),
    better                   LowCardinality(String),
    environment_fingerprint  Nullable(String),
    window_start             DateTime64(3, 'UTC'),
    window_end               DateTime64(3, 'UTC'),
    last_before              DateTime64(3, 'UTC') COMMENT 'the last measurement before the change',
    changed_at               DateTime64(3, 'UTC') COMMENT 'the first measurement after the change',
    segment_start            DateTime64(3, 'UTC') COMMENT 'start of the segment before the change',
    n_before                 UInt32,
    n_after                  UInt32,
    before_median            Float64,
    after_median             Float64,
    change_pct               Float64,
    interval_low_pct         Float64,
    interval_high_pct        Float64,
    p_value                  Float64,
    q_value                  Float64 COMMENT 'p adjusted for every series tested that day (Benjamini-Hochberg)',
    direction                LowCardinality(String) COMMENT 'up or down',
    effect                   LowCardinality(String) COMMENT 'regression, improvement or change',
    cause                    LowCardinality(String) COMMENT 'code, method, noise or unknown; a change of environment begins a new series',
    cause_reason             String,
    last_good_commit         Nullable(String),
    first_bad_commit         Nullable(String),
    suspect_commits          Array(String)
)
ENGINE = MergeTree PARTITION BY day ORDER BY finding_id;

CREATE TABLE IF NOT EXISTS fact_sheets
(
    day         Date,
    fact_id     String,
    subject     LowCardinality(String),
    value       Nullable(Float64),
    text        Nullable(String),
    unit        LowCardinality(String),
    label       LowCardinality(String) COMMENT 'measured or estimated',
    support     Float64,
    direction   LowCardinality(String),
    query       LowCardinality(String),
    parameters  String COMMENT 'JSON',
    reducer     LowCardinality(String),
    row_count   UInt32,
    row_hash    String,
    reason      String COMMENT 'why value and text are null'
)
ENGINE = MergeTree PARTITION BY day ORDER BY fact_id;

CREATE TABLE IF NOT EXISTS episode_drafts
(
    day          Date,
    run_id       UUID,
    outcome      LowCardinality(String) COMMENT 'draft, quiet, refused, truncated, empty, invalid',
    writer       LowCardinality(String),
    model        Nullable(String),
    prompt_hash  String,
    facts_hash   String,
    title        String,
    what_changed String,
    why_it_matters String,
    next_steps   String,
    tokens_in    UInt64,
    tokens_out   UInt64,
    cost_usd     Float64,
    reason       String
)
ENGINE = MergeTree PARTITION BY day ORDER BY run_id;

CREATE TABLE IF NOT EXISTS episode_verdicts
(
    day             Date,
    run_id          UUID,
    content_sha256  String COMMENT 'of the canonical text that was judged',
    passed          Bool,
    claims          UInt32,
    objections      String COMMENT 'JSON list of {code, where, message}',
    confidence      Float64,
    completeness    Float64,
    recency         Float64,
    data_quality    Float64,
    evidence        Float64,
    confidence_version UInt8
)
ENGINE = MergeTree PARTITION BY day ORDER BY run_id;

CREATE TABLE IF NOT EXISTS episodes
(
    day                   Date,
    ts                    DateTime64(3, 'UTC'),
    run_id                UUID,
    series                LowCardinality(String),
    episode               Nullable(UInt32) COMMENT 'taken at publication',
    title                 String,
    lang                  LowCardinality(String),
    path                  Nullable(String),
    hearts_commit         Nullable(String),
    packs_commit          Nullable(String),
    status                LowCardinality(String) COMMENT 'draft, held, approved, published, failed, skipped',
    reason                String,
    content_sha256        String,
    canonical             String COMMENT 'the Markdown before it has a number',
    ledger                String COMMENT 'JSON: every claim with its fact, query and row hash',
    confidence_score      Float64,
    correlation_strength  Nullable(Float64),
    series_checked        UInt32,
    tokens_total          UInt64,
    cost_total            Float64
)
ENGINE = MergeTree PARTITION BY day ORDER BY (series, lang);

CREATE TABLE IF NOT EXISTS translations
(
    day             Date,
    lang            LowCardinality(String),
    series          LowCardinality(String),
    status          LowCardinality(String) COMMENT 'draft, published, failed, not_translated',
    reason          String,
    source_sha256   String,
    content_sha256  String,
    markdown        String
)
ENGINE = MergeTree PARTITION BY day ORDER BY (lang, series);

CREATE TABLE IF NOT EXISTS publications
(
    day             Date,
    run_id          UUID,
    series          LowCardinality(String),
    episode         UInt32,
    path            String,
    commit_sha      String COMMENT 'the blog commit that holds this content',
    content_sha256  String
)
ENGINE = MergeTree PARTITION BY day ORDER BY series;

CREATE TABLE IF NOT EXISTS deployments
(
    day                   Date,
    ts                    DateTime64(3, 'UTC'),
    run_id                UUID,
    episode_run_id        Nullable(UUID),
    series                LowCardinality(String),
    episode               Nullable(UInt32),
    vercel_deployment_id  Nullable(String),
    deployment_id         String,
    commit_sha            String COMMENT 'the blog commit that published the episode',
    status                LowCardinality(String) COMMENT 'building, ready, error',
    build_time_ms         Nullable(Float64),
    duration_ms           Nullable(Float64),
    url                   String,
    pages                 UInt32
)
ENGINE = MergeTree PARTITION BY day ORDER BY deployment_id;

CREATE TABLE IF NOT EXISTS llm_events
(
    day         Date,
    ts          DateTime64(3, 'UTC'),
    run_id      UUID,
    source      LowCardinality(String) COMMENT 'banterhearts, banterpacks or council',
    model       LowCardinality(String),
    operation   LowCardinality(String),
    tokens_in   UInt64,
    tokens_out  UInt64,
    latency_ms  Nullable(Float64),
    cost_usd    Float64,
    status      LowCardinality(String),
    error_msg   String
)
ENGINE = MergeTree PARTITION BY day ORDER BY ts;
