SELECT
    'commits' AS table, commit_sha AS row_id, ts, CAST(commit_sha AS Nullable(String)) AS commit_sha, repository AS source,
    repository AS segment, CAST(1 AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(commit_sha AS Nullable(String)) AS text
FROM commits
WHERE day = {day:Date} AND repository = 'hearts'
ORDER BY ts, row_id
