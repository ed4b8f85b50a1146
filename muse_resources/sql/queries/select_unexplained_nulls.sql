SELECT benchmark, null_column.1 AS column, count() AS runs
FROM bench_runs
ARRAY JOIN [
    ('latency_p50_ms', latency_p50_ms), ('latency_p95_ms', latency_p95_ms), ('latency_p99_ms', latency_p99_ms),
    ('tokens_per_sec', tokens_per_sec), ('cost_per_1k', cost_per_1k), ('memory_peak_mb', memory_peak_mb)
] AS null_column
WHERE day BETWEEN {first:Date} AND {last:Date} AND null_column.2 IS NULL AND null_reasons[null_column.1] = ''
GROUP BY benchmark, column
ORDER BY benchmark, column
