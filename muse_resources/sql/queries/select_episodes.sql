SELECT day, series, episode, title, status, reason, confidence_score, correlation_strength, series_checked
FROM episodes
WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en'
ORDER BY day
