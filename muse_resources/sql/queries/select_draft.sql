SELECT * FROM episode_drafts WHERE day = {day:Date}
