"""What is planted in the sample, and when: the one place to read before changing the story.

All times are UTC. Latencies move by `factor`; a factor above 1 on a latency is a regression.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

# Raise it whenever a byte of the sample changes: workspaces of another version are rebuilt.
SAMPLE_VERSION = 3

DAYS = tuple(date(2026, 9, 1) + timedelta(days=n) for n in range(21))
RUN_TIMES = tuple(time(hour, 20) for hour in range(0, 24, 4))
OLLAMA_MODEL = "llama3.1:8b-instruct-q4_0"

# The names of the report formats, as `muse_domain.formats` gives them.
Format = Literal["pytest-benchmark", "banterhearts-ollama-requests", "banterhearts-compilation"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A pytest-benchmark test: its level in seconds, the noise of a run and of a round (relative)."""

    name: str
    level_s: float
    run_noise: float
    round_noise: float


BENCHMARKS = (
    Benchmark("tokenize_prompt", 412e-6, 0.012, 0.040),
    Benchmark("prefill_512", 38.4e-3, 0.018, 0.025),
    Benchmark("decode_step", 6.72e-3, 0.015, 0.030),
    Benchmark("kv_cache_append", 96e-6, 0.020, 0.060),
    Benchmark("sample_top_p", 231e-6, 0.024, 0.050),
)


@dataclass(frozen=True, slots=True)
class PlannedShift:
    """One change that a hearts commit, made at about 03:00 of `day`, brings into every later run."""

    day: date
    source_format: Format
    benchmark: str
    metric: str
    factor: float
    subject: str
    path: str

    @property
    def direction(self) -> Literal["regression", "improvement"]:
        """More tokens a second are better; more milliseconds are worse."""
        is_better = (self.factor > 1) == (self.metric == "tokens_per_sec")
        return "improvement" if is_better else "regression"


SHIFTS = (
    PlannedShift(
        date(2026, 9, 8),
        "pytest-benchmark",
        "decode_step",
        "latency_p50_ms",
        1.18,
        "Keep the sampler state in the decode loop",
        "engine/decode.py",
    ),
    PlannedShift(
        date(2026, 9, 14),
        "banterhearts-ollama-requests",
        OLLAMA_MODEL,
        "tokens_per_sec",
        1.12,
        "Pin the generation threads to the fast cores",
        "engine/threads.py",
    ),
    PlannedShift(
        date(2026, 9, 18),
        "pytest-benchmark",
        "prefill_512",
        "latency_p50_ms",
        1.25,
        "Check every prompt token against the stop list",
        "engine/prefill.py",
    ),
    PlannedShift(
        date(2026, 9, 20),
        "pytest-benchmark",
        "kv_cache_append",
        "latency_p50_ms",
        0.85,
        "Append to the key-value cache in whole pages",
        "engine/kv_cache.py",
    ),
)

# The users feel the slower prefill: the interface's latency takes this step in the same hour.
FELT_SHIFT = SHIFTS[2]
FELT_EVENT = "query_submit"
FELT_FACTOR = 1.22
# From this day on the interface also follows the engine's run-to-run noise in the hours of the runs. A step
# alone would correlate as well with the hour before and the hour after.
JOINT_WEEK = date(2026, 9, 12)


@dataclass(frozen=True, slots=True)
class PlannedEnvironmentChange:
    """New hardware and Python under the benchmark runner, stated by the reports of these formats.

    An ollama CSV states no machine. Its runs use another one, which stays: moved without a stated reason,
    they would look like a change of code, and rightly so.
    """

    at: datetime
    formats: tuple[Format, ...]
    factor: float


ENVIRONMENT_CHANGE = PlannedEnvironmentChange(
    datetime(2026, 9, 11, tzinfo=UTC), ("pytest-benchmark", "banterhearts-compilation"), 1.06
)

# Single runs on a busy machine, seven deviations out. None stands beside a shift or another outlier, and
# none goes as far as a shift: one run is never a change.
OUTLIERS: Mapping[datetime, float] = {
    datetime(2026, 9, 3, 12, 20, tzinfo=UTC): 1.15,
    datetime(2026, 9, 6, 8, 20, tzinfo=UTC): 1.13,
    datetime(2026, 9, 12, 16, 20, tzinfo=UTC): 1.16,
    datetime(2026, 9, 16, 8, 20, tzinfo=UTC): 1.14,
}

DAY_WITHOUT_COMMITS = date(2026, 9, 13)
TRUNCATED_REPORT_RUN = datetime(2026, 9, 5, 12, 20, tzinfo=UTC)
UNKNOWN_FORMAT_DAY = date(2026, 9, 10)
FAILED_BACKEND_DAY = date(2026, 9, 16)
FAILED_BACKEND = "torch_compile"
BAD_LINES_DAY = date(2026, 9, 15)
LATE_BATCH_DAY = date(2026, 9, 6)


def runs_of(day: date) -> Iterator[datetime]:
    """The nominal instants of the day's benchmark runs."""
    return (datetime.combine(day, at, UTC) for at in RUN_TIMES)


def environment_factor(run: datetime) -> float:
    """What the runner's machine adds to its latencies at the time of the run."""
    return ENVIRONMENT_CHANGE.factor if run >= ENVIRONMENT_CHANGE.at else 1.0


def shift_factor(source_format: Format, benchmark: str, run: datetime) -> float:
    """How far the planted commits have moved this benchmark by the time of the run."""
    factor = 1.0
    for shift in SHIFTS:
        if (shift.source_format, shift.benchmark) == (source_format, benchmark) and run >= shift_begins(shift):
            factor *= shift.factor
    return factor


def shift_begins(shift: PlannedShift) -> datetime:
    """The hour in which the shift's commit is made; five runs of that day follow it."""
    return datetime.combine(shift.day, time(3), UTC)


def quiet_days() -> tuple[date, ...]:
    """The days on which nothing happened that an episode could tell."""
    eventful = {shift.day for shift in SHIFTS} | {ENVIRONMENT_CHANGE.at.date()}
    return tuple(day for day in DAYS if day not in eventful)
