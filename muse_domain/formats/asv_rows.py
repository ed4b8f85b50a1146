"""The values that a file of asv's results states, of both of its versions, each with what is stated of it.

Version 2 has `result_columns` and a row for each benchmark; version 1 has a number, or an object with `result`,
`params`, `stats` and `samples`. What these hold is told in `asv`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from muse_domain.formats.values import is_object, label, listed, number, scalar, section
from muse_domain.measurements import Refusal

_REMEDY = "Repair the benchmark, run asv again, then ingest its results again."


@dataclass(frozen=True, slots=True)
class AsvResult:
    """One value of one combination of parameters, and what is stated of it under each column's name of version 2."""

    name: str
    value: float
    stated: Mapping[str, object]


def benchmark_results(report: Mapping[str, object], name: str, stated: object) -> Iterator[AsvResult | Refusal]:
    """The values of one benchmark of a report, one for each combination of parameters, and what is missing."""
    shown = label(name) or "(unnamed)"
    columns = _columns(report, name, stated)
    if columns is None:
        yield Refusal(shown, "The results of this benchmark have no known shape.", _REMEDY)
        return
    values = columns.get("result")
    values = values if isinstance(values, list) else [values]
    lists = [axis if isinstance(axis, list) else [axis] for axis in listed(columns, "params")]
    if values == [None]:
        yield Refusal(shown, "The benchmark failed: asv states no value for it.", _REMEDY)
    elif math.prod(map(len, lists)) != len(values):
        yield Refusal(shown, f"{len(values)} results do not fit the combinations of its parameters.", _REMEDY)
    else:
        yield from _combinations(shown, columns, values, lists)


def _columns(report: Mapping[str, object], name: str, stated: object) -> Mapping[str, object] | None:
    """What is stated of one benchmark, by the column names of version 2; None where the shape is unknown."""
    if isinstance(stated, list):
        pairs = zip(listed(report, "result_columns"), stated, strict=False)
        row = {key: value for key, value in pairs if isinstance(key, str)}
        return row if "result" in row else None
    known = {key: section(report, key).get(name) for key in ("started_at", "benchmark_version")}
    columns = {"started_at": known["started_at"], "version": known["benchmark_version"]}
    if not is_object(stated):
        return columns | {"result": stated}
    stats = stated.get("stats")
    return columns | dict(stated) | {"stats": stats if isinstance(stats, list) else [stats]}


def _combinations(
    name: str,
    columns: Mapping[str, object],
    values: list[object],
    lists: list[list[object]],
) -> Iterator[AsvResult | Refusal]:
    missing: list[str] = []
    for index, parameters in enumerate(product(*lists)):
        value = number(values[index])
        if value is None:
            missing.append(_why_missing(values[index]))
            continue
        shown = ", ".join(scalar(parameter) or "?" for parameter in parameters)
        stated = {key: _at(column, index) for key, column in columns.items()}
        stated |= _version_1_statistics(stated.get("stats")) | {"version": columns.get("version")}
        yield AsvResult(f"{name}({shown})" if shown else name, value, stated)
    if missing:
        kinds = ", ".join(f"{missing.count(kind)} {kind}" for kind in sorted(set(missing)))
        yield Refusal(name, f"{len(missing)} of {len(values)} combinations have no value: {kinds}.", _REMEDY)


def _why_missing(value: object) -> str:
    if value is None:
        return "failed"
    return "skipped" if isinstance(value, float) and math.isnan(value) else "not a number"


def _at(column: object, index: int) -> object:
    if not isinstance(column, list):
        return column
    return column[index] if index < len(column) else None


def _version_1_statistics(stats: object) -> dict[str, object]:
    if not is_object(stats):
        return {}
    interval = listed(stats, "ci_99")
    found = {f"stats_{key}": stats.get(key) for key in ("q_25", "q_75", "number")}
    found |= {f"stats_{key}": stats[key] for key in ("mean", "min", "max", "std") if key in stats}
    # The number of samples was first called "n".
    found["stats_repeat"] = stats.get("repeat", stats.get("n"))
    return found | {"stats_ci_99_a": _at(interval, 0), "stats_ci_99_b": _at(interval, 1)}
