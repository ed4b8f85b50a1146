"""What moved on a day, and what it is taken for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from muse_domain.findings import DayFindings, Finding, Outcome, find_day
from muse_domain.life_cycle import KnownShift, State, known_shifts
from muse_domain.segmentation import Rules, segment_all
from muse_domain.series import Series, group_series
from muse_domain.settings import AnalysisSection
from muse_domain.stored import finding_row
from tests.domain.day_story import (
    ANALYSIS,
    CHANGED,
    COMMITS,
    DAY,
    RUNS,
    day_findings,
    key,
    planted,
    planted_series,
    series,
    sha,
)


def look(*looked_at: Series, day: date = DAY, known: Sequence[KnownShift] = (), **analysis: float) -> DayFindings:
    return find_day(day, looked_at, COMMITS, known, ANALYSIS.model_copy(update=analysis))


def outcomes(found: DayFindings) -> list[Outcome]:
    return [check.outcome for check in found.checks]


def told(finding: Finding, **columns: str) -> KnownShift:
    [known] = known_shifts([{**finding_row(DAY - timedelta(days=1), finding), **columns}])
    return known


def test_planted_changes_become_findings_from_the_largest_to_the_smallest() -> None:
    """Every series is looked at once, and named by the size of its change."""
    found = day_findings()
    assert [finding.finding_id for finding in found.findings] == ["f1", "f2", "f3"]
    sizes = [abs(finding.change_pct) for finding in found.findings]
    assert sizes == sorted(sizes, reverse=True)
    assert len(found.checks) == 4
    assert sorted(map(str, outcomes(found))) == ["no_change", "shift", "shift", "shift"]


def test_a_finding_says_what_was_planted() -> None:
    """Medians, counts, change, interval and place are those of the history."""
    finding = day_findings().findings[0]
    values = planted_series()[0].values
    assert (finding.n_before, finding.n_after) == (CHANGED, RUNS - CHANGED)
    assert finding.before_median == pytest.approx(np.median(values[:CHANGED]))
    assert finding.change_pct == pytest.approx((finding.after_median / finding.before_median - 1) * 100)
    assert finding.interval_low_pct < finding.change_pct < finding.interval_high_pct
    assert finding.changed_at == planted_series()[0].ts[CHANGED]
    assert finding.last_before == planted_series()[0].ts[CHANGED - 1]
    assert finding.q_value >= finding.p_value


@pytest.mark.parametrize(
    ("better", "after", "direction", "effect"),
    [
        ("lower", 12.0, "up", "regression"),
        ("lower", 8.0, "down", "improvement"),
        ("higher", 12.0, "up", "improvement"),
        ("higher", 8.0, "down", "regression"),
        ("none", 12.0, "up", "change"),
        ("none", 8.0, "down", "change"),
    ],
)
def test_better_decides_between_improvement_and_regression(
    better: str, after: float, direction: str, effect: str
) -> None:
    """The same rise is good news for a rate and bad news for a time."""
    [finding] = look(series(key("b", better=better), planted(1, 10.0, after, 0.1))).findings
    assert (finding.direction, finding.effect) == (direction, effect)


def test_a_rise_among_negative_values_goes_up() -> None:
    """A log-likelihood that goes from -10 to -8 rises by 20 %."""
    [finding] = look(series(key("b", better="higher"), planted(1, -10.0, -8.0, 0.1))).findings
    assert finding.direction == "up" and finding.effect == "improvement"
    assert finding.change_pct == pytest.approx(20.0, abs=2.0)


def test_quiet_series_stay_quiet() -> None:
    """Over two hundred series without a change, false findings keep to the stated rate."""
    quiet = [series(key(f"b{i}"), planted(100 + i, 10.0, 10.0, 0.5)) for i in range(200)]
    found = look(*quiet, minimum_change_pct=0.0)
    assert len(found.findings) <= 2
    assert len(found.checks) == 200


def test_a_real_change_is_found_among_many_quiet_series() -> None:
    """Looking at many series costs certainty, but not so much that a clear change is lost."""
    quiet = [series(key(f"b{i}"), planted(100 + i, 10.0, 10.0, 0.5)) for i in range(60)]
    found = look(*quiet, series(key("changed"), planted(1, 10.0, 13.0, 0.5)))
    assert "changed" in [finding.key.benchmark for finding in found.findings]


def test_a_change_of_environment_is_never_a_finding() -> None:
    """Another machine is another series: its first points wait until there are enough of them."""
    old, new = key("b"), replace(key("b"), environment="another")
    before = series(old, planted(1, 10.0, 10.0, 0.1, count=30))
    after = series(new, planted(2, 20.0, 20.0, 0.1, count=9, at=0), start=before.ts[-1] + timedelta(hours=12))
    found = look(before, after)
    assert found.findings == ()
    assert outcomes(found) == [Outcome.ENVIRONMENT_CHANGED]


def test_a_new_environment_is_compared_with_itself_once_it_has_enough_points() -> None:
    """Nothing of the old machine is in the comparison."""
    old, new = key("b"), replace(key("b"), environment="another")
    before = series(old, planted(1, 10.0, 10.0, 0.1, count=13))
    after = series(new, planted(2, 20.0, 24.0, 0.1, count=26, at=13), start=before.ts[-1] + timedelta(hours=12))
    [finding] = look(before, after).findings
    assert finding.key.environment == "another"
    assert finding.before_median == pytest.approx(20.0, abs=0.5)


def test_an_environment_changed_without_a_shift_of_its_own_is_quiet() -> None:
    """A jump that comes with the machine is the machine's."""
    old, new = key("b"), replace(key("b"), environment="another")
    before = series(old, planted(1, 10.0, 10.0, 0.1, count=14))
    after = series(new, planted(2, 20.0, 20.0, 0.1, count=25, at=0), start=before.ts[-1] + timedelta(hours=12))
    assert look(before, after).findings == ()


def test_a_change_of_unit_is_no_change_of_environment() -> None:
    """Milliseconds and seconds under one name are two series, which say nothing of each other."""
    old, new = key("b"), replace(key("b"), unit="s")
    before = series(old, planted(1, 10.0, 10.0, 0.1, count=30))
    after = series(new, planted(2, 0.01, 0.01, 0.0001, count=9, at=0), start=before.ts[-1] + timedelta(hours=12))
    assert outcomes(look(before, after)) == [Outcome.TOO_FEW_POINTS]


def test_a_shift_is_known_whatever_id_its_series_had() -> None:
    """Rows keep the id of the day that wrote them; the key that they name is what counts."""
    shifted = planted_series()[0]
    [finding] = look(shifted).findings
    assert outcomes(look(shifted, known=[told(finding, series_id="0" * 12)])) == [Outcome.KNOWN_SHIFT]


def test_a_shift_that_was_told_is_not_told_again() -> None:
    """The first day with enough evidence tells it; later days know it."""
    shifted = planted_series()[0]
    [finding] = look(shifted).findings
    again = look(shifted, known=[told(finding)])
    assert again.findings == () and outcomes(again) == [Outcome.KNOWN_SHIFT]


def test_a_known_shift_may_move_a_little_as_points_arrive() -> None:
    """The place is an estimate: within a segment it is the same change."""
    shifted = planted_series()[0]
    [finding] = look(shifted).findings
    for points in (-4, 4):
        moved = replace(told(finding), changed_at=shifted.ts[CHANGED + points])
        assert outcomes(look(shifted, known=[moved])) == [Outcome.KNOWN_SHIFT]


def test_a_confirmed_shift_is_adjusted_beside_the_other_series_of_the_day() -> None:
    """Its p is its own; what it counts for depends on how many were looked at, as for news."""
    shifted, quiet = planted_series()[0], [series(key(f"b{i}"), planted(100 + i, 10.0, 10.0, 0.5)) for i in range(20)]
    [finding] = look(shifted).findings
    earlier = replace(told(finding), told_on=shifted.ts[CHANGED + 6].date())
    [confirmed] = [one for one in look(shifted, *quiet, known=[earlier]).findings if one.told_on]
    assert (confirmed.state, confirmed.p_value) == (State.CONFIRMED, finding.p_value)
    assert confirmed.p_value is not None and confirmed.q_value == pytest.approx(21 * confirmed.p_value)


def test_another_shift_of_a_known_series_is_told() -> None:
    """A change in the other direction, at another time or in another series is news."""
    shifted = planted_series()[0]
    [finding] = look(shifted).findings
    for other in (
        replace(told(finding), direction="down"),
        replace(told(finding), changed_at=shifted.ts[3]),
        replace(told(finding), series_id="0" * 12),
        told(finding, unit="s"),
    ):
        assert outcomes(look(shifted, known=[other])) == [Outcome.SHIFT]


def test_the_newest_shift_is_the_one_that_is_told() -> None:
    """After a known rise, the fall that follows is the day's finding."""
    values = np.repeat([10.0, 14.0, 11.0], 13) + np.random.default_rng(3).normal(0, 0.1, 39)
    [finding] = look(series(key("b"), values)).findings
    assert finding.direction == "down"
    assert finding.before_median == pytest.approx(14.0, abs=0.2)


def test_small_changes_are_no_findings() -> None:
    """A certain change below the configured size is counted, not told."""
    found = look(series(key("b"), planted(1, 100.0, 101.0, 0.1)))
    assert found.findings == () and outcomes(found) == [Outcome.SMALL_CHANGE]


def test_few_points_are_told_as_such() -> None:
    """With fewer points than two segments there is no test and no p-value."""
    found = look(series(key("b"), [10.0] * 5 + [14.0] * 4, start=planted_series()[0].ts[-9]))
    assert outcomes(found) == [Outcome.TOO_FEW_POINTS]
    assert found.checks[0].p_value is None


def test_series_not_measured_on_the_day_are_not_looked_at() -> None:
    """Nothing new can be said of what was not measured again."""
    assert look(planted_series()[0], day=DAY + timedelta(days=3)).checks == ()


def test_points_after_the_day_are_not_seen() -> None:
    """A day in the past is judged as it stood at its end."""
    before_it_happened = planted_series()[0].ts[CHANGED].date() - timedelta(days=1)
    assert look(planted_series()[0], day=before_it_happened).findings == ()


def test_a_constant_series_is_quiet() -> None:
    """No spread, no change."""
    assert outcomes(look(series(key("b"), [5.0] * RUNS))) == [Outcome.NO_CHANGE]


def test_a_change_from_nothing_cannot_be_told_in_percent() -> None:
    """A median of zero before has no percentage, and breaks nothing."""
    assert look(series(key("b"), planted(1, 0.0, 0.0, 0.0) + np.where(np.arange(RUNS) < CHANGED, 0, 5))).findings == ()


def test_a_day_without_series_finds_nothing() -> None:
    """No input is a quiet day, not an error."""
    assert look() == DayFindings(DAY, (), ())


# ---- triage ------------------------------------------------------------------------------------------------


def triaged(commits: Sequence[str | None] | None = None, formats: Sequence[str] | None = None) -> Finding:
    values = planted_series()[0].values
    [finding] = look(series(key("b"), values, commits=commits, formats=formats)).findings
    return finding


def test_a_change_between_commits_points_at_the_code() -> None:
    """The suspects are the commits after the last good one, up to and with the first bad one."""
    gap = [sha(i - i % 4) for i in range(RUNS)]
    finding = triaged(commits=gap)
    assert finding.cause == "code"
    assert (finding.last_good_commit, finding.first_bad_commit) == (sha(20), sha(24))
    assert finding.suspect_commits == (sha(21), sha(22), sha(23), sha(24))


def test_a_vague_place_suspects_all_commits_of_its_interval() -> None:
    """Where the change may lie a few runs off, the commits of those runs are suspects too."""
    vague = planted(1, 10.0, 11.0, 0.5)
    [split] = segment_all([vague], Rules(5, 0.05, 1.0))[0].splits
    assert split.earliest < split.index or split.index < split.latest
    [finding] = look(series(key("b"), vague)).findings
    assert set(finding.suspect_commits) == {sha(i) for i in range(split.earliest, split.latest + 1)}
    assert (finding.last_good_commit, finding.first_bad_commit) == (sha(split.earliest - 1), sha(split.index))


def test_a_change_on_one_commit_is_noise() -> None:
    """The same code before and after cannot be the cause."""
    finding = triaged(commits=[sha(1)] * RUNS)
    assert finding.cause == "noise" and finding.suspect_commits == ()


def test_a_change_of_format_is_the_method() -> None:
    """Where the way of measuring changed at the same point, it is named first."""
    formats = ["pytest_benchmark"] * CHANGED + ["asv"] * (RUNS - CHANGED)
    assert triaged(formats=formats).cause == "method"
    assert triaged(commits=[sha(1)] * RUNS, formats=formats).cause == "method"


def test_without_a_named_machine_the_cause_is_unknown() -> None:
    """Where the reports do not say what they ran on, the machine may have changed with the commit."""
    [finding] = look(series(replace(key("b"), environment=None), planted_series()[0].values)).findings
    assert finding.cause == "unknown" and "machine" in finding.cause_reason
    assert finding.suspect_commits == (sha(CHANGED),)


def test_without_commits_the_cause_is_unknown() -> None:
    """What the reports do not say is not guessed."""
    assert triaged(commits=[None] * RUNS).cause == "unknown"


def test_commits_that_the_repository_lacks_are_said_to_be_missing() -> None:
    """A commit outside of the repository names no suspects."""
    finding = triaged(commits=["a" * 40] * CHANGED + ["b" * 40] * (RUNS - CHANGED))
    assert finding.cause == "code" and finding.suspect_commits == ()
    assert "not in the repository" in finding.cause_reason


# ---- determinism -------------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_findings_in_any_order_of_series() -> None:
    """Neither the run nor the order of series moves a p-value."""
    again = find_day(DAY, tuple(reversed(planted_series())), COMMITS, (), ANALYSIS)
    assert again.findings == day_findings().findings
    assert sorted(again.checks, key=str) == sorted(day_findings().checks, key=str)


def test_stored_rows_give_the_same_series() -> None:
    """Series grouped from rows are those that were measured, ordered by their id."""
    rows = [
        {
            "benchmark": one.key.benchmark, "model": one.key.model, "quant": one.key.quant, "dataset": one.key.dataset,
            "metric": one.key.metric, "unit": one.key.unit, "better": one.key.better,
            "environment_fingerprint": one.key.environment, "ts": one.ts[i], "value": one.values[i],
            "commit_sha": one.commits[i], "source_format": one.formats[i],
        }
        for i in range(RUNS)
        for one in planted_series()
    ]  # fmt: skip
    grouped = group_series(rows)
    assert [one.key.series_id for one in grouped] == sorted(one.key.series_id for one in planted_series())
    assert find_day(DAY, grouped, COMMITS, (), AnalysisSection()).findings == day_findings().findings
