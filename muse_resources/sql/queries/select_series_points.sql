SELECT ts, benchmark, model, quant, dataset, metric, unit, better, environment_fingerprint, commit_sha, source_format, value
FROM bench_points
WHERE day BETWEEN {first:Date} AND {last:Date}
ORDER BY ts, run_id, metric
