"""What moved on a day: the shifts of all series, told apart from noise, method and environment.

A shift is a finding of the first day on which the evidence suffices; later days tell only what became of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from operator import ne

import numpy as np

from muse_domain.days import day_end, day_start
from muse_domain.facts import relative_change_pct
from muse_domain.life_cycle import (
    KnownShift,
    Levels,
    State,
    is_same_shift,
    state_today,
    step_direction,
    undone_by,
)
from muse_domain.ports import Commit
from muse_domain.segmentation import Doubt, Rules, Segmentation, segment_all
from muse_domain.series import Series, SeriesKey
from muse_domain.settings import AnalysisSection
from muse_domain.shifts import BoolArray, Split, benjamini_hochberg, shift_interval_pct
from muse_domain.suspects import CommitGraph, Suspect, Window, rank_suspects


class Outcome(StrEnum):
    """What came of looking at one series on one day."""

    NO_CHANGE = "no_change"
    SHIFT = "shift"
    KNOWN_SHIFT = "known_shift"
    TOO_FEW_POINTS = "too_few_points"
    ENVIRONMENT_CHANGED = "environment_changed"
    SMALL_CHANGE = "small_change"
    DRIFTING = "drifting"


@dataclass(frozen=True, slots=True)
class SeriesCheck:
    """One series looked at on one day. `p_value` is None where no test was possible."""

    key: SeriesKey
    points: int
    p_value: float | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """What a day says of a change of level in one series. Changes and intervals are in percent of the median before.

    `told_on` and `told_as` name the day and the finding that told the shift first; they are empty on that day itself.
    `returned_on` and `returned_as` name the shift that this one undoes. A refuted shift has no p-value and no q-value:
    the test no longer sees it.
    """

    finding_id: str
    key: SeriesKey
    window_start: datetime
    window_end: datetime
    segment_start: datetime
    last_before: datetime
    changed_at: datetime
    n_before: int
    n_after: int
    before_median: float
    after_median: float
    change_pct: float
    interval_low_pct: float
    interval_high_pct: float
    p_value: float | None
    q_value: float | None
    cause: str
    cause_reason: str
    last_good_commit: str | None
    first_bad_commit: str | None
    suspects: tuple[Suspect, ...]
    state: State = State.SUSPECTED
    told_on: date | None = None
    told_as: str = ""
    n_since: int = 0
    returned_on: date | None = None
    returned_as: str = ""

    @property
    def suspect_commits(self) -> tuple[str, ...]:
        """The hashes of the suspects, the first to look at first."""
        return tuple(suspect.sha for suspect in self.suspects)

    @property
    def direction(self) -> str:
        """Where the value went: up or down; none where the shift is refuted."""
        if self.state is State.REFUTED:
            return "none"
        return "up" if self.change_pct > 0 else "down"

    @property
    def effect(self) -> str:
        """What that means: regression, improvement, or change where neither is better."""
        if self.key.better == "none" or self.state is State.REFUTED:
            return "change"
        return "improvement" if (self.direction == "up") == (self.key.better == "higher") else "regression"


@dataclass(frozen=True, slots=True)
class DayFindings:
    """Everything that one day's look at all series gave."""

    day: date
    checks: tuple[SeriesCheck, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    series: Series
    splits: tuple[Split, ...]
    p_value: float
    doubt: Doubt = Doubt.NONE

    @property
    def newest(self) -> Split | None:
        """The newest change of level: the one that may be the day's news."""
        return self.splits[-1] if self.splits else None


def find_day(
    day: date,
    series: Sequence[Series],
    commits: Sequence[Commit],
    known: Iterable[KnownShift],
    analysis: AnalysisSection,
) -> DayFindings:
    """Look at every series of the trailing window as it stood at the end of `day`."""
    window_end = day_end(day)
    window_start = day_start(day - timedelta(days=analysis.window_days - 1))
    current, checks = _current_series(series, window_start, window_end, day, analysis)
    told, look = _by_series(known), _Look(window_start, window_end, CommitGraph(commits), analysis)
    open_ones: list[tuple[_Candidate, Finding | None]] = []
    told_again: list[Finding] = []
    for candidate in _candidates(current, analysis):
        shifts = told[candidate.series.key.series_id]
        told_again += look.again(candidate, shifts)
        if _is_known(candidate, shifts, analysis):
            checks.append(_check(candidate, Outcome.KNOWN_SHIFT))
        else:
            open_ones.append((candidate, look.news(candidate, shifts)))
    # A shift that was told is no discovery any more: left in, its small p would loosen the limit for all others.
    p_values = [candidate.p_value for candidate, _ in open_ones]
    q_values = benjamini_hochberg(np.array(p_values))
    told_again = [replace(one, q_value=_q_beside(one.p_value, p_values)) for one in told_again]
    findings: list[Finding] = []
    for (candidate, finding), q_value in zip(open_ones, q_values, strict=True):
        finding = replace(finding, q_value=float(q_value)) if finding else None
        outcome = _outcome(candidate, finding, analysis)
        checks.append(_check(candidate, outcome))
        if finding and outcome is Outcome.SHIFT:
            findings.append(finding)
    return DayFindings(day, tuple(checks), _numbered(findings, told_again))


def _q_beside(p_value: float | None, others: Sequence[float]) -> float | None:
    """A shift that was told, adjusted as one look more beside the day's others; None where it has no p-value."""
    return None if p_value is None else float(benjamini_hochberg(np.array([p_value, *others]))[0])


def _check(candidate: _Candidate, outcome: Outcome) -> SeriesCheck:
    return SeriesCheck(candidate.series.key, len(candidate.series.values), candidate.p_value, outcome)


def _current_series(
    series: Sequence[Series], start: datetime, end: datetime, day: date, analysis: AnalysisSection
) -> tuple[list[Series], list[SeriesCheck]]:
    """Series to test (measured on the day, each environment for itself), and checks for the others."""
    lineages: dict[tuple[str | None, ...], list[Series]] = defaultdict(list)
    for one in (candidate.until(start, end) for candidate in series):
        if one.ts:
            lineages[one.key.lineage].append(one)
    current: list[Series] = []
    checks: list[SeriesCheck] = []
    for members in lineages.values():
        few = Outcome.ENVIRONMENT_CHANGED if len(members) > 1 else Outcome.TOO_FEW_POINTS
        for one in members:
            if one.ts[-1] < day_start(day):
                continue  # not measured on this day: nothing new can be said
            if len(one.values) >= 2 * analysis.minimum_segment:
                current.append(one)
            else:
                checks.append(SeriesCheck(one.key, len(one.values), None, few))
    return current, checks


def _candidates(current: Sequence[Series], analysis: AnalysisSection) -> Iterator[_Candidate]:
    """Each series' newest change of level, or the p-value of its best split when there is none."""
    rules = Rules(analysis.minimum_segment, analysis.false_discovery_rate, analysis.minimum_widths)
    segmented = segment_all([one.values for one in current], rules, [_places(one) for one in current])
    for one, segments in zip(current, segmented, strict=True):
        yield _newest(one, segments)


def _newest(series: Series, segments: Segmentation) -> _Candidate:
    if segments.splits:
        return _Candidate(series, segments.splits, segments.splits[-1].p_value)
    return _Candidate(series, (), segments.p_value, segments.doubt)


def _places(series: Series) -> BoolArray:
    """Before which points a split may lie: runs of one instant have no order, and stay together."""
    return np.array([True, *map(ne, series.ts[1:], series.ts)], dtype=bool)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a day's look at each series has in common."""

    window_start: datetime
    window_end: datetime
    history: CommitGraph
    analysis: AnalysisSection

    def news(self, candidate: _Candidate, known: Sequence[KnownShift]) -> Finding | None:
        """The newest change of level as a finding; its q-value is known only beside the other series of the day."""
        split = candidate.newest
        if split is None:
            return None
        levels = Levels(split.start, split.earliest, split.index, split.latest, split.end)
        finding = self._compare(candidate.series, levels, candidate.p_value)
        if finding is None:
            return None
        # A difference too small to be told is none: so near to the old level is back at it.
        tolerance = self.analysis.minimum_change_pct
        interval = (finding.interval_low_pct - tolerance, finding.interval_high_pct + tolerance)
        undone = undone_by(finding.direction, finding.before_median, interval, known)
        return replace(
            finding,
            returned_on=undone.told_on if undone else None,
            returned_as=undone.told_as if undone else "",
        )

    def again(self, candidate: _Candidate, known: Sequence[KnownShift]) -> Iterator[Finding]:
        """Suspected shifts of the series that today confirms or refutes."""
        series = candidate.series
        for shift in known:
            if shift.state is not State.SUSPECTED:
                continue
            found = state_today(series, candidate.splits, shift, self.analysis)
            if found is None:
                continue
            state, levels = found
            # One that is confirmed is the newest split; one that is refuted is none, and another's p is not its own.
            p_value = candidate.p_value if state is State.CONFIRMED else None
            compared = self._compare(series, levels, p_value)
            if compared is None:
                continue
            n_since = len(series.values) - levels.since
            again = replace(compared, state=state, told_on=shift.told_on, told_as=shift.told_as, n_since=n_since)
            yield _as_noise(again) if state is State.REFUTED else again

    def _compare(self, series: Series, levels: Levels, p_value: float | None) -> Finding | None:
        """The levels before and after a change; None where a change in percent of nothing cannot be stated."""
        index = levels.index
        before, after = series.values[levels.start : index], series.values[index:]
        before_median, after_median = float(np.median(before)), float(np.median(after))
        if before_median == 0.0:
            return None
        low, high = shift_interval_pct(before, after)
        # From the last run that is surely before the change to the first that is surely after it.
        good, bad = levels.earliest - 1, levels.latest
        window = self.history.between(series.commits[good], series.commits[bad])
        cause, reason = _triage(series, good, bad, window)
        return Finding(
            finding_id="",
            key=series.key,
            window_start=self.window_start,
            window_end=self.window_end,
            segment_start=series.ts[levels.start],
            last_before=series.ts[index - 1],
            changed_at=series.ts[index],
            n_before=len(before),
            n_after=len(after),
            before_median=before_median,
            after_median=after_median,
            change_pct=relative_change_pct(before_median, after_median),
            interval_low_pct=low,
            interval_high_pct=high,
            p_value=p_value,
            q_value=None,
            cause=cause,
            cause_reason=reason,
            last_good_commit=series.commits[good],
            first_bad_commit=series.commits[index],
            suspects=rank_suspects(window.commits, series.key),
        )


def _as_noise(finding: Finding) -> Finding:
    """A shift that does not stand has no commit that brought it."""
    reason = "the runs since do not lie beyond the level before"
    return replace(
        finding, cause="noise", cause_reason=reason, last_good_commit=None, first_bad_commit=None, suspects=()
    )


# What a series is told to be when the split that ranks saw in it does not stand.
_DOUBTED = {Doubt.DRIFTING: Outcome.DRIFTING, Doubt.SMALL: Outcome.SMALL_CHANGE}


def _outcome(candidate: _Candidate, finding: Finding | None, analysis: AnalysisSection) -> Outcome:
    if candidate.doubt in _DOUBTED:
        return _DOUBTED[candidate.doubt]
    if finding is None or finding.q_value is None or finding.q_value > analysis.false_discovery_rate:
        return Outcome.NO_CHANGE
    excludes_zero = finding.interval_low_pct > 0 or finding.interval_high_pct < 0
    if abs(finding.change_pct) < analysis.minimum_change_pct or not excludes_zero:
        return Outcome.SMALL_CHANGE
    return Outcome.SHIFT


def _is_known(candidate: _Candidate, shifts: Iterable[KnownShift], analysis: AnalysisSection) -> bool:
    """Whether the newest change of level was told by an earlier day."""
    split, series = candidate.newest, candidate.series
    if split is None:
        return False
    direction = step_direction(series.values, split)
    return any(is_same_shift(split, direction, series, shift, analysis.minimum_segment) for shift in shifts)


def _triage(series: Series, good: int, bad: int, window: Window) -> tuple[str, str]:
    """The cause as far as the rows can tell it, and why. Environments never mix within one series."""
    if series.formats[good] != series.formats[bad]:
        return "method", "the report format changed at the same point"
    if series.commits[good] is None or series.commits[bad] is None:
        return "unknown", "the reports do not name the measured commit on both sides"
    if series.commits[good] == series.commits[bad]:
        return "noise", "the same commit was measured before and after the change"
    if series.key.environment is None:
        return "unknown", "the reports do not name the machine, which may have changed with the commit"
    if not window.commits:
        return "code", "the measured commit changed; the commits between are not in the repository"
    if not window.by_graph:
        return "code", "the measured commit changed and the environment did not; suspects by time, not by parents"
    return "code", "the measured commit changed and the environment did not"


def _by_series(known: Iterable[KnownShift]) -> dict[str, list[KnownShift]]:
    told: dict[str, list[KnownShift]] = defaultdict(list)
    for shift in known:
        told[shift.series_id].append(shift)
    return told


def _numbered(news: Sequence[Finding], told_again: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings named f1, f2, ...: what is new, then what became of older shifts; each from the largest change down."""
    ordered = [*_by_size(news), *_by_size(told_again)]
    return tuple(replace(finding, finding_id=f"f{i}") for i, finding in enumerate(ordered, start=1))


def _by_size(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (-abs(finding.change_pct), finding.key.series_id))
