"""A file of events into a sorted Parquet file, with the columns of `ui_events`: `python polars_events.py FILE`."""

import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import polars as pl

SHAPE = {
    "timestamp": pl.String,
    "messageId": pl.String,
    "event": pl.String,
    "sessionId": pl.String,
    "release": pl.String,
    "latencyMs": pl.Float64,
    "userAgent": pl.String,
    "page": pl.String,
}
DAY = date(2025, 9, 1)


def browser(name: str, sign: str) -> pl.Expr:
    version = pl.col("userAgent").str.extract(rf"{sign}/(\d+)")
    return pl.when(version.is_not_null()).then(pl.lit(f"{name} ") + version)


def events(file: str) -> pl.LazyFrame:
    """The lazy frame of a day's events, sorted as the table is."""
    ts = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ms")
    commit = pl.col("release").str.to_lowercase()
    is_commit = pl.col("release").str.contains("^[0-9a-fA-F]{40}$")
    agents = [browser("Edge", "Edg"), browser("Firefox", "Firefox"), browser("Chrome", "Chrome")]
    return (
        pl.scan_ndjson(file, schema=SHAPE)
        .select(
            ts.dt.date().alias("day"),
            ts.alias("ts"),
            pl.col("messageId").alias("event_id"),
            pl.col("sessionId").hash(seed=7).alias("session_id"),
            pl.when(is_commit).then(commit).alias("commit_sha"),
            pl.col("event").alias("event_type"),
            pl.col("latencyMs").alias("latency_ms"),
            pl.coalesce(*(agent.otherwise(None) for agent in agents), pl.lit("other")).alias("user_agent"),
            pl.struct("page").alias("metadata"),
            pl.lit("events").alias("source_path"),
        )
        .filter(pl.col("day") == DAY)
        .sort("event_type", "ts")
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "events.parquet"
        started = time.perf_counter()
        events(sys.argv[1]).sink_parquet(target)
        seconds = time.perf_counter() - started
        rows = pl.scan_parquet(target).select(pl.len()).collect().item()
    status = Path("/proc/self/status").read_text()
    peak_mb = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "rows": rows, "engine_mb": peak_mb}))


if __name__ == "__main__":
    main()
