SELECT * FROM digest_publications WHERE day = {day:Date}
