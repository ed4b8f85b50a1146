"""What becomes of a shift after it was told: each state by its rule, from earlier rows and today's values alone."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from benchmarks.finding_study import look_daily
from benchmarks.histories import quiet
from muse_domain.findings import find_day
from muse_domain.life_cycle import State, known_shifts
from muse_domain.series import FloatArray, Series
from muse_domain.stored import finding_row
from tests.domain.day_story import ANALYSIS, COMMITS, START, key, series

Rows = list[dict[str, Any]]
RUNS_A_DAY = 2  # as `day_story.series` measures
LEAST = ANALYSIS.minimum_segment


def levels(*steps: tuple[float, int], noise: float = 0.1, seed: int = 5) -> FloatArray:
    """Runs at levels, each with its number of runs."""
    values = np.concatenate([np.full(runs, level) for level, runs in steps])
    return values + np.random.default_rng(seed).normal(0.0, noise, len(values))


def day_of(run: int) -> date:
    """The day on which a run was measured."""
    return (START + timedelta(hours=24 / RUNS_A_DAY) * run).date()


def look(day: date, measured: Series, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """The rows of `findings` of one day, from those of the days before it."""
    known = known_shifts([row for row in rows if row["day"] < day])
    return [finding_row(day, one) for one in find_day(day, [measured], COMMITS, known, ANALYSIS).findings]


def lived(values: FloatArray, *, better: str = "lower") -> Rows:
    """The rows of all days, in order."""
    measured = series(key("b", better=better), values)
    rows: Rows = []
    for day in sorted({moment.date() for moment in measured.ts}):
        rows += look(day, measured, rows)
    return rows


def told(rows: Rows) -> list[tuple[str, date | None]]:
    """State and day of the first telling of each row."""
    return [(row["state"], row["told_on"]) for row in rows]


def test_a_shift_is_suspected_and_confirmed_by_the_runs_after_it() -> None:
    """Told with few runs; confirmed once, by runs that had no part in the telling; then nothing more is said."""
    rows = lived(levels((10.0, 20), (12.0, 20)))
    first, again = rows
    assert told(rows) == [("suspected", None), ("confirmed", first["day"])]
    assert LEAST <= first["n_after"] < 2 * LEAST <= again["n_after"]
    assert LEAST <= again["n_since"] <= again["n_after"] - first["n_after"] + RUNS_A_DAY
    assert (again["told_as"], again["direction"], again["cause"]) == ("f1", "up", "code")


def test_many_runs_do_not_confirm_at_once() -> None:
    """All of them had a part in choosing the place: it takes runs that had none."""
    measured = series(key("b"), levels((10.0, 20), (12.0, 16)))
    assert told(look(day_of(35), measured, [])) == [("suspected", None)]


def test_a_shift_that_does_not_last_is_refuted() -> None:
    """One that noise showed by chance (found among many histories) is taken back, without direction and commit."""
    looked = look_daily([quiet("normal", 5054)])
    first, again = [finding for _, finding in looked.findings]
    assert (first.state, again.state, again.told_as) == (State.SUSPECTED, State.REFUTED, first.finding_id)
    assert (again.direction, again.effect, again.cause) == ("none", "change", "noise")
    assert again.first_bad_commit is None and again.suspects == ()
    assert again.p_value is None and again.q_value is None, "the p of another split, or of the best of none, is not its"
    assert again.n_since >= LEAST and again.n_after >= 2 * LEAST
    assert looked.days_with_findings == 1


@pytest.mark.parametrize(("better", "first", "second"), [
    ("lower", "regression", "improvement"), ("higher", "improvement", "regression")])  # fmt: skip
def test_a_level_that_comes_back_names_what_it_undoes(better: str, first: str, second: str) -> None:
    """The return is a shift of its own, in the other direction, linked to the first; which is told no more."""
    rows = lived(levels((10.0, 20), (12.0, 16), (10.0, 16)), better=better)
    shift, confirmed, back, kept = rows
    assert (shift["effect"], back["effect"]) == (first, second)
    assert told([confirmed, kept]) == [("confirmed", shift["day"]), ("confirmed", back["day"])]
    assert (back["returned_on"], back["returned_as"]) == (shift["day"], shift["finding_id"])
    states = {known.told_on: known.state for known in known_shifts(rows)}
    assert states == {shift["day"]: State.RETURNED, back["day"]: State.CONFIRMED}


def test_a_step_part_of_the_way_back_undoes_nothing() -> None:
    """Half of a regression is left: it is another shift, and the regression is not fixed."""
    rows = lived(levels((10.0, 20), (14.0, 16), (12.0, 16)))
    assert [row["returned_on"] for row in rows] == [None] * len(rows)
    assert all(known.is_open for known in known_shifts(rows))


def test_a_step_on_in_the_same_direction_undoes_nothing() -> None:
    """Worse again is not fixed."""
    rows = lived(levels((10.0, 20), (12.0, 16), (14.0, 16)))
    assert {row["direction"] for row in rows} == {"up"}
    assert all(row["returned_on"] is None for row in rows)


def test_a_return_that_is_refuted_gives_the_shift_back() -> None:
    """What it had undone is what it was before."""
    shift = row_of(1, changed=3)
    confirmed = row_of(2, changed=3, state="confirmed", told=1)
    back = row_of(9, changed=8, direction="down", returned=1)
    assert states([shift, confirmed, back]) == {1: State.RETURNED, 9: State.SUSPECTED}
    gone = row_of(12, changed=8, direction="none", state="refuted", told=9)
    assert states([shift, confirmed, back, gone]) == {1: State.CONFIRMED}


def row_of(
    number: int, *, changed: int, direction: str = "up", state: str = "suspected", told: int | None = None,
    returned: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the folding reads of a row of day `number`."""
    return {
        **series_columns(), "day": day_at(number), "finding_id": "f1", "changed_at": START + timedelta(days=changed),
        "direction": direction, "state": state, "told_on": None if told is None else day_at(told),
        "told_as": "" if told is None else "f1", "returned_on": None if returned is None else day_at(returned),
        "returned_as": "" if returned is None else "f1", "segment_start": START, "before_median": 10.0,
    }  # fmt: skip


def series_columns() -> dict[str, Any]:
    """The columns of a row that name the series."""
    named = key("b")
    columns = {name: getattr(named, name) for name in ("benchmark", "model", "quant", "dataset", "metric")}
    return {**columns, "unit": named.unit, "better": named.better, "environment_fingerprint": named.environment}


def day_at(number: int) -> date:
    """The day of this number."""
    return (START + timedelta(days=number)).date()


def states(rows: Sequence[Mapping[str, Any]]) -> dict[int, State]:
    """The state of each shift by the number of the day that told it."""
    return {(known.told_on - START.date()).days: known.state for known in known_shifts(rows)}


def test_a_level_that_comes_back_long_after_is_recognised() -> None:
    """The shift has left the window; the way back to its old level is in its row."""
    values = levels((10.0, 20), (12.0, 90), (10.0, 16))
    rows = lived(values)
    back = next(row for row in rows if row["direction"] == "down")
    assert (back["returned_on"], back["returned_as"]) == (rows[0]["day"], "f1")
    assert back["day"] - rows[0]["day"] > timedelta(days=ANALYSIS.window_days)


def test_a_shift_older_than_the_window_silences_nothing() -> None:
    """The same way again, where the first has left the window: it is news."""
    rows = lived(levels((10.0, 20), (12.0, 90), (14.0, 16)))
    assert [row["told_on"] for row in rows if row["state"] == "suspected"] == [None, None]
    measured = series(key("b"), levels((10.0, 6), (12.0, 30)))
    old = row_of(0, changed=-60)
    assert known_shifts([old])[0].series_id == measured.key.series_id
    assert told(look(day_of(35), measured, [old])) == [("suspected", None)]


def test_a_refuted_shift_may_be_told_again() -> None:
    """It is known no more: if it stands later, it is news."""
    assert known_shifts([row_of(1, changed=3), row_of(4, changed=3, state="refuted", told=1)]) == []


def test_days_built_again_in_any_order_give_the_same_rows() -> None:
    """A day depends on the rows of earlier days and on its own data, never on what was built last."""
    values = levels((10.0, 20), (12.0, 16), (10.0, 20))
    measured = series(key("b"), values)
    rows = lived(values)
    days = sorted({moment.date() for moment in measured.ts})
    assert len(rows) >= 4
    for seed in range(3):
        again = list(rows)
        for day in random.Random(seed).sample(days, len(days)):
            again = [row for row in again if row["day"] != day] + look(day, measured, again)
            again.sort(key=lambda row: (row["day"], row["finding_id"]))
        assert again == rows


def test_most_false_findings_are_not_confirmed() -> None:
    """Of what correlated noise shows by chance, less than half is kept; of true shifts nearly all (see the study)."""
    looks = [look_daily([quiet("autocorrelated 0.3", 5000 + seed)]) for seed in range(30)]
    news, kept = sum(len(looked.news) for looked in looks), sum(len(looked.confirmed) for looked in looks)
    assert news >= 5 and kept < news / 2
