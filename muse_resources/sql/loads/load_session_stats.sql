-- Hourly rollup by commit. A rate or percentile that was not measured is null, never zero.
INSERT INTO {target:Identifier}
    (day, hour, commit_sha, total_sessions, total_events, n_latency, avg_latency_ms, p50_latency_ms, p95_latency_ms,
     error_rate, abandonment_rate)
SELECT
    day,
    toStartOfHour(ts) AS hour,
    commit_sha,
    nullIf(uniqExact(session_id), 0) AS total_sessions,
    count() AS total_events,
    count(latency_ms) AS n_latency,
    avg(latency_ms) AS avg_latency_ms,
    if(n_latency < 5, NULL, (quantilesExactInclusive(0.5, 0.95)(latency_ms) AS percentiles)[1]) AS p50_latency_ms,
    if(n_latency < 20, NULL, percentiles[2]) AS p95_latency_ms,
    if(empty({error_types:Array(String)}), NULL,
        countIf(event_type IN {error_types:Array(String)}) / count()) AS error_rate,
    if((countIf(event_type IN {start_types:Array(String)}) AS started) = 0 OR empty({completion_types:Array(String)}), NULL,
        greatest(0, 1 - countIf(event_type IN {completion_types:Array(String)}) / started)) AS abandonment_rate
FROM ui_events
WHERE day BETWEEN {first:Date} AND {last:Date} AND day IN {days:Array(Date)}
GROUP BY day, hour, commit_sha
