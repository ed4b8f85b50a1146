SELECT day, uniqExact(source) AS sources
FROM loaded_days FINAL
WHERE day BETWEEN {first:Date} AND {last:Date} AND source IN {sources:Array(String)}
GROUP BY day
ORDER BY day
