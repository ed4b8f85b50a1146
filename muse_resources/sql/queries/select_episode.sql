SELECT * FROM episodes WHERE day = {day:Date} AND lang = 'en'
