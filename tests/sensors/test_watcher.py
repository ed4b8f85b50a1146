"""The watcher over a real repository and the real warehouse: recorded and told once for each change."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import dagster as dg

from muse_resources.adapters import Adapters
from muse_sensors.watcher import watcher_sensor
from tests.assets.runs import run_assets
from tests.live_workspace import LiveWorkspace
from tests.sensors.conftest import NOW, START, ToldPeople, ticked
from tests.workspaces import change_warehouse, selected

At = Callable[[datetime], Adapters]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def load(adapters: Adapters) -> None:
    """Bring the tables up to the repository and the reports."""
    adapters.warehouse.migrate()
    assert run_assets(adapters, ["commits", "bench_runs"], START, NOW.date()).success


def statuses(live: LiveWorkspace) -> dict[str, tuple[str, bool]]:
    """Status of each recorded day, and whether people were told."""
    rows = selected(live.folder, "SELECT day, status, alert_sent FROM watcher_runs ORDER BY day")
    return {row["day"]: (row["status"], row["alert_sent"]) for row in rows}


def test_a_source_that_goes_stale_and_recovers_is_told_twice(
    live: LiveWorkspace, adapters_at: At, people: ToldPeople
) -> None:
    """Not once for each of the ticks, and not for each of the days under watch."""
    first = live.commit(NOW - 6 * HOUR)
    live.report(first, NOW - 6 * HOUR + MINUTE)
    load(adapters_at(NOW))
    cursor = None
    for minutes in range(0, 60, 10):
        result = ticked(watcher_sensor(adapters_at(NOW + minutes * MINUTE)), cursor)
        cursor = result.cursor
        assert len(result.asset_events) == (3 if minutes == 0 else 0)
    assert people.told == [] and statuses(live)["2026-09-08"] == ("valid", False)

    second = live.commit(NOW - 5 * HOUR)
    for minutes in range(0, 60, 10):
        result = ticked(watcher_sensor(adapters_at(NOW + minutes * MINUTE)), cursor)
        cursor = result.cursor
    [stale] = people.told
    assert (stale.title, stale.severity) == ("hearts is stale", "error")
    assert f"no rows for its latest commit {second[:7]}" in stale.text
    assert statuses(live)["2026-09-08"] == ("lag_exceeded", True)

    live.report(second, NOW - 5 * HOUR + MINUTE)
    load(adapters_at(NOW))
    for minutes in range(0, 60, 10):
        cursor = ticked(watcher_sensor(adapters_at(NOW + minutes * MINUTE)), cursor).cursor
    assert [notice.title for notice in people.told[1:]] == ["Fresh again: hearts"]
    assert statuses(live)["2026-09-08"] == ("valid", True)


def test_commits_are_listed_as_far_back_as_the_cadence_needs(live: LiveWorkspace, adapters_at: At) -> None:
    """Measured every other week: what waits for sixteen days is late, however young the newest commits are."""
    settings = live.folder / "muse.toml"
    settings.write_text(settings.read_text().replace("grace_minutes = 5", "cadence_hours = 336"))
    live.commit(NOW - 16 * 24 * HOUR)
    live.commit(NOW - HOUR)
    load(adapters_at(NOW))
    ticked(watcher_sensor(adapters_at(NOW)))
    assert statuses(live)["2026-09-08"] == ("missing_hearts", True)


def test_rows_that_come_too_late_end_the_refusal(live: LiveWorkspace, adapters_at: At, people: ToldPeople) -> None:
    """Measured five hours after its commit, the day can be written about; nobody has to commit again for that."""
    sha = live.commit(NOW - 6 * HOUR)
    load(adapters_at(NOW))
    stale = ticked(watcher_sensor(adapters_at(NOW)))
    live.report(sha, NOW - HOUR)
    load(adapters_at(NOW))
    ticked(watcher_sensor(adapters_at(NOW)), stale.cursor)
    assert [notice.title for notice in people.told] == ["hearts has no rows", "Fresh again: hearts"]
    [row] = selected(live.folder, "SELECT status, lag_seconds FROM watcher_runs WHERE day = '2026-09-08'")
    assert (row["status"], row["lag_seconds"]) == ("valid", 5 * 3600)


def test_what_could_not_be_told_is_told_by_the_next_tick(
    live: LiveWorkspace, adapters_at: At, people: ToldPeople
) -> None:
    """And is noted as told only then."""
    live.commit(NOW - 5 * HOUR)
    load(adapters_at(NOW))
    people.problem = "Slack answered 500"
    first = ticked(watcher_sensor(adapters_at(NOW)))
    assert "not told yet: Slack answered 500" in str(first.skip_reason)
    assert statuses(live)["2026-09-08"] == ("missing_hearts", False)
    people.problem = ""
    second = ticked(watcher_sensor(adapters_at(NOW)), first.cursor)
    assert len(people.told) == 1 and statuses(live)["2026-09-08"] == ("missing_hearts", True)
    ticked(watcher_sensor(adapters_at(NOW)), second.cursor)
    assert len(people.told) == 1


def test_what_people_know_through_a_refused_run_is_not_told_again(
    live: LiveWorkspace, adapters_at: At, people: ToldPeople
) -> None:
    """The failure sensor was quicker; the recovery is still told."""
    sha = live.commit(NOW - 5 * HOUR)
    load(adapters_at(NOW))
    assert run_assets(adapters_at(NOW), ["watcher_runs"], NOW.date(), NOW.date()).success
    change_warehouse(live.folder, f"ALTER TABLE watcher_runs UPDATE alert_sent = true WHERE day = '{NOW.date()}'")
    first = ticked(watcher_sensor(adapters_at(NOW)))
    assert people.told == []
    live.report(sha, NOW - 5 * HOUR + MINUTE)
    load(adapters_at(NOW))
    ticked(watcher_sensor(adapters_at(NOW)), first.cursor)
    assert [notice.title for notice in people.told] == ["Fresh again: hearts"]


def test_the_recovery_of_one_of_two_sources_is_told(live: LiveWorkspace, adapters_at: At, people: ToldPeople) -> None:
    """That the other's staleness is known already hides nothing."""
    live.commit(NOW - 5 * HOUR)
    load(adapters_at(NOW))
    first = ticked(watcher_sensor(adapters_at(NOW)))
    both = {**json.loads(str(first.cursor)), "told": {"hearts": "missing_hearts", "packs": "missing_packs"}}
    ticked(watcher_sensor(adapters_at(NOW)), json.dumps(both))
    assert [notice.title for notice in people.told] == ["hearts has no rows", "hearts has no rows; fresh again: packs"]


def test_a_repository_that_cannot_be_read_is_told_as_such(
    live: LiveWorkspace, adapters_at: At, people: ToldPeople
) -> None:
    """Unreadable is not stale."""
    live.commit(NOW - HOUR)
    load(adapters_at(NOW))
    live.engine.rename(live.folder / "away")
    ticked(watcher_sensor(adapters_at(NOW)))
    [notice] = people.told
    assert "hearts cannot be read" in notice.text and statuses(live)["2026-09-08"][0] == "error"


def test_building_the_table_again_keeps_what_people_were_told(
    live: LiveWorkspace, adapters_at: At, people: ToldPeople
) -> None:
    """`alert_sent` is of the status, not of the run that wrote the row last."""
    live.commit(NOW - 5 * HOUR)
    load(adapters_at(NOW))
    ticked(watcher_sensor(adapters_at(NOW)))
    assert run_assets(adapters_at(NOW), ["watcher_runs"], NOW.date(), NOW.date()).success
    assert statuses(live)["2026-09-08"] == ("missing_hearts", True)


def test_it_looks_every_ten_minutes_unless_told_otherwise(live: LiveWorkspace, adapters_at: At) -> None:
    """Ruling X-13."""
    assert watcher_sensor(adapters_at(NOW)).minimum_interval_seconds == 600
    settings = live.folder / "muse.toml"
    settings.write_text(settings.read_text() + "\n[watch]\nevery_minutes = 3\n")
    sensor = watcher_sensor(adapters_at(NOW))
    assert sensor.minimum_interval_seconds == 180
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
