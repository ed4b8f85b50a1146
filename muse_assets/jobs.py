"""Jobs: the whole day in one, and the proof of all that is published."""

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


def digest_job() -> Any:
    """One month's digest, from what became of its days to the page."""
    return dg.define_asset_job(
        "digest_job",
        selection=dg.AssetSelection.groups("digest"),
        tags={"muse/job": "digest_job"},
        description="One month's digest, from what became of its days to the page.",
    )


def claims_job() -> Any:
    """Every claim of every published episode, run again."""
    return dg.define_asset_job(
        "claims_job",
        selection=dg.AssetSelection.assets("corrections"),
        tags={"muse/job": "claims_job"},
        description="Runs the claims of all published episodes again, and marks those that no longer hold.",
    )
