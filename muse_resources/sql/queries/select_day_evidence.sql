SELECT
    (SELECT count() FROM bench_runs WHERE day = {day:Date}) AS hearts_rows,
    (SELECT count() FROM ui_events WHERE day = {day:Date}) AS packs_rows,
    (SELECT argMaxOrNull(commit_sha, ts) FROM commits WHERE day = {day:Date} AND repository = 'hearts') AS hearts_commit,
    (SELECT argMaxOrNull(commit_sha, ts) FROM commits WHERE day = {day:Date} AND repository = 'packs') AS packs_commit
