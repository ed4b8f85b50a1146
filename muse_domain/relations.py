"""Whether two measurements moved together, with an interval that respects their order in time."""

from dataclasses import dataclass

import numpy as np

from muse_domain.series import FloatArray
from muse_domain.shifts import average_ranks

# Below this many joined hours no relation is stated (an interval from fewer spans almost everything).
MINIMUM_PAIRS = 24
BOOTSTRAP_SAMPLES = 999
BLOCK_HOURS = 6


@dataclass(frozen=True, slots=True)
class Relation:
    """Spearman's rank correlation with its 95 % moving-block bootstrap interval over n joined hours."""

    coefficient: float
    low: float
    high: float
    n: int

    @property
    def is_claimable(self) -> bool:
        """A relation may be told only when its interval excludes zero."""
        return self.low > 0.0 or self.high < 0.0


def spearman(left: FloatArray, right: FloatArray) -> float | None:
    """Spearman's rank correlation; None where one side does not vary."""
    ranks = average_ranks(left), average_ranks(right)
    if np.ptp(ranks[0]) == 0 or np.ptp(ranks[1]) == 0:
        return None
    return round(float(np.corrcoef(ranks[0], ranks[1])[0, 1]), 12)


def relate(left: FloatArray, right: FloatArray, *, seed: int) -> Relation | None:
    """The relation of two equally long, time-ordered series; None with too few pairs or no variation."""
    n = len(left)
    coefficient = spearman(left, right) if n >= MINIMUM_PAIRS else None
    if coefficient is None:
        return None
    rng = np.random.default_rng(seed)
    blocks = -(-n // BLOCK_HOURS)
    starts = rng.integers(0, n - BLOCK_HOURS + 1, size=(BOOTSTRAP_SAMPLES, blocks))
    drawn = [(start[:, None] + np.arange(BLOCK_HOURS)).ravel()[:n] for start in starts]
    resampled = [value for value in (spearman(left[i], right[i]) for i in drawn) if value is not None]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Relation(coefficient, float(low), float(high), n)
