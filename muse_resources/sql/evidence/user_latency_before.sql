SELECT
    'ui_events' AS table, concat(toString(min(day)), ' to ', toString(max(day))) AS row_id,
    toDateTime64(min(day), 3, 'UTC') AS ts, CAST(NULL AS Nullable(String)) AS commit_sha,
    'ui_events of these days' AS source, '' AS segment,
    if(uniqExact(day) < dateDiff('day', {first:Date}, {last:Date}) + 1, NULL, toFloat64(quantileExactInclusive(0.5)(assumeNotNull(latency_ms)))) AS value,
    CAST(count() AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM ui_events
WHERE day BETWEEN {first:Date} AND {last:Date} AND latency_ms IS NOT NULL
HAVING count() > 0
