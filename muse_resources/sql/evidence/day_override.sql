SELECT
    'overrides' AS table, toString(day) AS row_id, ts, CAST(NULL AS Nullable(String)) AS commit_sha,
    'overrides of the day' AS source, '' AS segment,
    CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(reason AS Nullable(String)) AS text
FROM overrides
WHERE day = {day:Date}
