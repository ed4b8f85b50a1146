"""What is expected of the tables that are read from files, as checks beside their assets.

The expectations are data: one suite a table in `expectations/`. Each names the frame it reads, and that frame is
`sql/queries/expect_<table>_<frame>.sql`: `days`, a row of counts for each day over all of its rows, or `sample`, a
bounded number of rows. So a check costs about the same for a thousand rows and for ten million.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any

import dagster as dg

from muse_assets.daily import markdown_table
from muse_domain.ports import Row, Warehouse
from muse_resources.expectations import ExpectationResult, Suite, frames_of, validate

EXPECTED_TABLES = ("commits", "bench_runs", "ui_events", "session_stats")
SAMPLE_ROWS = 1000


def expectation_checks(partitions: dg.PartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """One check a table. It stops what follows in its run where an episode would be wrong, and warns otherwise."""
    return [_expectation_check(table, partitions) for table in EXPECTED_TABLES]


def read_suite(table: str) -> Suite:
    """The suite of a table. Its `notes` say what it is for, and when it blocks."""
    suite: Suite = json.loads((files("muse_assets") / "expectations" / f"{table}.json").read_text("utf-8"))
    return suite


def read_frames(suite: Suite, store: Warehouse, days: Sequence[date]) -> dict[str, list[Row]]:
    """The frames that a suite reads: a row for each day, and at most SAMPLE_ROWS rows over all of the days."""
    parameters = {"first": min(days), "last": max(days), "sample_rows": SAMPLE_ROWS}
    return {frame: store.select(f"expect_{suite['name']}_{frame}", parameters) for frame in frames_of(suite)}


def _expectation_check(table: str, partitions: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    suite = read_suite(table)

    @dg.asset_check(
        asset=table,
        name="expectations",
        description=suite["notes"],
        blocking=True,
        partitions_def=partitions,
    )
    def expectations(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        frames = read_frames(suite, warehouse.tagged(context.run.run_id), days)
        return _check_result(validate(suite, frames), frames)

    return expectations


def _check_result(results: Sequence[ExpectationResult], frames: Mapping[str, Sequence[Row]]) -> dg.AssetCheckResult:
    failed = [result for result in results if not result.passed]
    is_critical = any(result.is_critical for result in failed)
    metadata: dict[str, Any] = {
        "results": dg.MetadataValue.md(_table(results)),
        "expectations": len(results),
        "failed": len(failed),
        "rows_counted": sum(row["rows"] for row in frames["days"]),
        "rows_sampled": len(frames.get("sample", ())),
    }
    if failed:
        # Only what failed the run is its reason: a warning beside another failure must not hide it.
        metadata["reason" if is_critical else "warnings"] = "; ".join(_objection(result) for result in failed)
    severity = dg.AssetCheckSeverity.WARN if failed and not is_critical else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(passed=not failed, severity=severity, metadata=metadata)


def _objection(result: ExpectationResult) -> str:
    found = f" ({' | '.join(result.examples)})" if result.examples else ""
    return f"{result.name} does not hold for {result.observed}{found}"


def _table(results: Sequence[ExpectationResult]) -> str:
    """What failed comes first."""
    header = ("", "expectation", "what it says", "breaks it", "examples")
    listed = (
        (
            "✓" if result.passed else "✗ critical" if result.is_critical else "✗ warning",
            f"`{result.name}`",
            result.description,
            result.observed,
            "; ".join(result.examples),
        )
        for result in sorted(results, key=lambda result: (result.passed, not result.is_critical))
    )
    return markdown_table(header, listed)
