-- One row for each day with hours or events: how many hours break each rule, the first of them for each rule, and
-- whether the hours hold as many events as are stored.
SELECT
    day,
    hours.rows AS rows,
    hours.total_events AS total_events,
    events.rows AS stored_events,
    hours.outside_day AS outside_day,
    hours.repeated_hour AS repeated_hour,
    hours.more_sessions_than_events AS more_sessions_than_events,
    hours.more_latencies_than_events AS more_latencies_than_events,
    hours.impossible_latency AS impossible_latency,
    hours.percentiles_unordered AS percentiles_unordered,
    hours.few_samples AS few_samples,
    hours.impossible_rate AS impossible_rate,
    hours.examples AS examples
FROM
(
    SELECT
        day,
        count() AS rows,
        sum(counted) AS total_events,
        countIf(has(broken, 'outside_day')) AS outside_day,
        countIf(has(broken, 'repeated_hour')) AS repeated_hour,
        countIf(has(broken, 'more_sessions_than_events')) AS more_sessions_than_events,
        countIf(has(broken, 'more_latencies_than_events')) AS more_latencies_than_events,
        countIf(has(broken, 'impossible_latency')) AS impossible_latency,
        countIf(has(broken, 'percentiles_unordered')) AS percentiles_unordered,
        countIf(has(broken, 'few_samples')) AS few_samples,
        countIf(has(broken, 'impossible_rate')) AS impossible_rate,
        CAST(minMap(broken, arrayMap(rule -> id, broken)), 'Map(String, String)') AS examples
    FROM
    (
        SELECT
            day,
            total_events AS counted,
            concat(toString(hour), ' of ', ifNull(commit_sha, 'no commit')) AS id,
            arrayFilter(value -> value IS NOT NULL, [avg_latency_ms, p50_latency_ms, p95_latency_ms]) AS latencies,
            arrayFilter(value -> value IS NOT NULL, [error_rate, abandonment_rate]) AS rates,
            arrayMap(rule -> rule.1, arrayFilter(rule -> rule.2, [
                ('outside_day', toDate(hour) != day OR toStartOfHour(hour) != hour),
                ('repeated_hour', count() OVER (PARTITION BY hour, commit_sha) > 1),
                ('more_sessions_than_events', ifNull(total_sessions > total_events, false)),
                ('more_latencies_than_events', n_latency > total_events),
                ('impossible_latency', arrayExists(value -> value < 0 OR NOT isFinite(value), latencies)),
                ('percentiles_unordered', ifNull(p50_latency_ms > p95_latency_ms * (1 + 1e-8), false)),
                ('few_samples', (p50_latency_ms IS NOT NULL AND n_latency < 5)
                    OR (p95_latency_ms IS NOT NULL AND n_latency < 20)),
                ('impossible_rate', arrayExists(value -> NOT (value >= 0 AND value <= 1), rates))
            ])) AS broken
        FROM session_stats
        WHERE day BETWEEN {first:Date} AND {last:Date}
    )
    GROUP BY day
) AS hours
FULL OUTER JOIN
(
    SELECT day, count() AS rows FROM ui_events WHERE day BETWEEN {first:Date} AND {last:Date} GROUP BY day
) AS events
USING (day)
ORDER BY day
