"""A month's digest on a real warehouse and a real blog: every day told as what it was, published once, provable."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import numpy as np
import pytest

from muse_assets.build import build_defs
from muse_domain.days import days_between
from muse_domain.ports import LoadedDay
from muse_domain.proofs import EpisodeProof
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.freshness import required_sources
from muse_resources.proof import NothingToVerify, verify
from muse_resources.workspace import load_workspace
from tests.assets.runs import built, check_results, reason_of, run_assets
from tests.resources.test_warehouse import bench_run
from tests.workspaces import FixedClock, change_warehouse, copy_of, git, selected, stop_warehouse

SETTINGS = """
[muse]
start_date = 2025-12-22
end_date = 2026-01-03

[repositories.hearts]
path = "."
"""
FIRST_RUN, START, END = date(2025, 12, 10), date(2025, 12, 22), date(2026, 1, 3)
DECEMBER, JANUARY = date(2025, 12, 1), date(2026, 1, 1)
QUIET_DAY = date(2025, 12, 30)
TABLES = ("watcher_runs", "findings", "fact_sheets")
EPISODE = ("episode_drafts", "episode_verdicts", "episodes", "publications")
DIGEST = ("digests", "digest_publications")
RUNS_A_DAY = 3
AFTER = datetime(2026, 3, 1, tzinfo=UTC)


def _runs() -> Iterator[dict[str, Any]]:
    """`decode` goes up on 22 December and comes back on the 26th; nothing happens to `prefill`."""
    for number, benchmark in enumerate(("decode", "prefill")):
        noise = np.random.default_rng(number).normal(0.0, 0.1, 26 * RUNS_A_DAY)
        for run, value in enumerate(noise):
            ts = datetime(2025, 12, 10, 3, tzinfo=UTC) + timedelta(hours=24 // RUNS_A_DAY) * run
            is_slow = benchmark == "decode" and date(2025, 12, 22) <= ts.date() < date(2025, 12, 26)
            yield bench_run(
                day=ts.date(), ts=ts, run_id=UUID(int=1000 * number + run + 1), benchmark=benchmark,
                latency_p50_ms=(12.0 if is_slow else 10.0) + float(value), environment_fingerprint="machine",
                source_format="made",
            )  # fmt: skip


@pytest.fixture(scope="module")
def built_days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ten days of December and three of January, each with its outcome; no digest yet."""
    folder = tmp_path_factory.mktemp("digest") / "workspace"
    folder.mkdir()
    (folder / "muse.toml").write_text(SETTINGS)
    adapters = _adapters(folder)
    adapters.warehouse.migrate()
    measured = list(days_between(FIRST_RUN, date(2026, 1, 4)))
    adapters.warehouse.replace_days("bench_runs", measured, list(_runs()))
    for source in required_sources(adapters.workspace.settings):
        adapters.warehouse.record_loads(source, [LoadedDay(day, 2 * RUNS_A_DAY) for day in measured])
    assert run_assets(adapters, TABLES, START, END).success
    moved = {row["day"] for row in selected(folder, "SELECT day FROM findings")}
    for day in days_between(START, END):
        steps = EPISODE if day.isoformat() in moved else ("episode_drafts", "episodes")
        assert run_assets(adapters, steps, day).success
    yield folder
    stop_warehouse(folder)


@pytest.fixture
def workspace(built_days: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, to change."""
    with copy_of(built_days, tmp_path / "workspace") as folder:
        yield folder


@pytest.fixture(scope="module")
def december(built_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of it with December's digest, as the schedule starts it; to look at."""
    with copy_of(built_days, tmp_path_factory.mktemp("december") / "workspace") as folder:
        job = build_defs(_adapters(folder)).resolve_job_def("digest_job")
        result = job.execute_in_process(partition_key=DECEMBER.isoformat(), raise_on_error=False)
        assert result.success and built(result) == set(DIGEST)
        yield folder


def _adapters(folder: Path, at: datetime = AFTER) -> Adapters:
    return replace(build_adapters(load_workspace(folder, {})), clock=FixedClock(at))


def _build(folder: Path, month: date, at: datetime = AFTER) -> dg.ExecuteInProcessResult:
    result = run_assets(_adapters(folder, at), DIGEST, month)
    assert result.success
    return result


def _digest(folder: Path, month: date = DECEMBER) -> dict[str, Any]:
    [row] = selected(folder, f"SELECT * FROM digests WHERE day = '{month}'")
    return row


def _set_episode(folder: Path, day: date, **changes: Any) -> None:
    """The day's episode as another build of the day would have left it."""
    store = _adapters(folder).warehouse
    store.replace_days("episodes", [day], [{**store.select("select_episode", {"day": day})[0], **changes}])


def _head(folder: Path) -> str:
    return git(folder / ".muse" / "blog", "rev-parse", "HEAD")


def _text(folder: Path, number: int = 1) -> str:
    return (folder / ".muse" / "blog" / "posts" / "digest" / f"ep-{number:03d}.md").read_text()


def _ledger(folder: Path) -> dict[str, Any]:
    text = (folder / ".muse" / "blog" / "posts" / "digest" / "ep-001.claims.json").read_text()
    return dict(json.loads(text))


def test_a_month_tells_every_day_once_and_is_committed_once(december: Path) -> None:
    """Counts, shifts with their episodes, links; building it again changes neither row nor branch."""
    text, row, head = _text(december), _digest(december), _head(december)
    assert (row["status"], row["days_finished"], row["days_unfinished"]) == ("published", 10, 0)
    assert "title: Digest of December 2025\nseries: digest\nepisode: 1\ndate: '2025-12-31T00:00:00Z'" in text
    assert "What became of 10 days, from 2025-12-22 to 2025-12-31:\n\n- 4 days with an episode\n" in text
    assert "- 6 days quiet: looked at, and no new shift found in 2 series, with 12 checks in all\n\n## Shifts" in text
    assert (
        "2 shifts confirmed, 1 shift fixed:\n\n"
        "- median latency of `decode`: first told on 2025-12-23, confirmed on 2025-12-25 "
        "([banterpacks/ep-002](../banterpacks/ep-002.md))\n"
        "- median latency of `decode`: the regression first told on 2025-12-23 is fixed, told on 2025-12-27 "
        "([banterpacks/ep-003](../banterpacks/ep-003.md))\n"
    ) in text
    assert (
        "- 2025-12-23: decode: median latency rose by 20.5 % ([banterpacks/ep-001](../banterpacks/ep-001.md))\n" in text
    )
    assert "muse verify digest-2025-12" in text
    changed = git(december / ".muse" / "blog", "show", "--name-only", "--format=%s", head).split("\n")
    assert changed == [
        "feat(episode): Generate digest episode 1", "", "posts/digest/ep-001.claims.json", "posts/digest/ep-001.md",
    ]  # fmt: skip
    _build(december, DECEMBER)
    assert (_text(december), _digest(december), _head(december)) == (text, row, head)


def test_a_quiet_month_is_told_and_its_claims_are_run_again(workspace: Path) -> None:
    """The number of series that were checked is there for readers, and `muse verify` proves it by name or with all."""
    _build(workspace, JANUARY)
    text = _text(workspace)
    assert (
        "- 0 days with an episode\n- 3 days quiet: looked at, and no new shift found in 2 series, with 6 checks" in text
    )
    assert "## Shifts" not in text and "## Episodes" not in text
    [proof] = _proofs(workspace, "digest-2026-01")
    assert (proof.name, proof.broken) == ("digest/ep-001", ()) and proof.claims >= 8
    assert "digest/ep-001" in {proof.name for proof in _proofs(workspace, "all")}
    with pytest.raises(NothingToVerify, match="digest/ep-001"):
        _proofs(workspace, "2026-01-31")


def test_a_changed_row_names_exactly_its_claims(workspace: Path) -> None:
    """A check that is gone, then a quiet day with another count: the claims over these rows fail, and no other."""
    _build(workspace, DECEMBER)
    change_warehouse(workspace, f"DELETE FROM series_checks WHERE day = '{QUIET_DAY}' AND benchmark = 'prefill'")
    assert _broken(workspace) == {"month.quiet_series"}
    change_warehouse(workspace, f"ALTER TABLE episodes UPDATE series_checked = 1 WHERE day = '{QUIET_DAY}'")
    assert _broken(workspace) == {"month.quiet_series", "month.quiet_checks", "month.quiet", "month.days"}
    result = build_defs(_adapters(workspace)).resolve_job_def("claims_job").execute_in_process(raise_on_error=False)
    marks = selected(workspace, "SELECT day, series, fact_id FROM corrections")
    assert result.success and {mark["fact_id"] for mark in marks} == _broken(workspace)
    assert {(mark["day"], mark["series"]) for mark in marks} == {("2025-12-31", "digest")}
    # Built again it holds, under its number.
    _build(workspace, DECEMBER)
    assert "2 series, with 11 checks" in _text(workspace) and _broken(workspace) == set()


def _proofs(folder: Path, target: str) -> list[EpisodeProof]:
    adapters = _adapters(folder)
    return verify(adapters.publisher, adapters.warehouse, target)


def _broken(folder: Path) -> set[str]:
    [proof] = _proofs(folder, "digest-2025-12")
    return {claim.fact for claim in proof.broken}


def test_held_failed_and_waiting_days_are_never_counted_as_quiet(workspace: Path) -> None:
    """Each is told as what it is, and the digest goes out."""
    for day, status in ((28, "held"), (30, "failed"), (31, "draft")):
        _set_episode(workspace, date(2025, 12, day), status=status)
    _build(workspace, DECEMBER)
    text = _text(workspace)
    assert (
        "- 4 days with an episode\n- 3 days quiet: looked at, and no new shift found in 2 series, with 6 checks" in text
    )
    assert "- 1 day waiting for a person to decide\n- 1 day held back: what" in text and "- 1 day failed\n" in text
    assert _broken(workspace) == set()


def test_a_month_with_a_day_that_is_not_built_is_held_with_the_day(workspace: Path) -> None:
    """A day without a row, one of before its end, and one that was approved and not published."""
    before, store = _head(workspace), _adapters(workspace).warehouse
    store.replace_days("episodes", [date(2025, 12, 24)], [])
    _set_episode(workspace, date(2025, 12, 26), ts=datetime(2025, 12, 26, 12, tzinfo=UTC))
    _set_episode(workspace, date(2025, 12, 27), status="approved")
    result = _build(workspace, DECEMBER)
    row = _digest(workspace)
    assert (row["status"], row["days_finished"], row["days_unfinished"]) == ("held", 7, 3)
    assert row["reason"].startswith("not built to the end: 2025-12-24, 2025-12-26, 2025-12-27; `muse backfill --from")
    assert "3 days not built to the end" in row["canonical"] and row["passed"]
    assert "Nothing to publish (held" in reason_of(check_results(result)["publication_gate"])
    assert _head(workspace) == before


def test_a_month_of_which_nothing_is_built_is_held(workspace: Path) -> None:
    """There is nothing to tell, not even its name."""
    change_warehouse(workspace, "TRUNCATE TABLE episodes")
    _build(workspace, JANUARY)
    row = _digest(workspace, JANUARY)
    assert (row["status"], row["canonical"], row["passed"]) == ("held", "", False)
    assert row["reason"].startswith("not built to the end: 2026-01-01, 2026-01-02, 2026-01-03;")


def test_a_month_under_way_is_a_preview_and_the_gate_does_not_trust_an_approval(workspace: Path) -> None:
    """Nothing of it is published, whoever says that it is approved."""
    before, under_way = _head(workspace), datetime(2026, 1, 2, 12, tzinfo=UTC)
    _build(workspace, JANUARY, under_way)
    row = _digest(workspace, JANUARY)
    assert row["status"] == "draft" and row["reason"].startswith("a preview: the month has not ended")
    change_warehouse(workspace, "ALTER TABLE digests UPDATE status = 'approved' WHERE 1")
    result = run_assets(_adapters(workspace, under_way), ["digest_publications"], JANUARY)
    assert reason_of(check_results(result)["publication_gate"]).startswith("the month has not ended")
    assert _head(workspace) == before


def test_the_gate_publishes_only_what_was_judged_and_still_holds(workspace: Path) -> None:
    """Between the digest and its publication, text, verdict or rows were changed."""
    before = _head(workspace)
    for change, says in (
        ("ALTER TABLE digests UPDATE canonical = replaceOne(canonical, '6 days', '7 days') WHERE 1", "another text"),
        ("ALTER TABLE digests UPDATE passed = false WHERE 1", "did not pass"),
        (f"ALTER TABLE episodes UPDATE series_checked = 9 WHERE day = '{QUIET_DAY}'", "materialise digests again"),
    ):
        assert run_assets(_adapters(workspace), ["digests"], DECEMBER).success
        assert _digest(workspace)["status"] == "approved"
        change_warehouse(workspace, change)
        result = run_assets(_adapters(workspace), ["digest_publications"], DECEMBER)
        assert not check_results(result)["publication_gate"].passed
        assert says in reason_of(check_results(result)["publication_gate"])
    assert _head(workspace) == before


def test_the_last_days_episode_and_the_digest_do_not_touch_each_other(december: Path) -> None:
    """Both have the same date: the day's episode keeps its own series and number."""
    published = _adapters(december).publisher.published_days()
    assert date(2025, 12, 31) not in published and "digest" not in {series for series, _ in published.values()}
    assert _ledger(december)["episode"]["confidence"] is None
    assert selected(december, "SELECT count() AS n FROM publications WHERE series = 'digest'") == [{"n": 0}]


def test_the_site_shows_it_as_a_post_whose_links_are_pages(december: Path) -> None:
    """Page, index, feed; a link to an episode is a link to its page, beside the source of its name."""
    site = december / ".muse" / "site"
    page = (site / "digest" / "ep-001" / "index.html").read_text()
    assert 'href="../../banterpacks/ep-002/index.html"' in page and (site / "banterpacks/ep-002/index.html").is_file()
    assert 'data-fact="month.quiet_series">2 series</a>' in page and "Latency, p95" not in page
    assert "Digest of December 2025" in (site / "index.html").read_text()
    assert "Digest of December 2025" in (site / "feed.xml").read_text()
