SELECT day, ts, by, reason FROM overrides WHERE day = {day:Date}
