-- The day's p95, where one series alone has one: unlike things have no common percentile.
SELECT
    'bench_runs' AS table, toString(run_id) AS row_id, ts, commit_sha, source_path AS source, '' AS segment,
    latency_p95_ms AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM bench_runs
WHERE day = {day:Date} AND quality = 'ok' AND latency_p95_ms IS NOT NULL AND n_samples >= 20
    AND (SELECT uniqExact((benchmark, model, quant, dataset, environment_fingerprint)) FROM bench_runs
         WHERE day = {day:Date} AND quality = 'ok' AND latency_p95_ms IS NOT NULL AND n_samples >= 20) = 1
ORDER BY ts, row_id
