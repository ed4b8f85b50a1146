"""What is found in histories whose truth is known, looked at day after day as the daily job does."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.histories import DAYS, NOISES, History, moved, quiet, shifted
from benchmarks.measuring import Sizes, table
from muse_domain.findings import Finding, find_day
from muse_domain.life_cycle import State, known_shifts
from muse_domain.ports import Row
from muse_domain.settings import AnalysisSection
from muse_domain.stored import finding_row

TITLE = "Findings in histories whose truth is known"
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
        """Days on which at least one shift was told or confirmed."""
        return len({day for day, finding in self.findings if finding.state is not State.REFUTED})

    @property
    def news(self) -> list[Finding]:
        """What was told for the first time."""
        return [finding for _, finding in self.findings if finding.told_on is None]

    @property
    def confirmed(self) -> list[Finding]:
        """What was confirmed on a later day."""
        return [finding for _, finding in self.findings if finding.state is State.CONFIRMED]


def look_daily(histories: Sequence[History]) -> Looked:
    """Look at the series of one workspace on each of its days, carrying on what was told."""
    rows: list[Row] = []
    told: list[tuple[int, Finding]] = []
    tested = 0
    for number in range(DAYS):
        day, series = histories[0].day(number), [one.series for one in histories]
        found = find_day(day, series, (), known_shifts(rows), ANALYSIS)
        tested += any(check.p_value is not None for check in found.checks)
        told += [(number, finding) for finding in found.findings]
        rows += [finding_row(day, finding) for finding in found.findings]
    return Looked(tested, tuple(told))


def is_found(history: History, looked: Looked) -> bool:
    """Whether a day told the shift, in its direction, at most two points from where it is."""
    return any(_is_near(history, finding) for finding in looked.news)


def _is_near(history: History, finding: Finding) -> bool:
    at = history.series.ts.index(finding.changed_at)
    right_way = (finding.change_pct > 0) == (history.widths > 0)
    return history.shift is not None and right_way and abs(at - history.shift) <= NEAR


@dataclass(frozen=True, slots=True)
class Study:
    """What looking at histories of one noise came to."""

    histories: int
    quiet_days: int
    quiet_days_with_findings: int
    found: int
    kept: int
    false: int
    false_kept: int
    across_machines: int


def study(kind: str, histories: int) -> Study:
    """Look at so many workspaces without a shift, histories with one, and histories whose machine is changed."""
    quiet_looks = [look_daily(_workspace(kind, seed)) for seed in range(histories)]
    made = [shifted(kind, seed) for seed in range(histories)]
    looks = [look_daily([one]) for one in made]
    return Study(
        histories=histories,
        quiet_days=sum(one.days for one in quiet_looks),
        quiet_days_with_findings=sum(one.days_with_findings for one in quiet_looks),
        found=sum(is_found(history, looked) for history, looked in zip(made, looks, strict=True)),
        kept=sum(
            any(_is_near(history, finding) for finding in looked.confirmed)
            for history, looked in zip(made, looks, strict=True)
        ),
        false=sum(len(looked.news) for looked in quiet_looks),
        false_kept=sum(len(looked.confirmed) for looked in quiet_looks),
        across_machines=sum(across_machines(moved(kind, seed)) for seed in range(histories)),
    )


def _workspace(kind: str, seed: int) -> list[History]:
    return [quiet(kind, SERIES_OF_A_QUIET_DAY * seed + i, f"made {i}") for i in range(SERIES_OF_A_QUIET_DAY)]


def across_machines(parts: Sequence[History]) -> int:
    """Findings that compare runs of one machine with runs of the other."""
    changed = parts[1].series.ts[0]
    return sum(finding.segment_start < changed <= finding.changed_at for _, finding in look_daily(parts).findings)


def measure(sizes: Sizes) -> str:
    """The table: each kind of noise with its share of the histories."""
    each = -(-sizes.histories // len(NOISES))
    about = (
        f"{each} histories of each noise: with a shift of three to six noise widths, ten points or more from both "
        f"ends; without a shift ({SERIES_OF_A_QUIET_DAY} series each); and with a change of machine in place of the "
        f"shift. Each has {DAYS} days, looked at day after day. A shift counts as found when a day tells it, the "
        f"right way, within {NEAR} points of its place. A day is false that tells or confirms a shift where there is "
        f"none; {each * SERIES_OF_A_QUIET_DAY:,} series of each noise have none.\n\n"
    )
    head = (
        "noise",
        "shifts found",
        "confirmed later",
        "quiet days with a false finding",
        "false findings",
        "confirmed later",
        "findings across a change of machine",
    )
    return about + table(head, [_row(kind, study(kind, each)) for kind in NOISES])


def _row(kind: str, one: Study) -> list[str]:
    return [
        kind,
        f"{one.found} of {one.histories}",
        str(one.kept),
        f"{one.quiet_days_with_findings / one.quiet_days:.1%}",
        str(one.false),
        str(one.false_kept),
        str(one.across_machines),
    ]
