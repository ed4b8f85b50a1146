"""From an approved episode to a page that people read."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from muse_assets.council.stored import evidence_of_sheet, stale_facts, stored_charts, stored_sheet
from muse_assets.daily import DailyAsset, day_of, day_result, markdown_table
from muse_domain.episodes import PUBLISHED_REASON, UNDER_WAY_REASON, EpisodeStatus, content_sha256
from muse_domain.ports import Clock, Deployer, Publication, PublishableEpisode, Publisher, Row, Warehouse
from muse_domain.watch import is_under_way

GROUP = "publish"
PUBLICATION_GATE = "publication_gate"
PUBLISHABLE = (EpisodeStatus.APPROVED, EpisodeStatus.PUBLISHED)


@dataclass(frozen=True, slots=True)
class PostTables:
    """Where posts of one kind and their publications are stored, and the queries for those of a partition."""

    posts: str
    publications: str
    select_post: str
    select_publication: str


EPISODES = PostTables("episodes", "publications", "select_episode", "select_publication")


def publications(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    publisher: dg.ResourceParam[Publisher],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """One commit with the episode, its charts, their data and its claim ledger; it takes the next number of its series.

    The publication's gate stands in here: without a passing verdict for exactly this text nothing is committed.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)

    def objection(episode: Row) -> str:
        # An episode that was approved by a clock running ahead is not trusted with the day.
        early = UNDER_WAY_REASON if is_under_way(day, clock.now()) else ""
        return early or verdict_objection(store, day, episode["canonical"])

    def post(episode: Row) -> PublishableEpisode:
        return publishable(
            day,
            episode,
            charts=stored_charts(store, day),
            confidence=episode["confidence_score"],
            correlation=episode["correlation_strength"],
            cost_usd=episode["cost_total"],
        )

    yield from publish_post(context, store, publisher, EPISODES, objection, post)


def publish_post(
    context: dg.AssetExecutionContext,
    store: Warehouse,
    publisher: Publisher,
    tables: PostTables,
    objection: Callable[[Row], str],
    post: Callable[[Row], PublishableEpisode],
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Publish the stored post of the run's partition, unless it is none to publish or the gate objects to it."""
    day = day_of(context)
    stored = _stored(store, tables.select_post, day)
    if stored is None or stored["status"] not in PUBLISHABLE:
        yield _nothing(_nothing_to_publish(store, tables, day, stored))
        return
    if against := objection(stored):
        context.log.error("The publication's gate refuses %s: %s", day, against)
        yield _gate(False, against)
        return
    publication = publisher.publish(post(stored))
    _store_publication(store, tables, day, stored, publication)
    yield dg.MaterializeResult(
        metadata={
            "dagster/partition_row_count": 1,
            "episode": f"{publication.series} {publication.number}",
            "path": publication.path,
            "commit": publication.commit_sha,
            "changed": publication.changed,
            "preview": dg.MetadataValue.md(f"`{publication.path}` at `{publication.commit_sha[:12]}`"),
        },
        data_version=dg.DataVersion(publication.commit_sha),
        check_results=[_gate(True, "the verdict for this text passed")],
    )


def verdict_objection(store: Warehouse, day: date, canonical: str) -> str:
    """Why this text may not be published; empty when its verdict passed.

    The text is hashed here and now: a stored hash would not notice that the text beside it was changed.
    """
    stored = store.select("select_verdict", {"day": day})
    if not stored:
        return "no verdict is stored for this day: materialise episode_verdicts"
    if stored[0]["content_sha256"] != content_sha256(canonical):
        return "the stored verdict judged another text: materialise episode_verdicts and episodes again"
    if not stored[0]["passed"]:
        return "the verdict for this text did not pass"
    sheet = stored_sheet(store, day)
    return "; ".join(objection.message for objection in stale_facts(sheet, evidence_of_sheet(sheet, store)))


def _stored(store: Warehouse, query: str, day: date) -> Row | None:
    rows = store.select(query, {"day": day})
    return rows[0] if rows else None


def _gate(passed: bool, reason: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=PUBLICATION_GATE, passed=passed, metadata={"reason": reason})


def _nothing_to_publish(store: Warehouse, tables: PostTables, day: date, post: Row | None) -> str:
    """Why nothing is published. What an earlier build published stays: only a person withdraws an episode."""
    reason = f"there is none: materialise {tables.posts}" if post is None else f"{post['status']}: {post['reason']}"
    earlier = _stored(store, tables.select_publication, day)
    if earlier:
        return f"Nothing new to publish ({reason}). {earlier['path']} of an earlier build stays published."
    store.replace_days(tables.publications, [day], [])
    return f"Nothing to publish ({reason})."


def _nothing(reason: str) -> dg.MaterializeResult:
    metadata: dict[str, Any] = {"dagster/partition_row_count": 0, "preview": dg.MetadataValue.md(reason)}
    return dg.MaterializeResult(metadata=metadata, check_results=[_gate(True, reason)])


def publishable(
    day: date,
    post: Row,
    *,
    charts: Mapping[str, str],
    confidence: float | None,
    correlation: float | None,
    cost_usd: float,
) -> PublishableEpisode:
    """A stored post, dated with `day`, as the publisher takes it."""
    return PublishableEpisode(
        day=day,
        series=post["series"],
        canonical=post["canonical"],
        ledger=json.loads(post["ledger"]),
        charts=charts,
        title=post["title"],
        confidence=confidence,
        correlation=correlation,
        cost_usd=cost_usd,
        run_id=str(post["run_id"]),
    )


def _store_publication(store: Warehouse, tables: PostTables, day: date, post: Row, publication: Publication) -> None:
    """Note the publication, then the post's number and status: killed between, the next run repeats both."""
    row = {
        "day": day,
        "run_id": post["run_id"],
        "series": publication.series,
        "episode": publication.number,
        "path": publication.path,
        "commit_sha": publication.commit_sha,
        "content_sha256": post["content_sha256"],
    }
    store.replace_days(tables.publications, [day], [row])
    published = {
        **post,
        "status": str(EpisodeStatus.PUBLISHED),
        "reason": PUBLISHED_REASON,
        "episode": publication.number,
        "path": publication.path,
    }
    store.replace_days(tables.posts, [day], [published])


def deployments(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    publisher: dg.ResourceParam[Publisher],
    deployer: dg.ResourceParam[Deployer],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The deployment of the day's publication: its state, time and address.

    What is deployed is always the blog's newest commit, which holds this day's: building an old day again
    never takes newer episodes off the site.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    published = store.select("select_publication", {"day": day})
    if not published:
        store.replace_days("deployments", [day], [])
        return day_result(0, "Nothing was published on this day, so nothing is deployed.")
    started = clock.now()
    commit_sha = published[0]["commit_sha"]
    deployment = deployer.deploy(publisher.head_commit() or commit_sha)
    earlier = store.select("select_deployment", {"day": day})
    is_same = bool(earlier) and earlier[0]["commit_sha"] == commit_sha and deployment.changed == 0
    if not is_same:
        row = {
            "day": day,
            "ts": started,
            "run_id": published[0]["run_id"],
            "episode_run_id": published[0]["run_id"],
            "series": published[0]["series"],
            "episode": published[0]["episode"],
            "vercel_deployment_id": None,
            "deployment_id": deployment.deployment_id,
            "commit_sha": commit_sha,
            "status": deployment.status,
            "build_time_ms": deployment.build_time_ms,
            "duration_ms": (clock.now() - started).total_seconds() * 1000.0,
            "url": deployment.url,
            "pages": deployment.pages,
        }
        store.replace_days("deployments", [day], [row])
    shown = [("address", deployment.url), ("pages", deployment.pages), ("changed", deployment.changed)]
    return day_result(1, markdown_table(("deployment", deployment.deployment_id), shown), url=deployment.url)


def publish_assets() -> list[DailyAsset]:
    """The group, in the order of the data."""
    return [
        DailyAsset(
            publications,
            GROUP,
            ["episodes"],
            frozenset({"git"}),
            ["publications"],
            gate=PUBLICATION_GATE,
            one_run=False,
        ),
        DailyAsset(deployments, GROUP, ["publications"], frozenset({"html"}), ["deployments"], one_run=False),
    ]
