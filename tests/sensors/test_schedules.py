"""The daily schedules: which day each tick asks for."""

from datetime import UTC, date, datetime, time

import dagster as dg
import pytest

from muse_assets.jobs import claims_job, daily_episode_job, digest_job
from muse_domain.settings import MuseSection, RepositorySection, Settings, WatchSection
from muse_sensors.schedules import build_time, claims_schedule, daily_episode_schedule, digest_schedule


def _settings(start: date, end: date | None = None, build_at: time = time(2)) -> Settings:
    return Settings(
        muse=MuseSection(start_date=start, end_date=end),
        repositories={"hearts": RepositorySection(path=".")},
        watch=WatchSection(build_at=build_at),
    )


def _schedule(start: date, end: date | None = None) -> dg.ScheduleDefinition:
    settings = _settings(start, end)
    return daily_episode_schedule(daily_episode_job(), settings)


def _tick(schedule: dg.ScheduleDefinition, at: datetime) -> dg.RunRequest | dg.SkipReason:
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        result = schedule(context)
    assert isinstance(result, dg.RunRequest | dg.SkipReason)
    return result


def test_it_runs_by_default_at_two_in_the_morning_utc() -> None:
    """Nobody has to switch it on."""
    schedule = _schedule(date(2026, 1, 1))
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    assert schedule.job_name == "daily_episode_job"


def test_it_runs_when_muse_toml_says() -> None:
    """The sensor that takes what the schedule has left knows the same time."""
    settings = _settings(date(2026, 1, 1), build_at=time(5, 30))
    assert daily_episode_schedule(daily_episode_job(), settings).cron_schedule == "30 5 * * *"
    assert build_time(date(2026, 9, 8), settings) == datetime(2026, 9, 9, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tick", "day"),
    [
        (datetime(2026, 9, 9, 2, tzinfo=UTC), "2026-09-08"),
        (datetime(2026, 10, 1, 2, tzinfo=UTC), "2026-09-30"),
        (datetime(2027, 1, 1, 2, tzinfo=UTC), "2026-12-31"),
        (datetime(2028, 3, 1, 2, tzinfo=UTC), "2028-02-29"),
        (datetime(2026, 3, 1, 2, tzinfo=UTC), "2026-02-28"),
    ],
)
def test_a_tick_asks_for_the_day_before_it(tick: datetime, day: str) -> None:
    """Also over the end of a month, of a year and on leap days; a late tick still asks for its own day."""
    request = _tick(_schedule(date(2026, 1, 1)), tick)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == day


def test_ticks_for_one_day_have_one_run_key() -> None:
    """A tick that is evaluated twice starts one run."""
    schedule, tick = _schedule(date(2026, 1, 1)), datetime(2026, 9, 9, 2, tzinfo=UTC)
    requests = [_tick(schedule, tick), _tick(schedule, tick)]
    assert len({request.run_key for request in requests if isinstance(request, dg.RunRequest)}) == 1


@pytest.mark.parametrize(
    "tick",
    [datetime(2026, 9, 1, 2, tzinfo=UTC), datetime(2026, 9, 23, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)],
)
def test_a_day_that_is_not_covered_is_skipped_with_the_reason(tick: datetime) -> None:
    """Before start_date and after end_date a tick says why it starts nothing."""
    skipped = _tick(_schedule(date(2026, 9, 1), date(2026, 9, 21)), tick)
    assert isinstance(skipped, dg.SkipReason)
    assert "not covered" in str(skipped.skip_message) and "2026-09-21" in str(skipped.skip_message)


def test_the_first_and_the_last_day_are_covered() -> None:
    """Both ends of the span are built."""
    schedule = _schedule(date(2026, 9, 1), date(2026, 9, 21))
    for day in (2, 22):
        assert isinstance(_tick(schedule, datetime(2026, 9, day, 2, tzinfo=UTC)), dg.RunRequest)


def test_claims_are_run_again_every_day_whatever_days_are_covered() -> None:
    """A history that has ended can still be changed; one tick starts one run."""
    schedule = claims_schedule(claims_job(), _settings(date(2026, 9, 1), date(2026, 9, 21)))
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING and schedule.job_name == "claims_job"
    requests = [_tick(schedule, datetime(2026, 11, day, 5, tzinfo=UTC)) for day in (1, 1, 2)]
    keys = [request.run_key for request in requests if isinstance(request, dg.RunRequest)]
    assert len(keys) == 3 and len(set(keys)) == 2
    assert all(request.partition_key is None for request in requests if isinstance(request, dg.RunRequest))


def test_the_digest_is_of_the_month_before_and_built_again_for_late_days() -> None:
    """On the first of a month and the six days after, each tick a run of its own; a tick twice is one run."""
    schedule = digest_schedule(digest_job(), _settings(date(2025, 12, 20)))
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 1-7 * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING and schedule.job_name == "digest_job"
    requests = [_tick(schedule, datetime(2026, 1, day, 4, 30, tzinfo=UTC)) for day in (1, 1, 7)]
    asked = [(one.partition_key, one.run_key) for one in requests if isinstance(one, dg.RunRequest)]
    assert {month for month, _ in asked} == {"2025-12-01"} and len(asked) == 3 and len(set(asked)) == 2


def test_a_month_that_is_not_covered_has_no_digest() -> None:
    """Months before the first and after the last covered day; both of these have one."""
    schedule = digest_schedule(digest_job(), _settings(date(2025, 12, 20), date(2026, 1, 4)))
    ticks = [_tick(schedule, datetime(year, month, 1, 4, 30, tzinfo=UTC)) for year, month in
             ((2025, 12), (2026, 1), (2026, 2), (2026, 3))]  # fmt: skip
    assert [isinstance(one, dg.RunRequest) for one in ticks] == [False, True, True, False]
    assert "2025-11 is not covered" in str(ticks[0].skip_message)  # type: ignore[union-attr]
