-- How many rows these partitions of a table on this server hold: known without reading any.
SELECT partition, sum(rows) AS stored_rows
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active AND partition IN {days:Array(String)}
GROUP BY partition
HAVING stored_rows > 0
