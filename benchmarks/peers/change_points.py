"""Change points by Apache Otava and ruptures: `python change_points.py SERIES.npz '{"peer": number of series}'`.

Prints a JSON list of [peer, series a second, share of shifts found within two points].
"""

import json
import sys
import time

import numpy as np
import ruptures
from otava.analysis import compute_change_points

LEAST_SIDE = 5
# The usual penalty: twice the variance (one) times the logarithm of the number of points, for a level and a place.
PENALTY = 2.0


def otava(values):
    """With Otava's own settings."""
    points, _ = compute_change_points([float(value) for value in values], window_len=50, max_pvalue=0.001)
    return [int(point.index) for point in points]


def _ruptures(detector, values):
    return detector.fit(values).predict(pen=PENALTY * 2.0 * np.log(len(values)))[:-1]


DETECTORS = {
    "Apache Otava": otava,
    "ruptures Binseg": lambda v: _ruptures(ruptures.Binseg("l2", min_size=LEAST_SIDE, jump=1), v),
    "ruptures Pelt": lambda v: _ruptures(ruptures.Pelt("l2", min_size=LEAST_SIDE, jump=1), v),
    "ruptures KernelCPD (C)": lambda v: _ruptures(ruptures.KernelCPD("linear", min_size=LEAST_SIDE), v),
}


def main() -> None:
    """Each peer over the first so many series."""
    made = np.load(sys.argv[1])
    rows = []
    for name, count in json.loads(sys.argv[2]).items():
        values, places = made["values"][:count], made["places"][:count]
        started = time.perf_counter()
        found = [DETECTORS[name](row) for row in values]
        pace = len(values) / (time.perf_counter() - started)
        shifted = [(splits, place) for splits, place in zip(found, places, strict=True) if place]
        hit = sum(any(abs(one - place) <= 2 for one in splits) for splits, place in shifted)
        rows.append([name, pace, hit / len(shifted)])
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
