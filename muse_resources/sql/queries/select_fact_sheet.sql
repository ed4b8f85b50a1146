SELECT * FROM fact_sheets WHERE day = {day:Date} ORDER BY fact_id
