"""`muse backfill`: tables before episodes, of the asked assets, and going on where it was cut off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from muse_apps.backfill import BackfillOutcome, Step, plan_backfill, run_backfill
from muse_apps.cli import app
from muse_apps.resuming import day_state
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.workspaces import FixedClock, adapters_of, copy_of, selected, stop_warehouse

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 3)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class CutOff(BaseException):
    """Stands for Ctrl-C, a kill, a power cut."""


def _three_days(folder: Path) -> LiveWorkspace:
    """Three days of history with a report each."""
    workspace = live_workspace(folder, FIRST)
    sha = workspace.commit(NOON)
    for days in range(3):
        workspace.report(sha, NOON + days * DAY)
    return workspace


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveWorkspace]:
    """Three days of which nothing is built."""
    yield _three_days(tmp_path / "live")
    stop_warehouse(tmp_path / "live")


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three days whose backfill was cut off when the last of them began."""
    workspace = _three_days(tmp_path_factory.mktemp("backfill") / "live")
    with pytest.raises(CutOff):
        backfilled(workspace, until="episode of 2026-09-03")
    assert days_built(workspace) == ["2026-09-01", "2026-09-02"]
    yield workspace.folder
    stop_warehouse(workspace.folder)


@pytest.fixture
def begun(cut_off: Path, tmp_path: Path) -> Iterator[LiveWorkspace]:
    """A copy of it."""
    with copy_of(cut_off, tmp_path / "begun") as folder:
        yield LiveWorkspace(folder)


def backfilled(live: LiveWorkspace, *, until: str = "", afresh: bool = False) -> BackfillOutcome:
    """The backfill of the three days; cut off when the step of this title begins."""
    adapters = adapters_of(live.folder)

    def on_step(step: Step) -> None:
        if step.title == until:
            raise CutOff

    return run_backfill(adapters, plan_backfill(adapters, FIRST, LAST), on_step, afresh=afresh)


def days_built(live: LiveWorkspace) -> list[str]:
    return [row["day"] for row in selected(live.folder, "SELECT day FROM episodes ORDER BY day")]


def test_a_backfill_that_was_cut_off_goes_on(begun: LiveWorkspace) -> None:
    """Days that it has built are not built again; once all are, the next backfill begins from the start."""
    rest = backfilled(begun)
    assert (rest.failures, rest.built_before) == ([], [FIRST, FIRST + DAY])
    assert days_built(begun) == ["2026-09-01", "2026-09-02", "2026-09-03"]
    assert backfilled(begun).built_before == []


def test_a_day_whose_inputs_have_changed_meanwhile_is_built_again(begun: LiveWorkspace) -> None:
    """And those after it, whose trailing days hold it; the days before it are not."""
    begun.report(begun.commit(NOON + DAY), NOON + DAY + timedelta(hours=1))
    assert backfilled(begun).built_before == [FIRST]


def test_a_preview_is_built_again_when_its_day_has_ended(begun: LiveWorkspace) -> None:
    """From the same rows it becomes an episode; one that was built from them after its end is not built again."""

    def state(now: datetime) -> str:
        return day_state(replace(adapters_of(begun.folder), clock=FixedClock(now)), FIRST)

    assert state(NOON) != state(NOON + DAY) == state(NOON + 2 * DAY)


def test_afresh_builds_every_day(begun: LiveWorkspace) -> None:
    """For who does not trust what was built, say after a change of the program."""
    assert backfilled(begun, afresh=True).built_before == []


def test_changed_settings_build_every_day(begun: LiveWorkspace) -> None:
    """A mended muse.toml may tell every day otherwise."""
    settings = begun.folder / "muse.toml"
    settings.write_text(settings.read_text() + "\n[policy]\npublish_at = 0.9\n")
    assert backfilled(begun).built_before == []


def test_tables_are_loaded_for_all_days_before_an_episode_is_judged(live: LiveWorkspace) -> None:
    """Each table once over the range; an episode's week is there when its gate looks."""
    steps = plan_backfill(adapters_of(live.folder), FIRST, LAST)
    assert [step.is_range for step in steps] == sorted((step.is_range for step in steps), reverse=True)
    assert [step.first for step in steps if not step.is_range] == [FIRST, FIRST + DAY, LAST]


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({"bench_runs", "commits"}, [("ingest tables", ("commits", "bench_runs"))]),
        ({"deployments"}, [(f"2026-09-0{day}", ("deployments",)) for day in (1, 2, 3)]),
        (
            {"findings", "episodes"},
            [("council tables", ("findings",)), *((f"episode of 2026-09-0{day}", ("episodes",)) for day in (1, 2, 3))],
        ),
    ],
)
def test_only_the_asked_assets_are_built(
    live: LiveWorkspace, asked: set[str], steps: list[tuple[str, tuple[str, ...]]]
) -> None:
    """In the order of the data, whatever the order they were asked in."""
    planned = plan_backfill(adapters_of(live.folder), FIRST, LAST, asked)
    assert [(step.title, step.assets) for step in planned] == steps


def test_an_asset_that_does_not_exist_is_told_with_those_that_do(live: LiveWorkspace) -> None:
    """A wrong name builds nothing."""
    done = CliRunner().invoke(
        app, ["--workspace", str(live.folder), "backfill", "--assets", "comits"], env={"COLUMNS": "300"}
    )
    assert done.exit_code == 2 and "no asset is called comits" in done.output and "bench_runs" in done.output


def test_the_command_builds_only_what_is_asked_for(live: LiveWorkspace) -> None:
    """From the parser to the tables."""
    span = ("--from", str(FIRST), "--to", str(LAST))
    done = CliRunner().invoke(
        app, ["--workspace", str(live.folder), "backfill", *span, "--assets", "commits,bench_runs"]
    )
    assert done.exit_code == 0, done.output
    assert len(selected(live.folder, "SELECT * FROM bench_runs")) == 3 and days_built(live) == []
