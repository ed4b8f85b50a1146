SELECT
    'series_checks' AS table, series_id AS row_id, toDateTime64(day, 3, 'UTC') AS ts, CAST(NULL AS Nullable(String)) AS commit_sha,
    'findings of the day' AS source, outcome AS segment,
    CAST(1 AS Nullable(Float64)) AS value, p_value AS pair, CAST(benchmark AS Nullable(String)) AS text
FROM series_checks
WHERE day = {day:Date} AND p_value IS NOT NULL
ORDER BY row_id
