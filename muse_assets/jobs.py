"""Jobs: the whole day in one."""

from typing import Any

import dagster as dg

GROUPS = ("ingest", "watch", "council", "publish")


def daily_episode_job() -> Any:
    """One day from commits to deployment, with every check."""
    return dg.define_asset_job(
        "daily_episode_job",
        selection=dg.AssetSelection.groups(*GROUPS),
        tags={"muse/job": "daily_episode_job"},
        description="One day, from commits and reports to the page.",
    )
