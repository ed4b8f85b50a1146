"""Change points that Muse finds in a github-action-benchmark file: `python -m benchmarks.report_change_points FILE`."""

import sys

import numpy as np

from benchmarks.peers.github_action_series import read_series
from muse_domain.segmentation import Rules, segment_all


def main() -> None:
    """One line a series: splits and the p-value of "no change"."""
    for name, values in read_series(sys.argv[1]).items():
        [found] = segment_all([np.array(values)], Rules(5, 0.05, 1.0))
        print(name, [split.index for split in found.splits], f"p = {found.p_value:.2g}")


if __name__ == "__main__":
    main()
