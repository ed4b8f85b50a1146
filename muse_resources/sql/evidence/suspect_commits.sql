SELECT
    'commits' AS table, commit_sha AS row_id, ts, CAST(commit_sha AS Nullable(String)) AS commit_sha, repository AS source,
    '' AS segment, CAST(1 AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(subject AS Nullable(String)) AS text
FROM commits
WHERE repository = 'hearts' AND has((SELECT any(suspect_commits) FROM findings WHERE day = {day:Date} AND finding_id = {finding_id:String}), commits.commit_sha)
ORDER BY ts, row_id
