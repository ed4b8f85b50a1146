SELECT count() AS rows_found, minOrNull(ts) AS first_row_at FROM bench_runs WHERE commit_sha = {commit_sha:String}
