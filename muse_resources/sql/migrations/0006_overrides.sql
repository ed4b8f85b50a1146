-- What a person decided against the watcher: its gate lets this day pass, for this reason.

CREATE TABLE IF NOT EXISTS overrides
(
    day     Date,
    ts      DateTime64(3, 'UTC') COMMENT 'when it was decided',
    by      String COMMENT 'who decided it; never printed in an episode',
    reason  String COMMENT 'printed in the episode of the day'
)
ENGINE = MergeTree PARTITION BY day ORDER BY ts;
