"""The interface events of the sample: JSON lines, a file a day, in the field names of their own program.

They hold made-up personal data (`user`) that the mapping in `muse.toml` does not take.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

from muse_apps.sample.commits import Commit, newest_before
from muse_apps.sample.draws import Draws
from muse_apps.sample.engine import run_noise
from muse_apps.sample.plan import (
    BAD_LINES_DAY,
    BENCHMARKS,
    DAYS,
    FELT_EVENT,
    FELT_FACTOR,
    FELT_SHIFT,
    JOINT_WEEK,
    LATE_BATCH_DAY,
    RUN_TIMES,
    shift_begins,
)
from muse_apps.sample.truth import EventTruth, Refused

# Sessions that begin in each hour of the day: few at night, most in the evening.
SESSIONS_BY_HOUR = (9, 8, 7, 7, 7, 8, 9, 11, 12, 13, 14, 14, 15, 15, 15, 15, 16, 17, 18, 19, 19, 17, 14, 11)
SUBMIT_MS = 420.0
HOUR_NOISE = 0.02
EVENT_NOISE = 0.08
DEPLOYMENT = timedelta(minutes=45)
PANELS = ("chat", "hints", "lore")

ABANDONED_SHARE = 0.09
ERROR_SHARE = 0.055

# (day sent the first time, day of the file that holds the second copy)
SENT_TWICE = tuple((DAYS[n], DAYS[n] if n % 5 else DAYS[n + 1]) for n in range(1, 20, 2))
LATE_COUNT = 48

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it is written down."""

    id: str
    at: datetime
    kind: str
    session: str
    panel: str
    user: int
    agent: str
    build: str
    took_ms: float | None = None

    def line(self) -> str:
        """The event as its program logs it; only a query has a duration."""
        timing = {} if self.took_ms is None else {"took_ms": self.took_ms}
        return _encode(
            {
                "id": self.id,
                "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "session": {"id": self.session},
                "kind": self.kind,
                **timing,
                "panel": self.panel,
                "build": self.build,
                "agent": self.agent,
                "user": {"id": f"u{self.user}", "email": f"sample{self.user}@example.org"},
            }
        )


def write_events(workspace: Path, packs: Sequence[Commit]) -> tuple[EventTruth, tuple[Refused, ...]]:
    """Write `events/<day>.jsonl` into the workspace; returns what it holds and its bad lines."""
    folder = workspace / "events"
    folder.mkdir(parents=True)
    by_day = {day: _events_of(day, packs) for day in DAYS}
    refused: list[Refused] = []
    for day in DAYS:
        lines = [event.line() for event in _as_received(day, by_day)]
        refused += _spoil(lines, day)
        (folder / f"{day}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return _truth(by_day), tuple(refused)


def felt_from() -> datetime:
    """The hour of the first run of the slower engine: the interface's latency follows it from here on."""
    return shift_begins(FELT_SHIFT) + timedelta(hours=1)


def _truth(by_day: dict[date, list[Event]]) -> EventTruth:
    return EventTruth(
        count=sum(map(len, by_day.values())),
        by_day={day: len(events) for day, events in by_day.items()},
        sent_twice=tuple(_twice(by_day[day], day).id for day, _ in SENT_TWICE),
        late_file=f"events/{LATE_BATCH_DAY + timedelta(days=1)}.jsonl",
        late_day=LATE_BATCH_DAY,
        late_count=LATE_COUNT,
    )


def _as_received(day: date, by_day: dict[date, list[Event]]) -> Iterator[Event]:
    # The last events of one day came with the next day's file, at its end.
    events = by_day[day]
    yield from events[:-LATE_COUNT] if day == LATE_BATCH_DAY else events
    yield from (_twice(by_day[sent], sent) for sent, received in SENT_TWICE if received == day)
    if day == LATE_BATCH_DAY + timedelta(days=1):
        yield from by_day[LATE_BATCH_DAY][-LATE_COUNT:]


def _twice(events: Sequence[Event], day: date) -> Event:
    return Draws("sent twice", day).pick(events[:-LATE_COUNT])


def _spoil(lines: list[str], day: date) -> Iterator[Refused]:
    if day != BAD_LINES_DAY:
        return
    path = f"events/{day}.jsonl"
    whole = lines[300]
    timeless = {name: value for name, value in json.loads(lines[900]).items() if name != "at"}
    bad = (
        (301, whole[: len(whole) // 2], "the line is cut in the middle"),
        (601, "collector restarted, 0 events lost", "not JSON"),
        (901, _encode(timeless | {"id": "sample-timeless"}), "no timestamp"),
    )
    for number, text, why in bad:
        lines.insert(number - 1, text)
        yield Refused(path, "bad_line", str(number), why)


def _events_of(day: date, packs: Sequence[Commit]) -> list[Event]:
    draws = Draws("sessions", day)
    events: list[Event] = []
    for hour, usual in enumerate(SESSIONS_BY_HOUR):
        begin = datetime.combine(day, time(hour), UTC)
        level_ms = _submit_level_ms(begin)
        for _ in range(round(usual * draws.noise(0.08))):
            # No session runs past its hour, so none runs past midnight.
            at = begin + timedelta(milliseconds=draws.whole(0, 3_300_000))
            # Before the first build was out, nobody could use it.
            if at - DEPLOYMENT > packs[0].at:
                build = newest_before(packs, at - DEPLOYMENT)
                events += _session(draws, at, f"sample-{day:%m%d}-{len(events)}", level_ms, build)
    events.sort(key=lambda event: event.at)
    return [replace(event, id=f"sample-{day:%m%d}-{n:04}") for n, event in enumerate(events, start=1)]


def _session(draws: Draws, at: datetime, name: str, level_ms: float, build: Commit) -> Iterator[Event]:
    opened = Event(
        id="",
        at=at,
        kind="overlay_open",
        session=name,
        panel=draws.pick(PANELS),
        user=draws.whole(100, 999),
        agent=draws.pick(_agents()),
        build=build.sha,
    )
    yield opened
    for kind in _kinds(draws):
        at += timedelta(milliseconds=draws.whole(900, 30_000))
        took_ms = round(_submit_ms(draws, level_ms), 1) if kind == FELT_EVENT else None
        yield replace(opened, at=at, kind=kind, took_ms=took_ms)


def _kinds(draws: Draws) -> list[str]:
    """What follows the opening: one to three queries; an abandoned session never sees an answer."""
    if draws.share() < ABANDONED_SHARE:
        return ["query_submit", "query_submit"]
    kinds: list[str] = []
    for _ in range(draws.pick((1, 1, 2, 2, 3))):
        answer = "error" if draws.share() < ERROR_SHARE else "query_done"
        kinds += ["query_submit", answer]
    return [*kinds, "overlay_open"] if draws.share() < 0.1 else kinds


def _submit_ms(draws: Draws, level_ms: float) -> float:
    slow = draws.between(1.4, 2.2) if draws.share() < 0.01 else 1.0
    return level_ms * slow * draws.noise(EVENT_NOISE)


def _submit_level_ms(hour: datetime) -> float:
    level_ms = SUBMIT_MS * Draws("interface hour", hour).noise(HOUR_NOISE)
    if hour.date() >= JOINT_WEEK:
        level_ms *= _engine_mood(hour)
    return level_ms * FELT_FACTOR if hour >= felt_from() else level_ms


def _engine_mood(hour: datetime) -> float:
    runs = [datetime.combine(hour.date(), at, UTC) for at in RUN_TIMES if at.hour == hour.hour]
    prefill = next(benchmark for benchmark in BENCHMARKS if benchmark.name == FELT_SHIFT.benchmark)
    # Squared: a person waits for several prefills, one behind the other.
    return run_noise(prefill, runs[0]) ** 2 if runs else 1.0


@cache
def _agents() -> tuple[str, ...]:
    text = files("muse_apps.sample").joinpath("data", "user_agents.txt").read_text("utf-8")
    return tuple(text.splitlines())
