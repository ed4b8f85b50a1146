-- Every series that was checked on a quiet day of the span, with on how many of them.
SELECT
    'series_checks' AS table, series_id AS row_id, toDateTime64(min(day), 3, 'UTC') AS ts, CAST(NULL AS Nullable(String)) AS commit_sha,
    'series checks of quiet days' AS source, '' AS segment,
    CAST(count() AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(min(benchmark) AS Nullable(String)) AS text
FROM series_checks
WHERE p_value IS NOT NULL AND day IN
(
    SELECT day
    FROM episodes
    WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en'
        AND episodes.ts >= toDateTime64(day + 1, 3, 'UTC') AND status = 'skipped'
)
GROUP BY series_id
ORDER BY row_id
