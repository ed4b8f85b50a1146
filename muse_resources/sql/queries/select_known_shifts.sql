SELECT
    day, finding_id, benchmark, model, quant, dataset, metric, unit, better, environment_fingerprint,
    changed_at, direction, state, told_on, told_as, returned_on, returned_as, segment_start, before_median
FROM findings
WHERE day < {before:Date}
ORDER BY day, toUInt32(substring(finding_id, 2))
