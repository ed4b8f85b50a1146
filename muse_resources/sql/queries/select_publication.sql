SELECT * FROM publications WHERE day = {day:Date}
