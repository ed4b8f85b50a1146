"""How far an episode may be trusted: the weakest of four components."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

# Raised whenever the meaning of a component changes; stored with every verdict.
VERSION = 1

FRESH = timedelta(hours=24)
STALE = timedelta(days=7)
STALE_RECENCY = 0.5

# What would lift a component, in words for whoever looks at an episode that was held.
LIFTED_BY = {
    "completeness": "build the days of its trailing week that are not loaded",
    "recency": "load newer benchmark runs",
    "data_quality": "mend the reports whose runs are flagged or quarantined",
    "evidence": "wait for more runs, which make its weakest claim surer",
}


@dataclass(frozen=True, slots=True)
class Confidence:
    """Four shares of one; `score` is the smallest."""

    completeness: float
    recency: float
    data_quality: float
    evidence: float

    @property
    def weakest(self) -> str:
        """The name of the component that bounds the score."""
        return min(self.components, key=self.components.__getitem__)

    @property
    def components(self) -> dict[str, float]:
        """Each share by its name."""
        return asdict(self)

    @property
    def score(self) -> float:
        """min(completeness, recency, data quality, evidence), rounded to four digits."""
        return round(min(self.components.values()), 4)


def completeness(days_loaded: int, days_expected: int) -> float:
    """Share of the window's days that were loaded whole; none expected gives 0, never 1."""
    return days_loaded / days_expected if days_expected else 0.0


def recency(newest: datetime | None, as_of: datetime) -> float:
    """1.0 up to 24 hours old, then falling in a line to 0.5 at 7 days and on to 0; no data gives 0."""
    if newest is None:
        return 0.0
    age = max(as_of - newest, timedelta())
    if age <= FRESH:
        return 1.0
    slope = (1.0 - STALE_RECENCY) / (STALE - FRESH).total_seconds()
    return max(0.0, 1.0 - slope * (age - FRESH).total_seconds())


def data_quality(ok: int, flagged: int, quarantined: int) -> float:
    """Share of the window's runs that may be used: flagged ones count half, quarantined ones not at all."""
    total = ok + flagged + quarantined
    return (ok + 0.5 * flagged) / total if total else 0.0


def evidence(supports: Sequence[float]) -> float:
    """The support of the weakest claim that is made; an episode without claims has none."""
    return min(supports, default=0.0)
