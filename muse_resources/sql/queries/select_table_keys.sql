-- How a table is divided and sorted.
SELECT partition_key, sorting_key
FROM system.tables
WHERE database = currentDatabase() AND name = {table:String}
