SELECT * FROM watcher_runs WHERE day = {day:Date}
