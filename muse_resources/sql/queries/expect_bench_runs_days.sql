-- One row for each day with runs: how many break each rule, and the first of them for each rule.
-- `is_used`: what is quarantined may be impossible, it is kept to be looked at and never used.
-- Reports round their values separately: only a difference beyond a hundred-millionth is a contradiction.
SELECT
    day,
    count() AS rows,
    countIf(is_used) / count() AS used_share,
    countIf(has(broken, 'unknown_quality')) AS unknown_quality,
    countIf(has(broken, 'outside_day')) AS outside_day,
    countIf(has(broken, 'repeated_run_id')) AS repeated_run_id,
    countIf(has(broken, 'without_source')) AS without_source,
    countIf(has(broken, 'not_finite')) AS not_finite,
    countIf(has(broken, 'not_positive')) AS not_positive,
    countIf(has(broken, 'outside_extremes')) AS outside_extremes,
    countIf(has(broken, 'percentiles_unordered')) AS percentiles_unordered,
    countIf(has(broken, 'quality_unexplained')) AS quality_unexplained,
    countIf(has(broken, 'few_samples_unflagged')) AS few_samples_unflagged,
    CAST(minMap(broken, arrayMap(rule -> id, broken)), 'Map(String, String)') AS examples
FROM
(
    SELECT
        day,
        concat(benchmark, ' ', toString(run_id)) AS id,
        quality != 'quarantined' AS is_used,
        arrayFilter(value -> value IS NOT NULL,
            [latency_mean_ms, latency_p50_ms, latency_p95_ms, latency_p99_ms]) AS typical,
        arrayFilter(value -> value IS NOT NULL,
            [latency_min_ms, latency_max_ms, tokens_per_sec, memory_peak_mb]) AS positive,
        arrayFilter(value -> value IS NOT NULL, [cost_per_1k, latency_std_ms]) AS not_negative,
        arrayFilter(value -> value IS NOT NULL, [latency_p50_ms, latency_p95_ms, latency_p99_ms]) AS percentiles,
        arrayMap(rule -> rule.1, arrayFilter(rule -> rule.2, [
            ('unknown_quality', quality NOT IN ('ok', 'flagged', 'quarantined')),
            ('outside_day', toDate(ts) != day),
            ('repeated_run_id', count() OVER (PARTITION BY run_id) > 1),
            ('without_source', NOT match(source_sha256, '^[0-9a-f]{64}$') OR source_path = ''),
            ('not_finite', arrayExists(value -> NOT isFinite(value), arrayConcat(typical, positive, not_negative))),
            ('not_positive', is_used AND (
                arrayExists(value -> value <= 0, arrayConcat(typical, positive))
                OR arrayExists(value -> value < 0, not_negative))),
            ('outside_extremes', is_used AND (
                ifNull(latency_min_ms > latency_max_ms * (1 + 1e-8), false)
                OR arrayExists(value -> ifNull(latency_min_ms > value * (1 + 1e-8), false), typical)
                OR arrayExists(value -> ifNull(value > latency_max_ms * (1 + 1e-8), false), typical))),
            ('percentiles_unordered', is_used AND arrayExists(
                (low, high) -> low > high * (1 + 1e-8), arrayPopBack(percentiles), arrayPopFront(percentiles))),
            ('quality_unexplained', (quality = 'ok') != empty(quality_reasons)),
            ('few_samples_unflagged', quality = 'ok' AND (
                (latency_p50_ms IS NOT NULL AND ifNull(n_samples < 5, false))
                OR (latency_p95_ms IS NOT NULL AND ifNull(n_samples < 20, false))
                OR (latency_p99_ms IS NOT NULL AND ifNull(n_samples < 100, false))))
        ])) AS broken
    FROM bench_runs
    WHERE day BETWEEN {first:Date} AND {last:Date}
)
GROUP BY day
ORDER BY day
