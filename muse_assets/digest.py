"""What became of a month: a post that tells every day of it, quiet ones included, and its publication."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from muse_assets.council.episodes import episode_preview
from muse_assets.council.stored import evidence_of, evidence_of_sheet, stale_facts
from muse_assets.daily import DailyAsset, day_of, day_result
from muse_assets.publish import PUBLICATION_GATE, PostTables, publish_post, publishable
from muse_domain.days import day_end, day_start, month_last
from muse_domain.digests import (
    UNDER_WAY_REASON,
    Digest,
    Month,
    compose_digest,
    covered_month,
    decide_digest,
    digest_ledger,
    list_specs,
    month_specs,
)
from muse_domain.episodes import PUBLISHED_REASON, EpisodeStatus, content_sha256
from muse_domain.facts import EvidenceRow, FactSpec, facts_of_ledger, settle
from muse_domain.measurements import RUN_NAMESPACE
from muse_domain.ports import Clock, Deployer, PublishableEpisode, Publisher, Row, Warehouse
from muse_domain.settings import Settings
from muse_domain.verdicts import verdict_summary
from muse_domain.watch import is_under_way
from muse_resources.statements import statement
from muse_resources.warehouse import json_text
from muse_resources.workspace import Workspace

GROUP = "digest"
DIGESTS = PostTables("digests", "digest_publications", "select_digest", "select_digest_publication")

_Evidence = Mapping[str, Sequence[EvidenceRow]]


def monthly_partitions(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """UTC months from that of the configured start. `end_offset=1` lets the month under way be looked at."""
    muse = settings.muse
    return dg.MonthlyPartitionsDefinition(
        start_date=day_start(muse.start_date.replace(day=1)),
        end_date=day_end(month_last(muse.end_date)) if muse.end_date else None,  # exclusive
        timezone="UTC",
        end_offset=1,
    )


def digests(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """What became of each day of the month: told, quiet (with the series that were checked), held, failed, waiting.

    Every number is a fact, and the finished text is judged as an episode's is. It is held while a day of the month is
    not built to its end, and a preview while the month is under way.
    """
    month = _month(context, workspace.settings)
    store = warehouse.tagged(context.run.run_id)
    run_id = uuid.uuid5(RUN_NAMESPACE, f"digest:{month.first}")
    evidence, specs = _evidence(month, store)
    sheet = {spec.fact_id: settle(spec, evidence[spec.fact_id]) for spec in specs}
    digest = compose_digest(month, str(run_id), sheet, sample=workspace.settings.muse.sample)
    unfinished = [row.row_id for row in evidence["month.unfinished"]]
    status, reason = decide_digest(digest, unfinished, under_way=is_under_way(month.covered_last, clock.now()))
    if status is EpisodeStatus.HELD:
        context.log.warning("The digest of %s is held: %s", month.first, reason)
    row = _row(month, digest, evidence) | {
        "run_id": run_id,
        "status": str(status),
        "reason": reason,
        "days_unfinished": len(unfinished),
    }
    row |= _as_published(row, store)
    store.replace_days("digests", [month.first], [row])
    counts = {name: digest.count(name) for name in ("told", "quiet")}
    told = {name: row[name] for name in ("status", "reason", "days_finished", "days_unfinished")}
    return day_result(1, episode_preview(row, {}), **told, **counts)


def _row(month: Month, digest: Digest, evidence: _Evidence) -> Row:
    """The composed digest as a row of `digests`, without a number and place of its own."""
    return {
        "day": month.first,
        "series": digest.header.series,
        "episode": None,
        "title": digest.rendered.title if digest.rendered else "",
        "path": None,
        "days_finished": digest.count("days"),
        "passed": digest.rendered is not None and not digest.objections,
        "objections": json_text(verdict_summary(digest.objections)),
        "content_sha256": digest.content_sha256 if digest.rendered else "",
        "canonical": digest.canonical,
        "ledger": _ledger(digest, evidence),
    }


def _month(context: dg.AssetExecutionContext, settings: Settings) -> Month:
    return covered_month(day_of(context), settings.muse.start_date, settings.muse.end_date)


def _evidence(month: Month, store: Warehouse) -> tuple[_Evidence, list[FactSpec]]:
    """The facts of the month, then those of its lists, which follow from the rows of the former."""
    specs = month_specs(month)
    evidence = evidence_of(specs, store)
    listed = list_specs(evidence["month.told"], evidence["month.fixed"])
    return {**evidence, **evidence_of(listed, store)}, [*specs, *listed]


def _ledger(digest: Digest, evidence: _Evidence) -> str:
    if digest.rendered is None:
        return ""
    sql = {fact.spec.query: statement(fact.spec.query) for fact in digest.sheet.values()}
    return json_text(digest_ledger(digest, evidence, sql))


def _as_published(row: Row, store: Warehouse) -> Row:
    """The number and place that an earlier build of the month has taken; whether it was this very text."""
    published = store.select("select_digest_publication", {"day": row["day"]})
    if not published:
        return {}
    place = {"episode": published[0]["episode"], "path": published[0]["path"]}
    is_same = published[0]["content_sha256"] == row["content_sha256"] and row["status"] == EpisodeStatus.APPROVED
    return place | ({"status": str(EpisodeStatus.PUBLISHED), "reason": PUBLISHED_REASON} if is_same else {})


def digest_publications(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    publisher: dg.ResourceParam[Publisher],
    deployer: dg.ResourceParam[Deployer],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """One commit with the month's digest and its claim ledger, and the site with it.

    The publication's gate stands in here: without a passing verdict for exactly this text, or before the month has
    ended, nothing is committed.
    """
    month = _month(context, workspace.settings)
    store = warehouse.tagged(context.run.run_id)

    def objection(digest: Row) -> str:
        early = UNDER_WAY_REASON if is_under_way(month.covered_last, clock.now()) else ""
        return early or _verdict_objection(digest, store)

    def post(digest: Row) -> PublishableEpisode:
        return publishable(month.last, digest, charts={}, confidence=None, correlation=None, cost_usd=0.0)

    for result in publish_post(context, store, publisher, DIGESTS, objection, post):
        if isinstance(result, dg.MaterializeResult) and (head := publisher.head_commit()):
            deployer.deploy(head)
        yield result


def _verdict_objection(digest: Row, store: Warehouse) -> str:
    """Why this text may not be published; it is hashed here and now, and its facts are run again."""
    if content_sha256(digest["canonical"]) != digest["content_sha256"]:
        return "the stored verdict judged another text: materialise digests again"
    if not digest["passed"]:
        return "the verdict for this text did not pass"
    sheet = facts_of_ledger(json.loads(digest["ledger"]))
    stale = stale_facts(sheet, evidence_of_sheet(sheet, store), "digests")
    return "; ".join(one.message for one in stale)


def digest_assets() -> list[DailyAsset]:
    """The group, in the order of the data; its partitions are months."""
    # The days to come of the month under way are not there yet.
    days = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    told = [dg.AssetDep(name, partition_mapping=days) for name in ("episodes", "publications", "findings")]
    clickhouse = frozenset({"clickhouse"})
    return [
        DailyAsset(digests, GROUP, told, clickhouse | {"markdown"}, ["digests"], one_run=False),
        DailyAsset(
            digest_publications,
            GROUP,
            ["digests"],
            frozenset({"git"}),
            ["digest_publications"],
            gate=PUBLICATION_GATE,
            one_run=False,
        ),
    ]
