SELECT countIf(quality = 'ok') AS ok, countIf(quality = 'flagged') AS flagged, countIf(quality = 'quarantined') AS quarantined
FROM bench_runs
WHERE day BETWEEN {first:Date} AND {last:Date}
