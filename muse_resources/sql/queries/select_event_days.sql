SELECT day, count() AS rows FROM ui_events WHERE day < {before:Date} GROUP BY day ORDER BY day
