"""New commits: the days that they belong to are built again."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from muse_domain.ports import Commit, SourceRepository, SourceUnreachable
from muse_resources.adapters import Adapters
from muse_sensors.covered_days import buildable
from muse_sensors.cursors import read_cursor, write_cursor

Known = dict[str, Any]


def commit_sensor(adapters: Adapters, job: Any) -> dg.SensorDefinition:
    """Compares each repository's recent days with what they were: so commits count that were pushed late, or rewritten.

    The cursor holds, for each repository, its head and a hash over each recent day's commits. The first look only
    remembers; history is what `muse backfill` is for. A repository that cannot be read keeps its part of the cursor.
    """
    settings = adapters.workspace.settings

    @dg.sensor(
        name="commit_sensor",
        job=job,
        minimum_interval_seconds=settings.watch.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds the days that new commits belong to. A day under way becomes a preview.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = adapters.clock.now()
        before = read_cursor(context.cursor)
        after, problems = dict(before), []
        for name, repository in adapters.repositories.items():
            try:
                after[name] = _look(repository, before.get(name), now, settings.watch.catch_up_days)
            except SourceUnreachable as error:
                problems.append(f"{name} cannot be read: {error}")
        if problems and after == before:
            raise SourceUnreachable("; ".join(problems))
        for problem in problems:
            context.log.error(problem)
        days = buildable(changed_days(before, after), settings, now.date())
        moved = [name for name in after if after[name] != before.get(name)]
        return dg.SensorResult(
            run_requests=[_request(day, after) for day in days],
            skip_reason=None if days else _said(before, moved, problems),
            cursor=write_cursor(after),
            asset_events=[_event(name, after[name]) for name in moved if after[name]["head"]],
        )

    return tick


def _look(repository: SourceRepository, known: Known | None, now: datetime, days: int) -> Known:
    """Head and recent days of a repository. History is listed only when the head has moved."""
    head = repository.head()
    if head is None:
        return {"head": "", "days": {}}
    if known and known["head"] == head.sha:
        return known
    recent = repository.commits(now - timedelta(days=days + 1), now)
    return {"head": head.sha, "days": day_hashes(recent)}


def day_hashes(commits: Iterable[Commit]) -> dict[str, str]:
    """A hash over the commits of each day."""
    by_day: dict[str, list[str]] = defaultdict(list)
    for commit in commits:
        by_day[commit.committed_at.date().isoformat()].append(commit.sha)
    return {day: hashlib.sha256("\n".join(sorted(shas)).encode()).hexdigest()[:16] for day, shas in by_day.items()}


def changed_days(before: Mapping[str, Known], after: Mapping[str, Known]) -> set[date]:
    """Days whose commits are others than before, in any repository that was known before."""
    changed: set[str] = set()
    for name, known in before.items():
        old, new = known["days"], after[name]["days"]
        changed |= {day for day in {*old, *new} if old.get(day) != new.get(day)}
    return {date.fromisoformat(day) for day in changed}


def _request(day: date, state: Mapping[str, Known]) -> dg.RunRequest:
    commits = "".join(f"{name}={known['days'].get(day.isoformat(), '')};" for name, known in sorted(state.items()))
    digest = hashlib.sha256(commits.encode()).hexdigest()[:16]
    return dg.RunRequest(run_key=f"commits:{day}:{digest}", partition_key=day.isoformat())


def _said(before: Mapping[str, Known], moved: list[str], problems: list[str]) -> str:
    looked = "First look: commits until now are taken as known." if moved and not before else "No new commit."
    return " ".join([looked, *problems])


def _event(name: str, known: Known) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        f"{name}_repository", metadata={"head": known["head"]}, tags={"dagster/data_version": known["head"]}
    )
