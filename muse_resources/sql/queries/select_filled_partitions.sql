-- The partitions of a table of this server that hold rows: known without reading any.
SELECT DISTINCT partition
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active AND rows > 0
