SELECT * FROM episode_verdicts WHERE day = {day:Date}
