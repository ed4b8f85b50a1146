"""The rows behind facts, on the real engine: like is compared with like."""

import re
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import pytest

from muse_domain.days import day_end, day_start
from muse_domain.fact_sheet import finding_specs
from muse_domain.facts import EvidenceError, EvidenceRow, FactSpec, bound_instant, settle
from muse_domain.ports import Row
from muse_domain.stored import finding_row
from muse_resources.evidence import Evidence
from muse_resources.statements import statement
from muse_resources.warehouse import ClickHouseWarehouse
from tests.domain.day_story import findings
from tests.resources.loaders import DAY, commit_rows
from tests.resources.test_warehouse import NOON, bench_run

START, END = bound_instant(day_start(DAY)), bound_instant(day_end(DAY))
SERIES = {"benchmark": "decode", "model": "", "quant": "", "dataset": "", "metric": "wait", "environment": "machine"}
WINDOWS: dict[str, dict[str, Any]] = {
    "series_segments": {"segment_start": START, "changed_at": START, "segment_end": END},
    "left_out_runs": {"environment": "another", "start": START, "end": END},
    "hourly_pairs": {"start": START, "end": END},
}


def values_of(store: ClickHouseWarehouse, query: str, **parameters: Any) -> list[float | None]:
    """The values of the rows behind a fact."""
    return [row.value for row in store.evidence(FactSpec("f1.x", "f1", query, parameters, "median", "ms"))]


@pytest.fixture
def two_units(warehouse: ClickHouseWarehouse) -> ClickHouseWarehouse:
    """One name measured in milliseconds and in seconds, by turns, and users in the same hour."""
    named = {"benchmark": "decode", "environment_fingerprint": "machine"}
    runs = [bench_run(run_id=UUID(int=i), ts=NOON + timedelta(minutes=i), **named) for i in range(6)]
    metrics = [
        {"day": DAY, "ts": run["ts"], "run_id": run["run_id"], "benchmark": "decode", "metric": "wait",
         "value": 0.5 if i % 2 else 500.0, "unit": "s" if i % 2 else "ms", "better": "lower"}
        for i, run in enumerate(runs)
    ]  # fmt: skip
    unknown = dict.fromkeys(("event_id", "session_id", "commit_sha", "user_agent"))
    event = {**unknown, "day": DAY, "ts": NOON, "session_derived": False, "event_type": "view", "latency_ms": 100.0}
    event = {**event, "metadata": {}, "source_path": "x"}
    warehouse.replace_days("bench_runs", [DAY], runs)
    warehouse.replace_days("bench_metrics", [DAY], metrics)
    warehouse.replace_days("ui_events", [DAY], [event] * 5)
    return warehouse


@pytest.mark.parametrize("query", WINDOWS)
def test_the_rows_of_a_fact_are_of_one_unit(two_units: ClickHouseWarehouse, query: str) -> None:
    """A median over milliseconds and seconds is neither."""
    parameters = {**SERIES, **WINDOWS[query]}
    assert set(values_of(two_units, query, **parameters, unit="ms")) == {500.0}
    assert set(values_of(two_units, query, **parameters, unit="s")) == {0.5}
    assert values_of(two_units, query, **parameters), "a fact that was stored without its unit can be run again"


def test_a_chart_shows_one_unit(two_units: ClickHouseWarehouse) -> None:
    """One axis, one unit."""
    window = {"window_start": START, "window_end": END}
    points = two_units.select("select_chart_points", {**SERIES, "unit": "ms", **window})
    assert [point["value"] for point in points] == [500.0] * 3


P95: dict[str, Any] = {"benchmark": "decode", "model": "gemma3", "latency_p95_ms": 12.0, "n_samples": 20}


@pytest.mark.parametrize("other", ["benchmark", "model", "quant", "dataset", "environment_fingerprint"])
def test_unlike_runs_have_no_common_p95(warehouse: ClickHouseWarehouse, other: str) -> None:
    """One series alone has a p95 of its day; of two models or machines there is none."""
    warehouse.replace_days("bench_runs", [DAY], [bench_run(**P95), bench_run(**P95)])
    assert values_of(warehouse, "day_p95", day=DAY.isoformat()) == [12.0, 12.0]
    warehouse.replace_days("bench_runs", [DAY], [bench_run(**P95), bench_run(**{**P95, other: "another"})])
    assert values_of(warehouse, "day_p95", day=DAY.isoformat()) == []


def test_a_commit_of_one_clone_in_both_roles_counts_once(warehouse: ClickHouseWarehouse) -> None:
    """What is measured is the code of hearts: its commits are the day's, and the suspects."""
    commits = commit_rows(1, 2)
    warehouse.replace_days("commits", [DAY], [*commits, *({**row, "repository": "packs"} for row in commits)])
    suspects = {"suspect_commits": [row["commit_sha"] for row in commits]}
    warehouse.replace_days("findings", [DAY], [{**finding_row(DAY, findings()[0]), **suspects}])
    assert values_of(warehouse, "day_commits", day=DAY.isoformat()) == [1.0, 1.0]
    assert values_of(warehouse, "suspect_commits", day=DAY.isoformat(), finding_id="f1") == [1.0, 1.0]


EPISODE: Row = {
    "day": DAY, "lang": "en", "ts": day_end(DAY), "status": "published", "series": "banterpacks", "episode": 7,
    "title": "A title, with a comma",
}  # fmt: skip
SHARED: dict[str, dict[str, Any]] = {
    "finding_text": {"day": DAY.isoformat(), "finding_id": "f1"},
    "finding_value": {"day": DAY.isoformat(), "finding_id": "f1"},
    "day_episode": {"day": DAY.isoformat()},
    "month_span": {"first": DAY.isoformat(), "last": DAY.isoformat()},
}


@pytest.fixture
def told(warehouse: ClickHouseWarehouse) -> ClickHouseWarehouse:
    """A day with two findings, the first of them confirmed and undoing another, and its published episode."""
    found = [finding_row(DAY, one) for one in findings()]
    found[0] |= {"told_on": DAY - timedelta(days=3), "told_as": "f2", "state": "confirmed"}
    found[0] |= {"returned_on": DAY - timedelta(days=9), "returned_as": "f1"}
    warehouse.replace_days("findings", [DAY], found)
    warehouse.replace_days("episodes", [DAY], [EPISODE])
    return warehouse


def fields_of(query: str) -> list[str]:
    """Every field that a query knows."""
    return re.findall(r"field = '(\w+)'", statement(query))


def test_every_query_of_a_field_takes_several() -> None:
    """One of them that did not would fail in the middle of a day."""
    folder = files("muse_resources") / "sql" / "evidence"
    asked = {entry.name.removesuffix(".sql") for entry in folder.iterdir() if "{field:" in entry.read_text("utf-8")}
    assert asked == SHARED.keys()
    assert all(fields_of(query) for query in asked)


@pytest.mark.parametrize("query", SHARED)
def test_fields_asked_together_have_the_rows_of_each_alone(told: ClickHouseWarehouse, query: str) -> None:
    """Which statement fetched a row may not change what a fact rests on; absent and unknown values included."""
    fields = [*fields_of(query), "unheard_of"]
    specs = {name: FactSpec(name, "f1", query, {**SHARED[query], "field": name}, "single", "") for name in fields}
    alone = {field: told.evidence(spec) for field, spec in specs.items()}
    assert told.evidence_by_field(specs["unheard_of"], fields) == alone
    assert [len(rows) for rows in alone.values()] == [1] * len(fields)
    assert any(row.text is not None or row.value is not None for rows in alone.values() for row in rows)


def test_the_commit_on_both_sides_is_the_last_good_one(told: ClickHouseWarehouse) -> None:
    """What is told of noise is told of the commit before the change."""
    parameters = {**SHARED["finding_text"], "field": "last_good_commit"}
    [row] = told.evidence(FactSpec("f1.same_commit", "f1", "finding_text", parameters, "single", "commit"))
    assert row.text == findings()[0].last_good_commit


class Counted:
    """A warehouse for facts that remembers how they were asked for."""

    def __init__(self, warehouse: ClickHouseWarehouse) -> None:
        self._warehouse = warehouse
        self.statements: list[str] = []

    def evidence(self, spec: FactSpec) -> list[EvidenceRow]:
        """One fact's rows."""
        self.statements.append(spec.query)
        return self._warehouse.evidence(spec)

    def evidence_by_field(self, spec: FactSpec, fields: Sequence[str]) -> dict[str, list[EvidenceRow]]:
        """The rows of several."""
        self.statements.append(spec.query)
        return self._warehouse.evidence_by_field(spec, fields)


def test_the_facts_of_a_finding_need_a_statement_for_all_texts_and_one_for_all_values(
    told: ClickHouseWarehouse,
) -> None:
    """A statement a fact would be about fifteen of each finding; the facts are the same either way."""
    specs = [spec for one in findings()[:2] for spec in finding_specs(one, DAY, None)]
    counted = Counted(told)
    evidence = Evidence(counted)  # type: ignore[arg-type]
    evidence.ask_together(specs)
    settled = [settle(spec, evidence.of(spec)) for spec in specs]
    assert settled == [settle(spec, told.evidence(spec)) for spec in specs]
    assert all(one.row_count == 1 for one in settled if "field" in one.spec.parameters)
    assert counted.statements.count("finding_text") == counted.statements.count("finding_value") == 2


def test_a_field_that_is_no_name_is_refused(told: ClickHouseWarehouse) -> None:
    """A ledger that was edited may not get two values for one."""
    parameters = {**SHARED["finding_text"]}
    specs = [
        FactSpec(field, "f1", "finding_text", {**parameters, "field": field}, "single", "words")
        for field in ("name", "metric", "name,metric")
    ]
    evidence = Evidence(told)
    evidence.ask_together(specs)
    assert [settle(spec, evidence.of(spec)).row_count for spec in specs[:2]] == [1, 1]
    with pytest.raises(EvidenceError, match="one row was expected, 2 came"):
        settle(specs[2], evidence.of(specs[2]))
