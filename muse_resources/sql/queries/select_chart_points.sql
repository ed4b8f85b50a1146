SELECT ts, value, commit_sha, environment_fingerprint
FROM bench_points
WHERE day BETWEEN toDate({window_start:DateTime64(3, 'UTC')}) AND toDate({window_end:DateTime64(3, 'UTC')})
    AND benchmark = {benchmark:String}
    AND ifNull(model, '') = {model:String} AND ifNull(quant, '') = {quant:String} AND ifNull(dataset, '') = {dataset:String}
    AND metric = {metric:String} AND unit = {unit:String}
    AND ts >= {window_start:DateTime64(3, 'UTC')} AND ts < {window_end:DateTime64(3, 'UTC')}
ORDER BY ts, run_id
