-- What a person decided about an episode that waits: this text goes out, and no other.

CREATE TABLE IF NOT EXISTS approvals
(
    day             Date,
    ts              DateTime64(3, 'UTC') COMMENT 'when it was decided',
    by              String COMMENT 'who decided it; never printed in an episode',
    content_sha256  String COMMENT 'hash of the text that was approved'
)
ENGINE = MergeTree PARTITION BY day ORDER BY ts;
