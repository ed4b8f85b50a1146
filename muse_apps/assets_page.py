"""`docs/assets.md`: every asset with its columns and checks, and what starts runs, made of the graph itself."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from muse_assets.build import build_defs
from muse_domain.settings import parse_settings
from muse_resources.adapters import build_adapters
from muse_resources.workspace import Workspace, read_secrets

PAGE = Path("docs/assets.md")

_HEAD = """\
# Assets

Every asset of the graph, in the order in which a day's data walks through it; its table's columns; its checks. Made
from the definitions by `make docs`, for a workspace with two repositories. A check that blocks stops what comes after
it; the gates `watcher_gate` and `publication_gate` stand inside their assets and stop these, however they are run.
"""
_SETTINGS = {
    "muse": {"start_date": "2026-09-01"},
    "repositories": {"hearts": {"path": "hearts"}, "packs": {"path": "packs"}},
    "reports": [{"files": "reports/*.json", "repository": "hearts"}],
    "events": [{"files": "events/*.jsonl", "mapping": {"ts": "ts", "event_type": "type"}}],
}


def assets_page() -> str:
    """The whole page."""
    workspace = Workspace(Path("workspace"), parse_settings(_SETTINGS), read_secrets({}))
    defs = build_defs(build_adapters(workspace))
    graph = defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.toposorted_asset_keys]
    groups = dict.fromkeys(node.group_name for node in nodes)
    blocking = {key for key in graph.asset_check_keys if graph.get(key).blocking}
    parts = [_HEAD]
    for group in groups:
        parts.append(f"## {str(group).capitalize()}\n")
        parts += [_asset(node, blocking) for node in nodes if node.group_name == group]
    parts.append("## What starts runs\n")
    parts.append(_starters(defs.get_repository_def()))
    return "\n".join(parts)


def _asset(node: Any, blocking: Iterable[dg.AssetCheckKey]) -> str:
    name = node.key.to_user_string()
    parents = ", ".join(f"`{key.to_user_string()}`" for key in sorted(node.parent_keys)) or "nothing of the graph"
    part = "month" if isinstance(node.partitions_def, dg.MonthlyPartitionsDefinition) else "day"
    runs = f"one run for any range of {part}s" if node.backfill_policy else f"one run a {part}"
    told = f"{node.description}\n\nFrom {parents}."
    told += f" Partitioned by {part}, {runs}." if node.is_partitioned else ""
    checks = [f"`{key.name}`{' (blocks)' if key in blocking else ''}" for key in sorted(node.check_keys)]
    if checks:
        told += f" Checks: {', '.join(checks)}."
    schema = node.metadata.get("dagster/column_schema")
    columns = [f"| `{one.name}` | {_cell(one.type)} | {_cell(one.description or '')} |" for one in _columns(schema)]
    table = "\n".join(["\n\n| column | type | |", "|---|---|---|", *columns]) if columns else ""
    return f"### {name}\n\n{told}{table}\n"


def _columns(schema: Any) -> list[dg.TableColumn]:
    return list(schema.columns) if schema else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _starters(repository: dg.RepositoryDefinition) -> str:
    starters: list[Any] = [*repository.schedule_defs, *sorted(repository.sensor_defs, key=lambda sensor: sensor.name)]
    rows = [f"| `{one.name}` | {_cell(one.description or '')} |" for one in starters]
    return "\n".join(["| name | what it does |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(assets_page(), encoding="utf-8")
