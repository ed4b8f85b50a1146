SELECT day, benchmark, source_path, quality_reasons
FROM bench_runs
WHERE day BETWEEN {first:Date} AND {last:Date} AND quality = 'quarantined'
ORDER BY ts, benchmark
LIMIT 20
