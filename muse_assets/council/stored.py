"""What later steps read back of a day: its findings, its facts, and the rows behind them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from muse_domain.composition import episode_charts
from muse_domain.fact_sheet import series_parameters
from muse_domain.facts import EvidenceRow, Fact, FactSpec, bound_instant, fact_from_row, recheck
from muse_domain.findings import Finding
from muse_domain.measurements import RUN_NAMESPACE
from muse_domain.ports import Warehouse
from muse_domain.stored import finding_from_row
from muse_domain.verdicts import Objection
from muse_resources.evidence import Evidence


def stored_findings(store: Warehouse, day: date) -> list[Finding]:
    """The day's findings, f1 first."""
    return [finding_from_row(row) for row in store.select("select_findings", {"first": day, "last": day})]


def stored_sheet(store: Warehouse, day: date) -> dict[str, Fact]:
    """The day's facts by id."""
    return {row["fact_id"]: fact_from_row(row) for row in store.select("select_fact_sheet", {"day": day})}


def stale_facts(
    sheet: Mapping[str, Fact], evidence: Mapping[str, Sequence[EvidenceRow]], settled_by: str = "fact_sheets"
) -> list[Objection]:
    """Facts of the sheet that today's rows no longer give: a text about them may not pass."""
    rechecks = [recheck(fact, evidence[fact_id]) for fact_id, fact in sheet.items()]
    return [
        Objection("stale_fact", "facts", f"{one.fact_id} {one.problem}: materialise {settled_by} again", one.fact_id)
        for one in rechecks
        if one.problem
    ]


def stored_charts(store: Warehouse, day: date) -> dict[str, str]:
    """The picture of each of the day's findings and the table of its data, by file name."""
    found = stored_findings(store, day)
    points = {finding.finding_id: store.select("select_chart_points", _window(finding)) for finding in found}
    return episode_charts(found, stored_sheet(store, day), points)


def _window(finding: Finding) -> dict[str, Any]:
    return {
        **series_parameters(finding),
        "window_start": bound_instant(finding.window_start),
        "window_end": bound_instant(finding.window_end),
    }


def evidence_of(specs: Iterable[FactSpec], store: Warehouse) -> dict[str, list[EvidenceRow]]:
    """The rows behind each fact, by fact id."""
    every, evidence = list(specs), Evidence(store)
    evidence.ask_together(every)
    return {spec.fact_id: evidence.of(spec) for spec in every}


def evidence_of_sheet(sheet: Mapping[str, Fact], store: Warehouse) -> dict[str, list[EvidenceRow]]:
    """Today's rows behind each fact of a stored sheet, by fact id."""
    return evidence_of((fact.spec for fact in sheet.values()), store)


def episode_run_id(day: date) -> uuid.UUID:
    """The episode's own id: the same day is always the same episode."""
    return uuid.uuid5(RUN_NAMESPACE, f"episode:{day}")
