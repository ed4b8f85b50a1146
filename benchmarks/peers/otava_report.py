"""Change points that Apache Otava finds in a github-action-benchmark file: `python otava_report.py FILE`."""

import sys

from github_action_series import read_series
from otava.analysis import compute_change_points, compute_change_points_orig


def main() -> None:
    """One line a series and limit: change points of Otava, and of its original E-divisive."""
    for name, values in read_series(sys.argv[1]).items():
        for limit in (0.001, 0.05):
            points, _ = compute_change_points(list(values), window_len=50, max_pvalue=limit)
            original, _ = compute_change_points_orig(list(values), max_pvalue=limit, seed=1)
            print(name, limit, [int(one.index) for one in points], [int(one.index) for one in original])


if __name__ == "__main__":
    main()
