SELECT
    'bench_runs' AS table, toString(run_id) AS row_id, ts, commit_sha, source_path AS source, '' AS segment,
    CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, commit_sha AS text
FROM bench_runs
WHERE day = {day:Date} AND quality != 'quarantined' AND commit_sha IS NOT NULL
ORDER BY ts, row_id
