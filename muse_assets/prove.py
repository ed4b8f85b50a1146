"""What is published and no longer holds: every claim of every episode, run again once a day."""

import inspect
import time
from typing import Any

import dagster as dg

from muse_assets.daily import OWNER, markdown_table, table_metadata
from muse_assets.retries import RETRY_POLICY, retried
from muse_domain.episodes import episode_name
from muse_domain.notices import Notifier
from muse_domain.ports import Clock, Publisher, Row, Warehouse
from muse_domain.proofs import changed_days, correction_notice, correction_rows
from muse_resources.proof import prove_all

# Outside of the groups of the daily job: a day is built without proving all of history.
GROUP = "prove"
CLAIMS_HOLD = "published_claims_hold"


def corrections(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    publisher: dg.ResourceParam[Publisher],
    notifier: dg.ResourceParam[Notifier],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The claims of published episodes that the warehouse no longer gives: a row for each, by the episode's day.

    One look at all that is published. People are told of each broken claim once; where that failed, by the next look.
    """
    started = time.perf_counter()
    store = warehouse.tagged(context.run.run_id)
    proofs = list(prove_all(publisher, store))
    known = store.select("select_corrections")
    rows = correction_rows(proofs, known, clock.now())
    notice = correction_notice(rows, known)
    untold = notifier.tell(notice) if notice else ""
    if untold:
        context.log.warning("not told yet: %s", untold)
    else:
        rows = [row | {"told": True} for row in rows]
    days = changed_days(rows, known)
    if days:
        store.replace_days("corrections", days, [row for row in rows if row["day"] in days])
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "episodes": len(proofs),
            "claims": sum(proof.claims for proof in proofs),
            "marked": len({row["day"] for row in rows}),
            "told": notice.title if notice and not untold else untold or "nothing new",
            "duration_ms": (time.perf_counter() - started) * 1000.0,
            "preview": dg.MetadataValue.md(_preview(rows)),
        },
        check_results=[dg.AssetCheckResult(check_name=CLAIMS_HOLD, passed=not rows, metadata={"broken": len(rows)})],
    )


def _preview(rows: list[Row]) -> str:
    if not rows:
        return "Every claim of every published episode holds.\n"
    listed = [
        (f"{row['series']}/{episode_name(row['episode'])}", row["day"], row["fact_id"], row["claim"], row["problem"],
         f"{row['found_at']:%Y-%m-%d %H:%M}")
        for row in rows
    ]  # fmt: skip
    return markdown_table(("episode", "day", "fact", "claim", "what is wrong", "found"), listed)


def corrections_asset() -> Any:
    """The asset. It has no partitions: what is looked at is all that is published, whatever its day."""
    spec = dg.AssetCheckSpec(
        CLAIMS_HOLD, asset="corrections", description="Every claim of every published episode holds in the warehouse."
    )
    return dg.asset(
        name="corrections",
        group_name=GROUP,
        deps=["publications", "digest_publications"],
        kinds={"clickhouse", "git"},
        owners=[OWNER],
        description=inspect.getdoc(corrections),
        metadata=table_metadata("corrections"),
        check_specs=[spec],
        retry_policy=RETRY_POLICY,
    )(retried(corrections))
