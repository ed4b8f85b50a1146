-- What the told days of the span said of earlier shifts: confirmed, refuted, or gone back.
SELECT
    'findings' AS table, concat(toString(day), ' ', finding_id) AS row_id, changed_at AS ts, first_bad_commit AS commit_sha,
    'findings of the month' AS source,
    multiIf(told_on IS NOT NULL, toString(state), effect = 'improvement', 'fixed', 'undone') AS segment,
    CAST(change_pct AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(benchmark AS Nullable(String)) AS text
FROM findings
WHERE ((told_on IS NOT NULL AND state IN ('confirmed', 'refuted')) OR (told_on IS NULL AND returned_on IS NOT NULL))
    AND day IN
    (
        SELECT day
        FROM episodes
        WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en' AND status = 'published'
    )
ORDER BY day, finding_id
