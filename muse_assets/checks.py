"""What holds for a day's rows and episode, for the eye and for stopping early. The gates stand in the assets."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from muse_assets.expectation_checks import expectation_checks
from muse_assets.publish import verdict_objection
from muse_domain.episodes import check_front_matter, check_sections
from muse_domain.ports import Row, Warehouse
from muse_domain.settings import Settings
from muse_resources.workspace import Workspace

EPISODE_CHECKS: Mapping[str, str] = {
    "front_matter_is_complete": "All eleven keys stand in the front matter; a null has its reason.",
    "sections_are_in_order": "The five sections stand once each and in order; code fences hold no headings.",
    "confidence_reaches_policy": "Confidence reaches the threshold of publication (warns below it).",
    "claims_match_facts": "The stored verdict passed for exactly this text.",
}


def daily_checks(partitions: dg.PartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """Every check that is not a gate."""
    return [*expectation_checks(partitions), _episode_checks(partitions), _run_checks(partitions)]


def _episode_checks(partitions: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    specs = [
        dg.AssetCheckSpec(name, asset="episodes", description=description, partitions_def=partitions)
        for name, description in EPISODE_CHECKS.items()
    ]

    @dg.multi_asset_check(name="episode_checks", specs=specs)
    def episode_checks(
        context: dg.AssetCheckExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        workspace: dg.ResourceParam[Workspace],
    ) -> Iterator[dg.AssetCheckResult]:
        day = date.fromisoformat(context.partition_key)
        store = warehouse.tagged(context.run.run_id)
        rows = store.select("select_episode", {"day": day})
        for name in EPISODE_CHECKS:
            yield _episode_result(name, day, rows[0] if rows else None, store, workspace.settings)

    return episode_checks


def _episode_result(
    name: str, day: date, episode: Row | None, store: Warehouse, settings: Settings
) -> dg.AssetCheckResult:
    if episode is None:
        return _result(name, ["no episode of this day is stored"])
    if episode["status"] == "skipped":
        return _result(name, [], reason=episode["reason"])
    if name == "confidence_reaches_policy":
        return _confidence_result(name, episode, settings)
    judgements: Mapping[str, Callable[[], list[str]]] = {
        "front_matter_is_complete": lambda: check_front_matter(episode["canonical"]),
        "sections_are_in_order": lambda: check_sections(episode["canonical"]),
        "claims_match_facts": lambda: [o for o in [verdict_objection(store, day, episode["canonical"])] if o],
    }
    return _result(name, judgements[name]())


def _confidence_result(name: str, episode: Row, settings: Settings) -> dg.AssetCheckResult:
    confidence, wanted = episode["confidence_score"], settings.policy.publish_at
    problems = [] if confidence >= wanted else [f"confidence {confidence:.2f} is below {wanted:.2f}"]
    return _result(name, problems, severity=dg.AssetCheckSeverity.WARN, confidence=confidence)


def _result(
    name: str,
    problems: list[str],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **metadata: Any,
) -> dg.AssetCheckResult:
    shown = {"problems": "; ".join(problems)} if problems else {}
    return dg.AssetCheckResult(
        check_name=name, asset_key="episodes", passed=not problems, severity=severity, metadata={**shown, **metadata}
    )


def _run_checks(partitions: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="bench_runs",
        name="nulls_have_reasons",
        description="Percentiles, throughput, cost and memory that a run does not state carry the reason why.",
        partitions_def=partitions,
    )
    def nulls_have_reasons(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        span = {"first": min(days), "last": max(days)}
        rows = warehouse.tagged(context.run.run_id).select("select_unexplained_nulls", span)
        listed = "; ".join(f"{row['benchmark']}: {row['column']} ({row['runs']})" for row in rows[:20])
        return dg.AssetCheckResult(passed=not rows, metadata={"unexplained": listed})

    return nulls_have_reasons
