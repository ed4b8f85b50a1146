"""The council's assets, joined in the order of the data."""

from muse_assets.council.episode_drafts import episode_drafts
from muse_assets.council.episode_verdicts import episode_verdicts
from muse_assets.council.episodes import WATCHER_GATE, episodes
from muse_assets.council.fact_sheets import fact_sheets
from muse_assets.council.findings import findings
from muse_assets.daily import DailyAsset

GROUP = "council"


def council_assets() -> list[DailyAsset]:
    """The group, in the order of the data."""
    clickhouse = frozenset({"clickhouse"})
    return [
        DailyAsset(findings, GROUP, ["watcher_runs", "bench_runs", "commits"], clickhouse | {"python"}, ["findings"]),
        DailyAsset(fact_sheets, GROUP, ["findings", "session_stats", "watcher_runs"], clickhouse, ["fact_sheets"]),
        DailyAsset(
            episode_drafts,
            GROUP,
            ["fact_sheets", "findings"],
            clickhouse | {"jinja"},
            ["episode_drafts"],
            one_run=False,
        ),
        DailyAsset(
            episode_verdicts, GROUP, ["episode_drafts", "fact_sheets"], clickhouse, ["episode_verdicts"], one_run=False
        ),
        DailyAsset(
            episodes,
            GROUP,
            ["episode_verdicts", "watcher_runs"],
            clickhouse | {"markdown"},
            ["episodes"],
            gate=WATCHER_GATE,
            one_run=False,
        ),
    ]
