SELECT
    'bench_runs' AS table, formatDateTime(bench.hour, '%Y-%m-%dT%H', 'UTC') AS row_id, toDateTime64(bench.hour, 3, 'UTC') AS ts,
    CAST(bench.any_commit AS Nullable(String)) AS commit_sha, bench.any_source AS source, '' AS segment,
    CAST(bench.median AS Nullable(Float64)) AS value, CAST(users.median AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM
(
    SELECT
        toStartOfHour(ts) AS hour, quantileExactInclusive(0.5)(value) AS median,
        min(commit_sha) AS any_commit, min(source_path) AS any_source
    FROM bench_points
    WHERE day BETWEEN toDate({start:DateTime64(3, 'UTC')}) AND toDate({end:DateTime64(3, 'UTC')})
        AND benchmark = {benchmark:String}
        AND ifNull(model, '') = {model:String} AND ifNull(quant, '') = {quant:String} AND ifNull(dataset, '') = {dataset:String}
        AND metric = {metric:String} AND (unit = {unit:String} OR {unit:String} = '*') AND ifNull(environment_fingerprint, '') = {environment:String}
        AND ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}
    GROUP BY hour
) AS bench
INNER JOIN
(
    SELECT toStartOfHour(ts) AS hour, quantileExactInclusive(0.5)(assumeNotNull(latency_ms)) AS median
    FROM ui_events
    WHERE day BETWEEN toDate({start:DateTime64(3, 'UTC')}) AND toDate({end:DateTime64(3, 'UTC')})
        AND latency_ms IS NOT NULL AND ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}
    GROUP BY hour
    HAVING count() >= 5
) AS users ON users.hour = bench.hour
ORDER BY ts
