SELECT
    'watcher_runs' AS table, toString(run_id) AS row_id, toDateTime64(day, 3, 'UTC') AS ts, hearts_commit AS commit_sha,
    'watcher_runs of the day' AS source, '' AS segment,
    CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(toString(day) AS Nullable(String)) AS text
FROM watcher_runs
WHERE day = {day:Date}
