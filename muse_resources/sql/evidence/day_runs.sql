SELECT
    'bench_runs' AS table, toString(run_id) AS row_id, ts, commit_sha, source_path AS source, quality AS segment,
    CAST(1 AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, model AS text
FROM bench_runs
WHERE day = {day:Date} AND quality != 'quarantined'
ORDER BY ts, row_id
