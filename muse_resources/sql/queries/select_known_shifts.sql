SELECT day, series_id, changed_at, direction
FROM findings
WHERE day >= {first:Date} AND day < {before:Date}
ORDER BY day, series_id
