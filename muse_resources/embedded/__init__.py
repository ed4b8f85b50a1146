"""The embedded ClickHouse: one owner process for each warehouse folder, reached over HTTP."""
