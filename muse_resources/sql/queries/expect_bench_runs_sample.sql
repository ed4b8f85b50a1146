-- The same runs whenever it is asked. `text` is every column that a report's author may have written into; `id` is
-- shown where one is refused, and holds none of them.
SELECT
    toString(run_id) AS id,
    ts_source,
    commit_sha,
    leftUTF8(arrayStringConcat(arrayConcat(
        [benchmark, suite, ifNull(model, ''), ifNull(quant, ''), ifNull(dataset, ''), source_path],
        mapValues(environment), quality_reasons, mapValues(null_reasons)), '\n'), 2000) AS text
FROM bench_runs
WHERE day BETWEEN {first:Date} AND {last:Date}
ORDER BY cityHash64(run_id), run_id
LIMIT {sample_rows:UInt32}
