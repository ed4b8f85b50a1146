"""What a person decides against the watcher: a record, which the gate reads. No tag and no run config opens a gate."""

import dagster as dg

from muse_assets.daily import DailyAsset, day_of, day_result
from muse_domain.ports import Clock, Warehouse

# Outside of the groups that a job builds: nothing but a person materialises it.
GROUP = "people"


class OverrideConfig(dg.Config):
    """Who overrides the watcher's gate for this day, and why; or that an earlier override is withdrawn."""

    reason: str = ""
    by: str = ""
    withdraw: bool = False


def overrides(
    context: dg.AssetExecutionContext,
    config: OverrideConfig,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """A person's decision that this day is written about although the watcher objects.

    It opens the watcher's gate for this day, however a run is started, and nothing else: no text is published whose
    verdict did not pass. The reason is printed in the episode; who decided stays in this table and at the gate.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    if config.withdraw:
        store.replace_days("overrides", [day], [])
        return day_result(0, "Withdrawn.")
    reason, by = " ".join(config.reason.split()), " ".join(config.by.split())
    if not reason or not by:
        missing = "a reason" if not reason else "a name"
        raise dg.Failure(f"An override needs {missing}: set ops.overrides.config.reason and .by.", allow_retries=False)
    row = {"day": day, "ts": clock.now(), "by": by, "reason": reason}
    store.replace_days("overrides", [day], [row])
    return day_result(1, f"{by}: {reason}", reason=reason, by=by)


def override_assets() -> list[DailyAsset]:
    """The group."""
    return [DailyAsset(overrides, GROUP, [], frozenset({"clickhouse"}), ["overrides"], one_run=False)]
