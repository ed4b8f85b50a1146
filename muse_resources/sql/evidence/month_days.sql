-- The finished days of the span: each with what became of it, and how many series were checked on it.
SELECT
    'episodes' AS table, toString(day) AS row_id, toDateTime64(day, 3, 'UTC') AS ts, hearts_commit AS commit_sha,
    'episodes of the month' AS source,
    transform(toString(status), ['published', 'skipped', 'draft'], ['told', 'quiet', 'waiting'], toString(status)) AS segment,
    CAST(series_checked AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM episodes
WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en'
    AND episodes.ts >= toDateTime64(day + 1, 3, 'UTC') AND status != 'approved'
ORDER BY row_id
