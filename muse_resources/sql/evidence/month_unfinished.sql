-- Days of the span that are not built to their end: the others are those of month_days.
SELECT
    'episodes' AS table, toString(day) AS row_id, toDateTime64(day, 3, 'UTC') AS ts, CAST(NULL AS Nullable(String)) AS commit_sha,
    'days without a final episode' AS source, '' AS segment,
    CAST(1 AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM
(
    SELECT toDate({first:Date}) + number AS day
    FROM numbers(toUInt64(dateDiff('day', {first:Date}, {last:Date}) + 1))
)
WHERE day NOT IN
(
    SELECT day
    FROM episodes
    WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en'
        AND episodes.ts >= toDateTime64(day + 1, 3, 'UTC') AND status != 'approved'
)
ORDER BY row_id
