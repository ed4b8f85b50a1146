SELECT
    'commits' AS table, commit_sha AS row_id, ts, CAST(commit_sha AS Nullable(String)) AS commit_sha, repository AS source,
    '' AS segment, CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(subject AS Nullable(String)) AS text
FROM commits
WHERE commits.commit_sha = {commit_sha:String}
LIMIT 1
