"""What may be said: every fact of the day with its query and the hash of its rows."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import numpy as np

from muse_assets.council.stored import evidence_of, stored_findings
from muse_assets.daily import count_by_day, days_of, markdown_table, range_result
from muse_domain.fact_sheet import day_specs, finding_specs, names_of, relation_parameters
from muse_domain.facts import FactSpec, fact_to_row, settle
from muse_domain.findings import Finding
from muse_domain.ports import Warehouse
from muse_domain.relations import Relation, relate


def fact_sheets(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
    """Every fact that the day's episode may state, each with its query and the hash of its rows."""
    days = days_of(context)
    store = warehouse.tagged(context.run.run_id)
    rows = []
    for day in days:
        specs = _specs(day, stored_findings(store, day), store)
        evidence = evidence_of(specs, store)
        rows += [{"day": day, **fact_to_row(settle(spec, evidence[spec.fact_id]))} for spec in specs]
    store.replace_days("fact_sheets", days, rows)
    listed = ((row["fact_id"], row["value"] if row["text"] is None else row["text"], row["unit"],
               row["row_count"], row["query"]) for row in rows)  # fmt: skip
    preview = markdown_table(("fact", "value", "unit", "rows", "query"), listed, longest=60)
    return range_result(context, count_by_day(days, rows), preview)


def _specs(day: date, found: Sequence[Finding], store: Warehouse) -> list[FactSpec]:
    specs, names = day_specs(day), names_of(found)
    for finding in found:
        specs += finding_specs(finding, day, _relation(finding, day, store), named=names[finding.finding_id])
    return specs


def _relation(finding: Finding, day: date, store: Warehouse) -> Relation | None:
    """Whether the finding's benchmark and the users' latency moved together over the trailing week."""
    if finding.key.unit != "ms":
        return None
    rows = store.select("hourly_pairs", relation_parameters(finding, day))
    left, right = np.array([row["value"] for row in rows]), np.array([row["pair"] for row in rows])
    return relate(left, right, seed=int(finding.key.series_id, 16))
