-- What stands in sql/migrations and was applied.
CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, name String, sha256 String) ENGINE = MergeTree ORDER BY version
