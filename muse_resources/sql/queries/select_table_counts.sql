SELECT name AS table, ifNull(total_rows, 0) AS rows
FROM system.tables
WHERE database = currentDatabase() AND engine = 'MergeTree' AND NOT startsWith(name, 'staging__')
ORDER BY name
