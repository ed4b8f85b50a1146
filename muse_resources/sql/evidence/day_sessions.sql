SELECT
    'ui_events' AS table, toString(day) AS row_id, toDateTime64(day, 3, 'UTC') AS ts, CAST(NULL AS Nullable(String)) AS commit_sha,
    'ui_events of the day' AS source, '' AS segment,
    if(uniqExact(session_id) = 0, NULL, toFloat64(uniqExact(session_id))) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM ui_events
WHERE day = {day:Date}
GROUP BY day
