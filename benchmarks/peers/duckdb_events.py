"""A file of events into a sorted DuckDB table, with the columns of `ui_events`: `python duckdb_events.py FILE`."""

import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb

LOAD = """
CREATE TABLE ui_events AS
SELECT
    CAST(timestamp AS DATE) AS day,
    CAST(timestamp AS TIMESTAMP) AS ts,
    messageId AS event_id,
    substring(sha256('benchmark' || sessionId), 1, 32)::UUID AS session_id,
    CASE WHEN regexp_full_match(release, '[0-9a-fA-F]{40}') THEN lower(release) END AS commit_sha,
    event AS event_type,
    latencyMs AS latency_ms,
    CASE
        WHEN regexp_matches(userAgent, 'Edg/\\d') THEN 'Edge ' || regexp_extract(userAgent, 'Edg/(\\d+)', 1)
        WHEN regexp_matches(userAgent, 'Firefox/\\d') THEN 'Firefox ' || regexp_extract(userAgent, 'Firefox/(\\d+)', 1)
        WHEN regexp_matches(userAgent, 'Chrome/\\d') THEN 'Chrome ' || regexp_extract(userAgent, 'Chrome/(\\d+)', 1)
        ELSE 'other'
    END AS user_agent,
    MAP {'page': page} AS metadata,
    'events' AS source_path
FROM read_json(?, format = 'newline_delimited', columns = {
    timestamp: 'TIMESTAMP', messageId: 'VARCHAR', event: 'VARCHAR', sessionId: 'VARCHAR', release: 'VARCHAR',
    latencyMs: 'DOUBLE', userAgent: 'VARCHAR', page: 'VARCHAR'})
WHERE timestamp >= TIMESTAMP '2025-09-01' AND timestamp < TIMESTAMP '2025-09-02'
ORDER BY event_type, ts
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = duckdb.connect(f"{folder}/events.duckdb")
        started = time.perf_counter()
        base.execute(LOAD, [sys.argv[1]])
        base.execute("CHECKPOINT")
        seconds = time.perf_counter() - started
        [rows] = base.execute("SELECT count(*) FROM ui_events").fetchone()
    status = Path("/proc/self/status").read_text()
    peak_mb = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "rows": rows, "engine_mb": peak_mb}))


if __name__ == "__main__":
    main()
