"""Where the data starts: external assets, which Muse reads and never builds."""

import dagster as dg

from muse_assets.daily import OWNER
from muse_domain.settings import Settings

GROUP = "sources"


def source_assets(settings: Settings) -> list[dg.AssetSpec]:
    """The repositories and files that the graph begins with."""
    repositories = [
        _source(f"{name}_repository", {"git"}, f"Branch {one.branch} of `{one.path}`.")
        for name, one in sorted(settings.repositories.items())
    ]
    reports = ", ".join(f"`{source.files}`" for source in settings.reports) or "none configured"
    events = ", ".join(f"`{source.files}`" for source in settings.events) or "none configured"
    return [
        *repositories,
        _source("benchmark_reports", {"json", "csv"}, f"Benchmark reports: {reports}."),
        _source("ui_event_files", {"json"}, f"User-interface events: {events}."),
    ]


def _source(name: str, kinds: set[str], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(name, group_name=GROUP, kinds=kinds, owners=[OWNER], description=description)
