SELECT
    (SELECT count() FROM bench_runs WHERE day BETWEEN {first:Date} AND {last:Date}) AS hearts,
    (SELECT count() FROM ui_events WHERE day BETWEEN {first:Date} AND {last:Date}) AS packs
