"""The rows of a Google Benchmark report, put together by benchmark.

Meanings from Google Benchmark's own source (github.com/google/benchmark, `json_reporter.cc`, `statistics.cc`,
`complexity.cc`). Before 1.5.0 a row has neither `run_type` nor `run_name`: an aggregate is known by its name's end.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from muse_domain.formats.values import label, scalar

_OLD_AGGREGATE = re.compile(r"(.+)_(mean|median|stddev)")

Row = Mapping[str, object]


@dataclass(slots=True)
class BenchmarkRows:
    """The rows of one benchmark: its repetitions, its aggregates by name, or its fitted complexity."""

    name: str
    repetitions: list[Row] = field(default_factory=list)
    aggregates: dict[str, Row] = field(default_factory=dict)
    complexity: list[Row] = field(default_factory=list)

    @property
    def first(self) -> Row:
        """The row that tells what all of them state alike."""
        return [*self.repetitions, *self.aggregates.values(), *self.complexity][0]


def grouped_rows(rows: list[tuple[int, Row]]) -> list[BenchmarkRows]:
    """Rows of one name and family belong together; a repetition that comes again is another benchmark."""
    names = {label(row.get("name")) for _, row in rows}
    groups: dict[tuple[object, ...], BenchmarkRows] = {}
    seen: Counter[tuple[object, ...]] = Counter()
    for index, row in rows:
        name, aggregate = _identified(index, row, names)
        family = (scalar(row.get("family_index")), scalar(row.get("per_family_instance_index")))
        key = (name, _is_fit(row), *family)
        repetition = (*key, scalar(row.get("repetition_index")))
        group = groups.setdefault((*key, seen[repetition]), BenchmarkRows(name))
        if _is_fit(row):
            group.complexity.append(row)
        elif aggregate is not None:
            group.aggregates.setdefault(aggregate, row)
        else:
            group.repetitions.append(row)
            seen[repetition] += "repetition_index" in row
    return list(groups.values())


def _is_fit(row: Row) -> bool:
    return "real_time" not in row and ("big_o" in row or "rms" in row)


def _identified(index: int, row: Row, names: set[str | None]) -> tuple[str, str | None]:
    """The benchmark's name and, for a row over repetitions, which aggregate it is."""
    name = label(row.get("name")) or f"benchmark {index}"
    if row.get("run_type") == "aggregate" or "aggregate_name" in row or _is_fit(row):
        stem, _, end = name.rpartition("_")
        return label(row.get("run_name")) or stem or name, label(row.get("aggregate_name")) or end
    # A benchmark may itself be called "..._mean": an aggregate never comes alone.
    old = None if "run_type" in row else _OLD_AGGREGATE.fullmatch(name)
    if old and {f"{old[1]}_mean", f"{old[1]}_stddev"} <= names:
        return old[1], old[2]
    return label(row.get("run_name")) or name, None
