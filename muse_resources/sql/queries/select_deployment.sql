SELECT * FROM deployments WHERE day = {day:Date}
