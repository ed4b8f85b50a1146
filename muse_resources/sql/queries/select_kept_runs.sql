SELECT *
FROM bench_runs
WHERE day IN {days:Array(Date)} AND (source_path IN {paths:Array(String)} OR source_sha256 IN {sha256:Array(String)})
ORDER BY day, ts, run_id
