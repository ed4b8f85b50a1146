-- Tables that lie on this node only.
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') AND NOT startsWith(engine, 'Replicated')
    AND NOT startsWith(name, 'staging__')
ORDER BY name
