SELECT commit_sha, count() AS rows_found, minOrNull(ts) AS first_row_at
FROM bench_runs
WHERE commit_sha IN {shas:Array(String)}
GROUP BY commit_sha
