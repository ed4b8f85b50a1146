-- Every usable measured value as one row: what findings compare and what claims cite.
-- A benchmark's typical latency is its median where one was measured, else its mean: never both, or one
-- change would be found twice.

CREATE OR REPLACE VIEW bench_points AS
SELECT
    day, ts, run_id, commit_sha, benchmark, model, quant, dataset, environment_fingerprint, source_format, source_path,
    point.1 AS metric, point.2 AS unit, point.3 AS better, assumeNotNull(point.4) AS value
FROM
(
    SELECT
        *,
        arrayJoin([
            ('latency_p50_ms', 'ms', 'lower', latency_p50_ms),
            ('latency_mean_ms', 'ms', 'lower', if(latency_p50_ms IS NULL, latency_mean_ms, NULL)),
            ('latency_p95_ms', 'ms', 'lower', latency_p95_ms),
            ('tokens_per_sec', 'tokens/s', 'higher', tokens_per_sec),
            ('cost_per_1k', 'USD', 'lower', cost_per_1k),
            ('memory_peak_mb', 'MB', 'lower', memory_peak_mb)
        ]) AS point
    FROM bench_runs
    WHERE quality != 'quarantined'
)
WHERE point.4 IS NOT NULL
UNION ALL
SELECT
    run.day, run.ts, run.run_id, run.commit_sha, run.benchmark, run.model, run.quant, run.dataset,
    run.environment_fingerprint, run.source_format, run.source_path,
    further.metric, further.unit, further.better, further.value
FROM bench_metrics AS further
INNER JOIN bench_runs AS run ON run.day = further.day AND run.run_id = further.run_id
WHERE run.quality != 'quarantined';
