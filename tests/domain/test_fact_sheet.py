"""Which facts a day may state."""

from dataclasses import replace
from datetime import timedelta

import pytest

from muse_domain.fact_sheet import briefing, finding_specs, names_of, null_reasons, subjects_of
from muse_domain.relations import Relation
from tests.domain.day_story import DAY, findings, sheet, specs

FIRST = findings()[0]


def names(relation: Relation | None) -> set[str]:
    return {spec.fact_id for spec in finding_specs(FIRST, DAY, relation)}


def test_every_fact_has_one_name_and_a_query() -> None:
    """A ledger can name each fact, and run it again."""
    ids = [spec.fact_id for spec in specs()]
    assert len(ids) == len(set(ids))
    assert all(spec.query and spec.reducer and spec.fact_id.startswith(f"{spec.subject}.") for spec in specs())


def test_a_relation_is_a_fact_only_where_it_may_be_claimed() -> None:
    """An interval that holds zero is no relation (X-19)."""
    assert "f1.relation" in names(Relation(0.7, 0.3, 0.9, 100))
    assert "f1.relation" in names(Relation(-0.7, -0.9, -0.3, 100))
    assert "f1.relation" not in names(Relation(0.2, -0.1, 0.5, 100))
    assert "f1.relation" not in names(None)


def test_estimates_are_labelled_and_supported_as_far_as_they_go() -> None:
    """A change is as sure as its false-discovery rate leaves it; a count is counted."""
    by_id = {spec.fact_id: spec for spec in finding_specs(FIRST, DAY, None)}
    assert by_id["f1.change"].label == "estimated" and by_id["f1.change"].support == round(1 - FIRST.q_value, 4)
    assert by_id["f1.change"].direction == "up"
    assert by_id["f1.n_after"].label == "measured" and by_id["f1.n_after"].support == 1.0


def test_without_a_commit_there_is_no_subject_to_quote() -> None:
    """What the reports do not name is not looked up."""
    nameless = replace(FIRST, first_bad_commit=None)
    assert "f1.commit_subject" not in {spec.fact_id for spec in finding_specs(nameless, DAY, None)}


def test_the_briefing_names_every_finding_in_order() -> None:
    """Writers are told what each finding is."""
    told = briefing(findings())
    assert [one["subject"] for one in told] == ["f1", "f2", "f3"]
    assert [one["effect"] for one in told] == ["regression", "improvement", "improvement"]


def test_nulls_of_the_front_matter_have_their_reason() -> None:
    """Absent facts are explained, present ones are not."""
    assert null_reasons(sheet()) == {}
    absent = {**sheet(), "day.hearts_commit": replace(sheet()["day.hearts_commit"], text=None)}
    assert set(null_reasons(absent)) == {"commit_sha"}


@pytest.mark.parametrize(
    ("unit", "is_time"), [("ms", True), ("ns/iter", True), ("ns/op", True), ("tokens/s", False), ("MB", False)]
)
def test_a_time_for_each_iteration_is_a_time(unit: str, is_time: bool) -> None:
    """A writer may call it slower wherever the verdict lets it."""
    finding = replace(findings()[0], key=replace(findings()[0].key, unit=unit))
    assert subjects_of([finding])[0].is_time is is_time


@pytest.mark.parametrize("cause", ["noise", "method"])
def test_what_noise_or_another_method_moved_is_neither_a_regression_nor_an_improvement(cause: str) -> None:
    """It rose or fell as measured: whether the code got worse, nobody knows."""
    moved = [replace(one, cause=cause) for one in findings()]
    assert {one["effect"] for one in briefing(moved)} == {one.effect for one in subjects_of(moved)} == {"change"}
    assert [one.direction for one in subjects_of(moved)] == [one.direction for one in findings()]


def test_noise_names_the_commit_that_was_measured_on_both_sides() -> None:
    """The commit of the new level may be another one, where the place of the change is vague."""
    noise = replace(FIRST, cause="noise")
    by_id = {spec.fact_id: spec for spec in finding_specs(noise, DAY, None)}
    assert by_id["f1.same_commit"].parameters["field"] == "last_good_commit"
    assert "f1.same_commit" not in {spec.fact_id for spec in finding_specs(FIRST, DAY, None)}


def test_series_that_share_a_short_name_are_called_by_their_whole_one() -> None:
    """ "decode (batch=1)" and "decode (batch=8)" are not both told as "decode"."""
    keys = [replace(FIRST.key, benchmark=f"bench.py::{name}") for name in ("a (batch=1)", "a (batch=8)", "b (batch=1)")]
    found = [replace(FIRST, finding_id=f"f{i}", key=key) for i, key in enumerate(keys, start=1)]
    assert names_of(found) == {"f1": "full_name", "f2": "full_name", "f3": "name"}
    same = [replace(FIRST, finding_id=f"f{i}", key=replace(FIRST.key, metric=f"m{i}")) for i in (1, 2)]
    assert names_of(same) == {"f1": "name", "f2": "name"}
    specs = finding_specs(found[0], DAY, None, named="full_name")
    assert {spec.fact_id: spec.parameters["field"] for spec in specs if spec.query == "finding_text"}["f1.name"] == (
        "full_name"
    )


def test_the_week_of_a_relation_holds_a_change_only_with_runs_before_it() -> None:
    """A change of eleven days ago is not told as included in the last seven."""
    week = timedelta(days=7)
    for last_before, is_in in (
        (FIRST.window_end - week, True),
        (FIRST.window_end - week - timedelta(minutes=1), False),
    ):
        assert briefing([replace(FIRST, last_before=last_before)])[0]["is_in_week"] is is_in
