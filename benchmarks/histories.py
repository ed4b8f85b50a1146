"""Generated histories whose truth is known: the noises that benchmarks show, with and without a shift.

One noise width is the standard deviation of the noise; of the noise alone, where a drift, a pattern or outliers are
added to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from muse_domain.series import FloatArray, Series, SeriesKey

LEVEL = 100.0
WIDTH = 3.0  # three per cent: far above the smallest change that is told, so that no false finding hides below it
RUNS_A_DAY = 2
DAYS = 60
POINTS = RUNS_A_DAY * DAYS
FIRST_DAY = date(2026, 1, 1)
LEAST_SIDE = 10
LOGNORMAL_SPREAD = 0.5

Noise = Callable[[np.random.Generator, int], FloatArray]


def _lognormal(rng: np.random.Generator, n: int) -> FloatArray:
    growth = np.exp(LOGNORMAL_SPREAD**2)
    return (rng.lognormal(0.0, LOGNORMAL_SPREAD, n) - 1.0) / np.sqrt(growth * (growth - 1.0))


def _correlated(phi: float) -> Noise:
    def noise(rng: np.random.Generator, n: int) -> FloatArray:
        values = rng.normal(0.0, np.sqrt(1.0 - phi**2), n)
        values[0] = rng.normal()
        for i in range(1, n):
            values[i] += phi * values[i - 1]
        return values

    return noise


def _drifting(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 1.0, n) + rng.choice([-1.0, 1.0]) * np.linspace(0.0, 4.0, n)


def _wandering(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 1.0, n) + np.cumsum(rng.normal(0.0, 0.15, n))


def _bursts(rng: np.random.Generator, n: int) -> FloatArray:
    values = rng.normal(0.0, 1.0, n)
    for start in np.flatnonzero(rng.random(n) < 0.03):
        values[start : start + rng.integers(1, 4)] += 8.0
    return values


def _diurnal(rng: np.random.Generator, n: int) -> FloatArray:
    hours = 24.0 / RUNS_A_DAY * np.arange(n) + 3.0
    return rng.normal(0.0, 1.0, n) + 1.5 * np.sin(2.0 * np.pi * hours / 24.0)


def _changing(rng: np.random.Generator, n: int) -> FloatArray:
    # Twice as wide from somewhere in the middle on; one width on average.
    is_wide = np.arange(n) >= rng.integers(n // 4, 3 * n // 4)
    return rng.normal(0.0, 1.0, n) * np.where(is_wide, 2.0, 1.0) / np.sqrt(2.5)


NOISES: Mapping[str, Noise] = {
    "normal": lambda rng, n: rng.normal(0.0, 1.0, n),
    "heavy-tailed (t3)": lambda rng, n: rng.standard_t(3, n) / np.sqrt(3.0),
    "skewed (lognormal)": _lognormal,
    "repeated values": lambda rng, n: np.round(rng.normal(0.0, 1.0, n)),
    "autocorrelated 0.3": _correlated(0.3),
    "autocorrelated 0.6": _correlated(0.6),
    "linear drift": _drifting,
    "wandering level": _wandering,
    "bursts of outliers": _bursts,
    "daily pattern": _diurnal,
    "changing noise": _changing,
}


@dataclass(frozen=True, slots=True)
class History:
    """One made series; `shift` is the first point at the new level, or None."""

    series: Series
    shift: int | None
    widths: float

    def day(self, number: int) -> date:
        """The history's day `number`, from zero."""
        return FIRST_DAY + timedelta(days=number)


def quiet(kind: str, seed: int, name: str = "made") -> History:
    """A history of this noise without a shift."""
    rng = np.random.default_rng([seed, *kind.encode()])
    return History(_series(name, NOISES[kind](rng, POINTS)), None, 0.0)


def shifted(kind: str, seed: int) -> History:
    """A history of this noise with one shift of three to six widths, ten points or more from both ends."""
    rng = np.random.default_rng([seed, *kind.encode(), 1])
    at = int(rng.integers(LEAST_SIDE, POINTS - LEAST_SIDE + 1))
    widths = float(rng.uniform(3.0, 6.0) * rng.choice([-1.0, 1.0]))
    noise = NOISES[kind](rng, POINTS)
    return History(_series("made", noise + widths * (np.arange(POINTS) >= at)), at, widths)


def moved(kind: str, seed: int) -> list[History]:
    """A history of this noise whose machine is changed somewhere, and with it the level: by three to six widths."""
    whole = shifted(kind, seed)
    at = whole.shift or 0
    old, new = slice(at), slice(at, None)
    return [_on_machine(whole.series, old, "machine"), _on_machine(whole.series, new, "another machine")]


def _on_machine(series: Series, part: slice, machine: str) -> History:
    key = replace(series.key, environment=machine)
    return History(
        Series(key, series.ts[part], series.values[part], series.commits[part], series.formats[part]), None, 0.0
    )


def _series(name: str, noise: FloatArray) -> Series:
    key = SeriesKey(name, None, None, None, "latency_p50_ms", "ms", "lower", "machine")
    n = len(noise)
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 3, tzinfo=UTC)
    times = tuple(start + timedelta(hours=24.0 / RUNS_A_DAY) * i for i in range(n))
    return Series(key, times, LEVEL + WIDTH * noise, tuple(f"{i:040x}" for i in range(n)), ("made",) * n)
