"""The gates, on a real warehouse: what they refuse is refused however a run was started, and leaves nothing behind."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from muse_apps.backfill import plan_backfill
from muse_apps.deciding import record_approval, record_override
from muse_apps.ingest import rebuild
from muse_apps.sample.workspace import build_sample_workspace
from muse_domain.episodes import content_sha256
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.workspace import Secrets, load_workspace
from tests.assets.runs import built, check_results, materializations, reason_of, run_assets, run_daily_job
from tests.workspaces import FixedClock, change_warehouse, git, selected, stop_warehouse

LOADED_FROM, LAST = date(2026, 9, 11), date(2026, 9, 21)
TOLD, QUIET = date(2026, 9, 18), date(2026, 9, 17)
WELL_AFTER = datetime(2026, 11, 1, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 9, 22, 4, 30, tzinfo=UTC)
TWO_HOURS_LATER = datetime(2026, 9, 22, 1, 50, tzinfo=UTC)
COUNCIL = ("episode_drafts", "episode_verdicts", "episodes")
# Job backfills build a day a run; said once a load, and quietened where the definitions are loaded.
pytestmark = pytest.mark.filterwarnings("ignore:Asset job daily_episode_job")
EPISODE_CHECKS = {
    "front_matter_is_complete", "sections_are_in_order", "confidence_reaches_policy", "claims_match_facts",
}  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample with eleven days of tables; two days have their episode written, nothing is published."""
    folder = tmp_path_factory.mktemp("gates") / "sample"
    build_sample_workspace(folder)
    settings = folder / "muse.toml"
    settings.write_text(settings.read_text().replace("start_date = 2026-09-01", f"start_date = {LOADED_FROM}"))
    adapters = _adapters(folder, WELL_AFTER)
    adapters.warehouse.migrate()
    for step in plan_backfill(adapters, LOADED_FROM, LAST):
        if step.is_range:
            assert run_assets(adapters, step.assets, step.first, step.last).success
    assert run_assets(adapters, COUNCIL, TOLD).success
    yield folder
    stop_warehouse(folder)


@pytest.fixture
def adapters(workspace: Path) -> Adapters:
    """The workspace's adapters long after its days: everything is history."""
    return _adapters(workspace, WELL_AFTER)


def _adapters(folder: Path, now: datetime, *, secrets: Secrets | None = None, **hearts: Any) -> Adapters:
    """The real adapters at a fixed instant; `hearts` are other values of `[repositories.hearts]`."""
    loaded = load_workspace(folder, {})
    known = dict(loaded.settings.repositories)
    known["hearts"] = known["hearts"].model_copy(update=hearts)
    settings = loaded.settings.model_copy(update={"repositories": known})
    changed = replace(loaded, settings=settings, secrets=secrets or loaded.secrets)
    return replace(build_adapters(changed), clock=FixedClock(now))


def _stored(workspace: Path, table: str, day: date) -> list[dict[str, Any]]:
    return selected(workspace, f"SELECT * FROM {table} WHERE day = '{day}'")


def _head(workspace: Path) -> str:
    blog = workspace / "blog"
    return git(blog, "rev-parse", "--verify", "--quiet", "main") if _has_commits(blog) else ""


def _has_commits(blog: Path) -> bool:
    return bool(blog.exists() and git(blog, "for-each-ref", "refs/heads/main"))


@contextmanager
def _day_not_loaded(workspace: Path, day: date) -> Iterator[None]:
    """Muse never noted that the commits of this day are loaded; afterwards it has."""
    change_warehouse(workspace, f"ALTER TABLE loaded_days DELETE WHERE source = 'commits' AND day = '{day}'")
    yield
    assert run_assets(_adapters(workspace, WELL_AFTER), ["commits"], day).success


Start = Callable[[Adapters, date], dg.ExecuteInProcessResult]


def _episodes_alone(adapters: Adapters, day: date) -> dg.ExecuteInProcessResult:
    return run_assets(adapters, ["episodes"], day)


@pytest.mark.parametrize("start", [run_daily_job, _episodes_alone], ids=["the whole job", "the asset alone"])
def test_a_day_whose_trailing_week_is_not_loaded_is_refused(workspace: Path, adapters: Adapters, start: Start) -> None:
    """The watcher's gate says what is missing, and neither an episode nor anything after it is built."""
    before = _head(workspace)
    with _day_not_loaded(workspace, date(2026, 9, 15)):
        result = start(adapters, QUIET)
    gate = check_results(result)["watcher_gate"]
    assert not result.success and not gate.passed
    assert reason_of(gate).startswith("1 of the 7 days of the trailing week is not loaded (2026-09-15): `muse ingest")
    assert not built(result) & {"episodes", "publications", "deployments"}
    assert _stored(workspace, "episodes", QUIET) == []
    assert _head(workspace) == before


def test_the_same_day_passes_once_its_week_is_loaded(workspace: Path, adapters: Adapters) -> None:
    """Loading what was missing is all that it takes."""
    day = date(2026, 9, 20)
    with _day_not_loaded(workspace, date(2026, 9, 14)):
        assert not _episodes_alone(adapters, day).success
    result = _episodes_alone(adapters, day)
    assert result.success and check_results(result)["watcher_gate"].passed
    assert built(result) == {"episodes"}


def test_a_fresh_live_day_passes(workspace: Path) -> None:
    """Rows of the newest commit are there, however late they came: the day after midnight can be told."""
    live = _adapters(workspace, NEXT_MORNING, grace_minutes=5)
    gate = check_results(_episodes_alone(live, LAST))["watcher_gate"]
    assert gate.passed and gate.metadata["status"].value == "valid"


@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_degraded_live_day_passes_only_with_the_flag(workspace: Path, tmp_path: Path, is_allowed: bool) -> None:
    """Rows do not come within their grace, yet the limit is not reached: WATCHER_ALLOW_DEGRADED decides."""
    clone = _hearts_with_unmeasured_commit(workspace, tmp_path / "hearts")
    late = _adapters(workspace, TWO_HOURS_LATER, secrets=Secrets(allow_degraded=is_allowed), path=str(clone))
    result = _episodes_alone(late, LAST)
    gate = check_results(result)["watcher_gate"]
    assert gate.metadata["status"].value == "degraded"
    assert gate.passed is is_allowed and result.success is is_allowed
    assert built(result) == ({"episodes"} if is_allowed else set())


def test_a_live_day_whose_newest_commit_is_not_measured_is_refused_while_history_passes(
    workspace: Path, tmp_path: Path
) -> None:
    """The flag for degraded days does not help; a day of the week before is judged by its own data."""
    clone = _hearts_with_unmeasured_commit(workspace, tmp_path / "hearts")
    stale = _adapters(workspace, NEXT_MORNING, secrets=Secrets(allow_degraded=True), path=str(clone))
    refused = _episodes_alone(stale, LAST)
    gate = check_results(refused)["watcher_gate"]
    assert not refused.success and not gate.passed and built(refused) == set()
    assert gate.metadata["status"].value == "lag_exceeded"
    assert "no rows for its latest commit" in reason_of(gate)
    history = _episodes_alone(stale, TOLD)
    assert history.success and check_results(history)["watcher_gate"].passed


def _hearts_with_unmeasured_commit(workspace: Path, clone: Path) -> Path:
    clone.parent.mkdir(parents=True, exist_ok=True)
    git(clone.parent, "clone", "--quiet", str(workspace / "sources" / "hearts"), clone.name)
    at = "2026-09-21T23:50:00+00:00"
    author = ("-c", "user.name=Sample", "-c", "user.email=sample@example.org")
    git(clone, *author, "commit", "-q", "--allow-empty", "-m", "Unmeasured", GIT_AUTHOR_DATE=at, GIT_COMMITTER_DATE=at)
    return clone


def test_a_repository_that_cannot_be_read_is_an_error_and_not_stale(workspace: Path, tmp_path: Path) -> None:
    """Unreachable is told as such; history does not ask the repository."""
    gone = _adapters(workspace, NEXT_MORNING, path=str(tmp_path / "nowhere"))
    refused = _episodes_alone(gone, LAST)
    gate = check_results(refused)["watcher_gate"]
    assert not refused.success and built(refused) == set()
    assert gate.metadata["status"].value == "error"
    assert "hearts cannot be read" in reason_of(gate) and "nowhere" in reason_of(gate)
    assert _episodes_alone(gone, TOLD).success


def test_the_watchers_table_says_the_same_as_the_gate(workspace: Path, tmp_path: Path) -> None:
    """A person who looks at `watcher_runs` sees why an episode was refused."""
    clone = _hearts_with_unmeasured_commit(workspace, tmp_path / "hearts")
    late = _adapters(workspace, NEXT_MORNING, path=str(clone))
    assert run_assets(late, ["watcher_runs"], LAST).success
    gate = check_results(_episodes_alone(late, LAST))["watcher_gate"]
    [row] = _stored(workspace, "watcher_runs", LAST)
    assert (row["status"], row["reason"]) == (gate.metadata["status"].value, reason_of(gate))


TAMPERINGS = {
    "missing": ("ALTER TABLE episode_verdicts DELETE WHERE day = '{day}'", "no verdict is stored"),
    "failed": ("ALTER TABLE episode_verdicts UPDATE passed = false WHERE day = '{day}'", "did not pass"),
    "of another text": (
        "ALTER TABLE episode_verdicts UPDATE content_sha256 = 'other' WHERE day = '{day}'",
        "judged another text",
    ),
    "older than an edit of the text": (
        "ALTER TABLE episodes UPDATE canonical = concat(canonical, 'More.') WHERE day = '{day}'",
        "judged another text",
    ),
}


@pytest.mark.parametrize("verdict", TAMPERINGS)
def test_a_publication_is_refused_when_its_verdict_is(workspace: Path, adapters: Adapters, verdict: str) -> None:
    """Without a passing verdict for exactly this text nothing is committed, stored or materialised."""
    assert run_assets(adapters, COUNCIL, TOLD).success
    [episode] = _stored(workspace, "episodes", TOLD)
    assert episode["status"] == "approved"
    before = _head(workspace)
    sql, said = TAMPERINGS[verdict]
    change_warehouse(workspace, sql.format(day=TOLD))
    result = run_assets(adapters, ["publications"], TOLD)
    gate = check_results(result)["publication_gate"]
    assert not result.success and not gate.passed and said in reason_of(gate)
    assert built(result) == set()
    assert _head(workspace) == before
    assert _stored(workspace, "publications", TOLD) == []


def test_facts_that_the_rows_no_longer_give_pass_neither_verdict_nor_gate(workspace: Path, adapters: Adapters) -> None:
    """A corrected report after the facts were settled: the old sheet may not be told, nor a text about it published."""
    assert run_assets(adapters, COUNCIL, TOLD).success
    corrected = f"day = '{TOLD}' AND benchmark LIKE '%prefill_512%'"
    change_warehouse(
        workspace, f"ALTER TABLE bench_runs UPDATE latency_p50_ms = latency_p50_ms * 1.1 WHERE {corrected}"
    )
    try:
        gate = check_results(run_assets(adapters, ["publications"], TOLD))["publication_gate"]
        assert not gate.passed and "materialise fact_sheets again" in reason_of(gate)
        result = run_assets(adapters, COUNCIL, TOLD)
        assert result.success
        [verdict] = _stored(workspace, "episode_verdicts", TOLD)
        assert not verdict["passed"] and "stale_fact" in verdict["objections"]
        [episode] = _stored(workspace, "episodes", TOLD)
        assert episode["status"] == "held" and "materialise fact_sheets again" in episode["reason"]
        _expect_claims_refused(result, verdict)
    finally:
        rebuild(adapters, TOLD, TOLD)
        assert run_assets(adapters, ["bench_runs"], TOLD).success


def _expect_claims_refused(result: dg.ExecuteInProcessResult, verdict: dict[str, Any]) -> None:
    """The table of claims in the UI says no beside the claims of each fact that was objected to, and only there."""
    [noted] = materializations(result, "episode_verdicts").values()
    preview = str(noted["preview"].value)
    assert preview.startswith("**Refused**") and len(preview) < 100_000
    assert {name: noted[name].value for name in ("completeness", "evidence")} == {"completeness": 1.0, "evidence": 0.95}
    rows = [line.split(" | ") for line in preview.splitlines() if len(line.split(" | ")) == 7]
    listed = [(row[1], row[5]) for row in rows[1:]]
    against = {objection["fact"] for objection in json.loads(verdict["objections"])}
    assert {fact for fact, holds in listed if holds == "no"} <= against and against >= {"f1.after", "f1.change"}
    assert {fact for fact, holds in listed if holds == "yes"}.isdisjoint(against)
    assert len(listed) == verdict["claims"]


def test_the_table_of_claims_shows_where_each_comes_from(workspace: Path, adapters: Adapters) -> None:
    """Claim, fact, value, rows and commit of a text that passed, in the metadata of its verdict."""
    [noted] = materializations(run_assets(adapters, COUNCIL, TOLD), "episode_verdicts").values()
    preview = str(noted["preview"].value)
    assert preview.startswith("**Passed**") and noted["passed"].value is True
    [change] = [line for line in preview.splitlines() if line.startswith("| 23.0 % | f1.change | 23.0")][:1]
    assert "48 of bench_runs, " in change and change.endswith("| yes |  |")


def test_a_day_that_nobody_looked_at_is_held_and_not_called_quiet(workspace: Path, adapters: Adapters) -> None:
    """No findings because none were looked for is not the same as none found."""
    change_warehouse(workspace, f"ALTER TABLE loaded_days DELETE WHERE source = 'findings' AND day = '{QUIET}'")
    assert run_assets(adapters, COUNCIL, QUIET).success
    [episode] = _stored(workspace, "episodes", QUIET)
    assert episode["status"] == "held" and "nobody has looked" in episode["reason"]
    assert run_assets(adapters, ["findings", "fact_sheets"], QUIET, QUIET).success


def test_a_day_that_the_watcher_did_not_judge_is_held_with_what_to_do(workspace: Path, adapters: Adapters) -> None:
    """Its date is a fact, too: without the watcher's row there is none, and no text that could state it."""
    change_warehouse(workspace, f"ALTER TABLE watcher_runs DELETE WHERE day = '{TOLD}'")
    assert run_assets(adapters, ["fact_sheets"], TOLD, TOLD).success
    assert run_assets(adapters, COUNCIL, TOLD).success
    [episode] = _stored(workspace, "episodes", TOLD)
    assert episode["status"] == "held" and "materialise watcher_runs and fact_sheets" in episode["reason"]
    change_warehouse(workspace, f"ALTER TABLE fact_sheets DELETE WHERE day = '{TOLD}'")
    assert run_assets(adapters, COUNCIL, TOLD).success
    [episode] = _stored(workspace, "episodes", TOLD)
    assert episode["status"] == "held" and "materialise watcher_runs and fact_sheets" in episode["reason"]
    assert run_assets(adapters, ["watcher_runs", "fact_sheets"], TOLD, TOLD).success
    assert run_assets(adapters, COUNCIL, TOLD).success


def test_an_override_opens_the_watchers_gate_for_its_day_and_is_told(workspace: Path, tmp_path: Path) -> None:
    """Recorded with a reason and a name, read by the gate, a fact of the day; withdrawn, it is closed again."""
    clone = _hearts_with_unmeasured_commit(workspace, tmp_path / "hearts")
    stale = _adapters(workspace, NEXT_MORNING, path=str(clone))
    record_override(stale, LAST - timedelta(days=1), "another day", "ada")
    assert not _episodes_alone(stale, LAST).success
    record_override(stale, LAST, "the runner is being replaced", "ada")
    passed = _episodes_alone(stale, LAST)
    gate = check_results(passed)["watcher_gate"]
    assert passed.success and gate.metadata["status"].value == "lag_exceeded"
    assert gate.metadata["override"].value == "the runner is being replaced"
    assert str(gate.metadata["overridden_by"].value).startswith("ada, 2026-09-22")
    assert run_assets(stale, ["fact_sheets"], LAST, LAST).success
    [fact] = [row for row in _stored(workspace, "fact_sheets", LAST) if row["fact_id"] == "gate.override"]
    assert fact["text"] == "the runner is being replaced"
    for day in (LAST, LAST - timedelta(days=1)):
        record_override(stale, day, "", "ada", withdraw=True)
    assert not _episodes_alone(stale, LAST).success
    assert run_assets(stale, ["fact_sheets"], LAST, LAST).success


@pytest.mark.parametrize(("reason", "by"), [("", "ada"), ("  ", "ada"), ("why", "")])
def test_an_override_without_a_reason_or_a_name_is_refused(
    workspace: Path, adapters: Adapters, reason: str, by: str
) -> None:
    """What nobody answers for opens nothing."""
    with pytest.raises(dg.Failure):
        record_override(adapters, TOLD, reason, by)
    assert _stored(workspace, "overrides", TOLD) == []


@pytest.fixture
def cautious(workspace: Path, adapters: Adapters) -> Iterator[Adapters]:
    """The workspace under a policy by which the told day waits for a person."""
    settings = adapters.workspace.settings
    policy = settings.policy.model_copy(update={"publish_at": 1.0})
    changed = replace(adapters.workspace, settings=settings.model_copy(update={"policy": policy}))
    waiting = replace(adapters, workspace=changed)
    assert _episodes_alone(waiting, TOLD).success
    yield waiting
    record_approval(waiting, TOLD, "ada", withdraw=True)
    assert _episodes_alone(adapters, TOLD).success


def test_a_draft_goes_out_when_a_person_approves_exactly_this_text(workspace: Path, cautious: Adapters) -> None:
    """It waits with its reason; approved it may be published; another text, or an approval withdrawn, waits again."""
    [waiting] = _stored(workspace, "episodes", TOLD)
    assert waiting["status"] == "draft" and "a person decides" in waiting["reason"]
    record_approval(cautious, TOLD, "ada")
    [approval] = _stored(workspace, "approvals", TOLD)
    assert (approval["by"], approval["content_sha256"]) == ("ada", waiting["content_sha256"])
    assert _episodes_alone(cautious, TOLD).success
    [approved] = _stored(workspace, "episodes", TOLD)
    assert approved["status"] == "approved" and approved["reason"].startswith("approved by ada; confidence")
    assert approved["canonical"] == waiting["canonical"]
    assert "ada" not in approved["canonical"] + approved["ledger"]
    other = f"ALTER TABLE approvals UPDATE content_sha256 = 'of another text' WHERE day = '{TOLD}'"
    change_warehouse(workspace, other)
    assert _episodes_alone(cautious, TOLD).success
    assert [row["status"] for row in _stored(workspace, "episodes", TOLD)] == ["draft"]
    record_approval(cautious, TOLD, "ada")
    record_approval(cautious, TOLD, "ada", withdraw=True)
    assert _episodes_alone(cautious, TOLD).success
    assert [row["status"] for row in _stored(workspace, "episodes", TOLD)] == ["draft"]


def test_a_day_that_is_approved_is_built_again(workspace: Path, cautious: Adapters) -> None:
    """A backfill leaves out what it has built from the same inputs: a person's decision is one of them."""
    state = {"day": TOLD}
    before = cautious.warehouse.select("select_day_state", state)
    record_approval(cautious, TOLD, "ada")
    assert cautious.warehouse.select("select_day_state", state) != before


def test_what_does_not_wait_for_a_person_cannot_be_approved(workspace: Path, adapters: Adapters) -> None:
    """Neither what is decided, nor a day without an episode, nor one under way, nor by nobody."""
    with pytest.raises(dg.Failure, match="it is approved"):
        record_approval(adapters, TOLD, "ada")
    with pytest.raises(dg.Failure, match="build the day first"):
        record_approval(adapters, LOADED_FROM, "ada")
    with pytest.raises(dg.Failure, match="has not ended"):
        record_approval(_adapters(workspace, datetime(2026, 9, 18, 12, tzinfo=UTC)), TOLD, "ada")
    with pytest.raises(dg.Failure, match="needs a name"):
        record_approval(adapters, TOLD, " ")
    assert _stored(workspace, "approvals", TOLD) == []


def test_no_tag_and_no_run_config_opens_the_gate(workspace: Path, tmp_path: Path) -> None:
    """Only the record does."""
    clone = _hearts_with_unmeasured_commit(workspace, tmp_path / "hearts")
    stale = _adapters(workspace, NEXT_MORNING, path=str(clone))
    tags = {"dagster/backfill": "abc", "muse/override": "true", "override": "because"}
    assert not run_assets(stale, ["episodes"], LAST, tags=tags).success


def test_a_day_under_way_is_at_most_a_draft(workspace: Path) -> None:
    """It can be looked at, says that it has not ended, and is not published; once it has ended it is."""
    early = _adapters(workspace, datetime(2026, 9, 20, 22, tzinfo=UTC), grace_minutes=240)
    day = date(2026, 9, 20)
    assert run_assets(early, [*COUNCIL, "publications"], day).success
    [episode] = _stored(workspace, "episodes", day)
    assert episode["status"] == "draft" and "has not ended" in episode["reason"]
    assert episode["ts"].startswith("2026-09-20 22:00")
    assert _stored(workspace, "publications", day) == []
    change_warehouse(workspace, f"ALTER TABLE episodes UPDATE status = 'approved' WHERE day = '{day}'")
    refused = run_assets(early, ["publications"], day)
    assert not refused.success and "has not ended" in reason_of(check_results(refused)["publication_gate"])
    late = _adapters(workspace, WELL_AFTER)
    assert run_assets(late, COUNCIL, day).success
    assert _stored(workspace, "episodes", day)[0]["status"] == "approved"


def test_a_quiet_day_under_way_is_quiet_so_far(workspace: Path) -> None:
    """Skipped, and said to be judged again."""
    early = _adapters(workspace, datetime(2026, 9, 17, 22, tzinfo=UTC), grace_minutes=240)
    assert run_assets(early, COUNCIL, QUIET).success
    [episode] = _stored(workspace, "episodes", QUIET)
    assert episode["status"] == "skipped" and "so far: the day has not ended" in episode["reason"]


def test_a_quiet_day_is_built_as_skipped_with_the_count_of_series(workspace: Path, adapters: Adapters) -> None:
    """Nothing moved is an outcome: every asset is materialised, nothing is committed."""
    before = _head(workspace)
    result = run_daily_job(adapters, QUIET)
    assert result.success
    assert {"episodes", "publications", "deployments"} <= built(result)
    [episode] = _stored(workspace, "episodes", QUIET)
    checked = sum(row["p_value"] is not None for row in _stored(workspace, "series_checks", QUIET))
    assert checked > 0
    assert (episode["status"], episode["series_checked"]) == ("skipped", checked)
    assert episode["reason"] == f"no new shift in {checked} series"
    assert all(check.passed for check in check_results(result).values())
    assert _head(workspace) == before


def test_one_day_walks_through_the_whole_job(workspace: Path, adapters: Adapters) -> None:
    """From reports to the page in one run: all assets, all checks, one commit, one site."""
    day = date(2026, 9, 20)
    result = run_daily_job(adapters, day)
    assert result.success
    assert built(result) == {
        "commits", "bench_runs", "ui_events", "session_stats", "watcher_runs", "findings", "fact_sheets",
        "episode_drafts", "episode_verdicts", "episodes", "publications", "deployments",
    }  # fmt: skip
    checks = check_results(result)
    assert set(checks) == EPISODE_CHECKS | {"watcher_gate", "publication_gate", "nulls_have_reasons", "expectations"}
    assert all(check.passed for check in checks.values())
    [episode], [publication] = _stored(workspace, "episodes", day), _stored(workspace, "publications", day)
    assert episode["status"] == "published" and episode["path"] == publication["path"]
    assert publication["commit_sha"] == _head(workspace)
    assert (workspace / "blog" / publication["path"]).is_file()
    assert (workspace / "site" / "index.html").is_file()


def _checks_of(adapters: Adapters, day: date) -> dict[str, dg.AssetCheckEvaluation]:
    wanted = [("episodes", name) for name in sorted(EPISODE_CHECKS)]
    result = run_assets(adapters, [], day, checks=wanted)
    assert result.success
    return check_results(result)


EDITS = {
    "front_matter_is_complete": "canonical = replaceOne(canonical, '\\ncost_usd:', '\\nprice:')",
    "sections_are_in_order": "canonical = replaceOne(canonical, '## Why it matters', '## Because')",
    "confidence_reaches_policy": "confidence_score = 0.6",
    "claims_match_facts": "canonical = concat(canonical, 'More.')",
}


@pytest.mark.parametrize("check", EDITS)
def test_a_check_fails_when_the_stored_episode_was_changed(workspace: Path, adapters: Adapters, check: str) -> None:
    """Each check holds for the built day, fails for the changed one, and looks at no other day."""
    assert run_assets(adapters, COUNCIL, TOLD).success
    assert all(evaluation.passed for evaluation in _checks_of(adapters, TOLD).values())
    change_warehouse(workspace, f"ALTER TABLE episodes UPDATE {EDITS[check]} WHERE day = '{TOLD}'")
    after = _checks_of(adapters, TOLD)
    assert not after[check].passed and after[check].metadata["problems"].value
    severity = dg.AssetCheckSeverity.WARN if check == "confidence_reaches_policy" else dg.AssetCheckSeverity.ERROR
    assert after[check].severity is severity
    assert all(evaluation.passed for evaluation in _checks_of(adapters, QUIET).values())


def test_a_null_without_a_reason_is_noticed_on_its_day(workspace: Path, adapters: Adapters) -> None:
    """What was not measured says why, or the check names the benchmark and the column."""
    day, check = date(2026, 9, 13), [("bench_runs", "nulls_have_reasons")]
    assert check_results(run_assets(adapters, [], day, checks=check))["nulls_have_reasons"].passed
    change_warehouse(workspace, f"ALTER TABLE bench_runs UPDATE null_reasons = map() WHERE day = '{day}'")
    failed = check_results(run_assets(adapters, [], day, checks=check))["nulls_have_reasons"]
    other = check_results(run_assets(adapters, [], TOLD, checks=check))["nulls_have_reasons"]
    assert run_assets(adapters, ["bench_runs"], day).success
    assert not failed.passed and "latency_p95_ms" in str(failed.metadata["unexplained"].value)
    assert other.passed


def test_the_hash_of_an_episode_is_of_its_text(workspace: Path, adapters: Adapters) -> None:
    """What the verdict is bound to can be computed again from the stored text."""
    assert run_assets(adapters, COUNCIL, TOLD).success
    [episode] = _stored(workspace, "episodes", TOLD)
    assert content_sha256(episode["canonical"]) == episode["content_sha256"]
