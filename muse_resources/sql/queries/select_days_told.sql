SELECT day
FROM episodes
WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en' AND ts >= toDateTime64(day + 1, 3, 'UTC')
ORDER BY day
