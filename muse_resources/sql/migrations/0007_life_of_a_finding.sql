-- What a day says of a shift that an earlier day told first.

ALTER TABLE findings ADD COLUMN IF NOT EXISTS state LowCardinality(String) DEFAULT 'suspected' COMMENT 'suspected, confirmed or refuted, as of this day' AFTER finding_id;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS told_on Nullable(Date) COMMENT 'the day that told the shift first, null on that day itself' AFTER state;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS told_as String COMMENT 'finding_id on that day' AFTER told_on;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS n_since UInt32 COMMENT 'runs at the new level after the day that told it' AFTER told_as;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS returned_on Nullable(Date) COMMENT 'the day that told the shift which this one undoes' AFTER n_since;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS returned_as String COMMENT 'finding_id on that day' AFTER returned_on;
ALTER TABLE findings MODIFY COLUMN IF EXISTS direction LowCardinality(String) COMMENT 'up or down, none for a shift that is refuted';

-- How every shift that was told stands today: one row for each, under the day and the finding that told it first.
CREATE OR REPLACE VIEW finding_states AS
SELECT
    shift.first_day, shift.first_id, shift.series_id, shift.benchmark, shift.metric, shift.effect,
    multiIf(back.first_id = '', shift.last_state, shift.effect = 'regression', 'fixed', shift.effect = 'improvement', 'lost', 'undone') AS state,
    if(back.first_id = '', shift.last_day, back.first_day) AS since,
    nullIf(back.first_id, '') AS undone_by
FROM
(
    SELECT
        ifNull(findings.told_on, day) AS first_day, if(told_as = '', finding_id, told_as) AS first_id,
        any(series_id) AS series_id, any(benchmark) AS benchmark, any(metric) AS metric,
        argMin(effect, day) AS effect, argMax(state, day) AS last_state, max(day) AS last_day
    FROM findings
    GROUP BY first_day, first_id
) AS shift
LEFT JOIN
(
    SELECT
        min(day) AS first_day, argMin(finding_id, day) AS first_id, assumeNotNull(returned_on) AS undone_day, returned_as AS undone_id
    FROM findings
    WHERE returned_on IS NOT NULL AND (day, finding_id) NOT IN (SELECT assumeNotNull(told_on), told_as FROM findings WHERE state = 'refuted')
    GROUP BY undone_day, undone_id
) AS back ON back.undone_day = shift.first_day AND back.undone_id = shift.first_id;
