"""What a person decides about an episode that waits: a record of exactly one text, which the next build reads."""

import dagster as dg

from muse_assets.daily import DailyAsset, day_of, day_result
from muse_assets.overrides import GROUP
from muse_domain.episodes import EpisodeStatus, approval_objection
from muse_domain.ports import Clock, Warehouse


class ApprovalConfig(dg.Config):
    """Who approves the day's draft as it is stored now; or that an earlier approval is withdrawn."""

    by: str = ""
    withdraw: bool = False


def approvals(
    context: dg.AssetExecutionContext,
    config: ApprovalConfig,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """A person's decision that the day's draft goes out although its confidence is below `publish_at`.

    It holds for the text that was read, not for the day: another text waits again. A text whose verdict did not pass,
    or whose confidence is below `hold_below`, is not a draft, and nobody can approve it.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    if config.withdraw:
        store.replace_days("approvals", [day], [])
        return day_result(0, "Withdrawn.")
    by = " ".join(config.by.split())
    if not by:
        raise dg.Failure("An approval needs a name: set ops.approvals.config.by.", allow_retries=False)
    stored = store.select("select_episode", {"day": day})
    episode = stored[0] if stored else {"status": "", "reason": ""}
    objection = approval_objection(day, episode["status"], episode["reason"], clock.now())
    if objection:
        raise dg.Failure(objection, allow_retries=False)
    content_sha256 = episode["content_sha256"]
    row = {"day": day, "ts": clock.now(), "by": by, "content_sha256": content_sha256}
    store.replace_days("approvals", [day], [row])
    said = f"{by} approves {episode['title']!r} ({EpisodeStatus.DRAFT} {content_sha256[:12]})."
    return day_result(1, said, by=by, title=episode["title"], content_sha256=content_sha256)


def approval_assets() -> list[DailyAsset]:
    """The asset, in the group of what people decide."""
    return [DailyAsset(approvals, GROUP, [], frozenset({"clickhouse"}), ["approvals"], one_run=False)]
