SELECT ts, commit_sha
FROM bench_runs
WHERE day BETWEEN {first:Date} AND {last:Date} AND commit_sha IS NOT NULL AND quality != 'quarantined'
ORDER BY ts DESC, run_id
LIMIT 1
