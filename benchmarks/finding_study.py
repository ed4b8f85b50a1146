"""What is found in histories whose truth is known, looked at day after day as the daily job does."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.histories import DAYS, NOISES, History, quiet, shifted
from muse_domain.findings import Finding, KnownShift, find_day
from muse_domain.settings import AnalysisSection

TITLE = "Findings in histories whose truth is known"
HISTORIES = 200
SERIES_OF_A_QUIET_DAY = 5
NEAR = 2
ANALYSIS = AnalysisSection()


@dataclass(frozen=True, slots=True)
class Looked:
    """A history looked at to its end: how many days could be tested, and what they told."""

    days: int
    findings: tuple[tuple[int, Finding], ...]

    @property
    def days_with_findings(self) -> int:
        """Days on which at least one finding was told."""
        return len({day for day, _ in self.findings})


def look_daily(histories: Sequence[History]) -> Looked:
    """Look at the series of one workspace on each of its days, carrying on what was told."""
    known: list[KnownShift] = []
    told: list[tuple[int, Finding]] = []
    tested = 0
    for number in range(DAYS):
        found = find_day(histories[0].day(number), [one.series for one in histories], (), known, ANALYSIS)
        tested += any(check.p_value is not None for check in found.checks)
        told += [(number, finding) for finding in found.findings]
        known += [KnownShift(f.key.series_id, f.changed_at, f.direction) for f in found.findings]
    return Looked(tested, tuple(told))


def is_found(history: History, looked: Looked) -> bool:
    """Whether a day told the shift, in its direction, at most two points from where it is."""
    return any(_is_near(history, finding) for _, finding in looked.findings)


def _is_near(history: History, finding: Finding) -> bool:
    at = history.series.ts.index(finding.changed_at)
    right_way = (finding.change_pct > 0) == (history.widths > 0)
    return history.shift is not None and right_way and abs(at - history.shift) <= NEAR


def study(kind: str, histories: int) -> tuple[float, float, float]:
    """Share of quiet days with a false finding, share of shifts found, false findings beside a shift per history."""
    quiet_looks = [look_daily(_workspace(kind, seed)) for seed in range(histories)]
    false = sum(one.days_with_findings for one in quiet_looks) / sum(one.days for one in quiet_looks)
    made = [shifted(kind, seed) for seed in range(histories)]
    looks = [look_daily([one]) for one in made]
    found = sum(is_found(history, looked) for history, looked in zip(made, looks, strict=True))
    beside = sum(
        not _is_near(history, finding)
        for history, looked in zip(made, looks, strict=True)
        for _, finding in looked.findings
    )
    return false, found / histories, beside / histories


def _workspace(kind: str, seed: int) -> list[History]:
    return [quiet(kind, SERIES_OF_A_QUIET_DAY * seed + i, f"made {i}") for i in range(SERIES_OF_A_QUIET_DAY)]


def measure(histories: int = HISTORIES) -> str:
    """The table: each kind of noise with its share of the histories."""
    each = -(-histories // len(NOISES))
    rows = []
    for kind in NOISES:
        false, found, beside = study(kind, each)
        rows.append(f"| {kind} | {false:.1%} | {found:.1%} | {beside:.2f} |")
    about = (
        f"{each * len(NOISES)} histories without a shift ({SERIES_OF_A_QUIET_DAY} series each) and as many with\n"
        "a shift of three to six noise widths, ten points or more from both ends.\n"
        f"Each has {DAYS} days, looked at day after day. A shift\n"
        f"counts as found when a day tells it within {NEAR} points of its place.\n\n"
    )
    head = "| noise | quiet days with a false finding | shifts found | further findings a shifted history |\n"
    head += "|---|---:|---:|---:|\n"
    return about + head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(measure())
