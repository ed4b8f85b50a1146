SELECT day, uniqExact(source) AS sources
FROM day_loads
WHERE day BETWEEN {first:Date} AND {last:Date} AND source IN {sources:Array(String)}
GROUP BY day
ORDER BY day
