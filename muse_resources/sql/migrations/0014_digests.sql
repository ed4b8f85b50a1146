-- A post about each month: what became of its days.

CREATE TABLE IF NOT EXISTS digests
(
    day             Date COMMENT 'the first day of the month',
    run_id          UUID,
    series          LowCardinality(String),
    episode         Nullable(UInt32) COMMENT 'its number among the digests, taken at publication',
    title           String,
    path            Nullable(String),
    status          LowCardinality(String) COMMENT 'draft (the month is under way), held, approved, published',
    reason          String,
    days_finished   UInt32 COMMENT 'days that ended in an episode or in a reason for none',
    days_unfinished UInt32,
    passed          Bool COMMENT 'whether the verdict of exactly this text passed',
    objections      String COMMENT 'JSON list of {code, where, message, fact}',
    content_sha256  String COMMENT 'of the canonical text that was judged',
    canonical       String COMMENT 'the Markdown before it has a number',
    ledger          String COMMENT 'JSON: every claim with its fact, query and row hash'
)
ENGINE = MergeTree PARTITION BY day ORDER BY run_id;

CREATE TABLE IF NOT EXISTS digest_publications
(
    day             Date COMMENT 'the first day of the month',
    run_id          UUID,
    series          LowCardinality(String),
    episode         UInt32,
    path            String,
    commit_sha      String COMMENT 'the blog commit that holds this content',
    content_sha256  String
)
ENGINE = MergeTree PARTITION BY day ORDER BY run_id;
