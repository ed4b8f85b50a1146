SELECT maxOrNull(ts) AS newest FROM bench_runs WHERE day BETWEEN {first:Date} AND {last:Date} AND quality != 'quarantined'
