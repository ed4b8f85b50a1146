SELECT count() AS rows_found, minOrNull(ts) AS first_row_at
FROM ui_events
WHERE ts >= {committed_at:DateTime64(3, 'UTC')} AND (commit_sha = {commit_sha:String} OR commit_sha IS NULL)
