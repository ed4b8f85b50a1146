SELECT * FROM digests WHERE day = {day:Date}
