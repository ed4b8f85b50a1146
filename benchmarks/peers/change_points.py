"""Change points by Apache Otava and ruptures: `python change_points.py SERIES.npz NAME NUMBER_OF_SERIES`.

Prints a JSON object: seconds, series, and `found`, the share of shifts that have a change point within two points.
"""

import json
import sys
import time

import numpy as np

LEAST_SIDE = 5
# The usual penalty: twice the variance (one) times the logarithm of the number of points, for a level and a place.
PENALTY = 2.0


def otava():
    """With Otava's own settings."""
    from otava.analysis import compute_change_points

    def find(values):
        points, _ = compute_change_points([float(value) for value in values], window_len=50, max_pvalue=0.001)
        return [int(point.index) for point in points]

    return find


def by_ruptures(name, model, **settings):
    """A search method of ruptures."""
    import ruptures

    detector = getattr(ruptures, name)(model, min_size=LEAST_SIDE, **settings)
    return lambda values: detector.fit(values).predict(pen=PENALTY * 2.0 * np.log(len(values)))[:-1]


DETECTORS = {
    "Apache Otava": otava,
    "ruptures Binseg": lambda: by_ruptures("Binseg", "l2", jump=1),
    "ruptures Pelt": lambda: by_ruptures("Pelt", "l2", jump=1),
    "ruptures KernelCPD (in C)": lambda: by_ruptures("KernelCPD", "linear"),
}


def main() -> None:
    """The peer of this name over the first so many series."""
    file, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with np.load(file) as made:
        values, places = made["values"][:count], made["places"][:count]
    find = DETECTORS[name]()
    started = time.perf_counter()
    found = [find(row) for row in values]
    seconds = time.perf_counter() - started
    shifted = [(splits, place) for splits, place in zip(found, places, strict=True) if place]
    hit = sum(any(abs(one - place) <= 2 for one in splits) for splits, place in shifted)
    print(json.dumps({"seconds": seconds, "series": count, "found": hit / len(shifted)}))


if __name__ == "__main__":
    main()
