"""A series: one metric of one benchmark, measured over time in one environment."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What is compared with like: everything equal but the time and the commit."""

    benchmark: str
    model: str | None
    quant: str | None
    dataset: str | None
    metric: str
    unit: str
    better: str
    environment: str | None

    @property
    def lineage(self) -> tuple[str | None, ...]:
        """The key without its environment: the same series on another machine has the same lineage."""
        return (self.benchmark, self.model, self.quant, self.dataset, self.metric, self.unit)

    @property
    def series_id(self) -> str:
        """Twelve hex digits, the same in every process."""
        text = "\x1f".join("" if part is None else f"={part}" for part in (*self.lineage, self.environment))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """What a reader calls it: the benchmark without its file, and what it ran on (as `finding_text.sql`)."""
        name = self.benchmark.rsplit("::", 1)[-1]
        details = [part for part in (self.model, self.quant, self.dataset) if part and part not in name]
        return f"{name} ({', '.join(details)})" if details else name


@dataclass(frozen=True, slots=True)
class Series:
    """Measurements of one key, oldest first. `values` has the key's unit; arrays have one entry a run."""

    key: SeriesKey
    ts: tuple[datetime, ...]
    values: FloatArray
    commits: tuple[str | None, ...]
    formats: tuple[str, ...]

    def until(self, start: datetime, end: datetime) -> "Series":
        """The part with start <= ts < end."""
        keep = slice(bisect_left(self.ts, start), bisect_left(self.ts, end))
        return Series(self.key, self.ts[keep], self.values[keep], self.commits[keep], self.formats[keep])


def key_of(row: Mapping[str, Any]) -> SeriesKey:
    """The key that the columns of a stored row name."""
    return SeriesKey(
        row["benchmark"], row["model"], row["quant"], row["dataset"],
        row["metric"], row["unit"], row["better"], row["environment_fingerprint"],
    )  # fmt: skip


def group_series(rows: Iterable[Mapping[str, Any]]) -> list[Series]:
    """Group rows of `select_series_points` (ordered by time) into series, ordered by their id."""
    groups: dict[SeriesKey, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    series = [
        Series(
            key,
            tuple(row["ts"] for row in points),
            np.array([row["value"] for row in points], dtype=np.float64),
            tuple(row["commit_sha"] for row in points),
            tuple(row["source_format"] for row in points),
        )
        for key, points in groups.items()
    ]
    return sorted(series, key=lambda one: one.key.series_id)
