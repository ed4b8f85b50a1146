SELECT
    'bench_runs' AS table, toString(run_id) AS row_id, ts, commit_sha, source_path AS source,
    ifNull(environment_fingerprint, 'not stated') AS segment,
    CAST(value AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text
FROM bench_points
WHERE day BETWEEN toDate({start:DateTime64(3, 'UTC')}) AND toDate({end:DateTime64(3, 'UTC')})
    AND benchmark = {benchmark:String}
    AND ifNull(model, '') = {model:String} AND ifNull(quant, '') = {quant:String} AND ifNull(dataset, '') = {dataset:String}
    AND metric = {metric:String} AND (unit = {unit:String} OR {unit:String} = '*') AND ifNull(environment_fingerprint, '') != {environment:String}
    AND ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}
ORDER BY ts, row_id
