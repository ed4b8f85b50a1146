"""What Dagster loads: the graph of the workspace in MUSE_WORKSPACE, or in the current folder."""

from muse_assets.build import build_defs
from muse_resources.adapters import build_adapters
from muse_resources.workspace import load_workspace, workspace_folder

defs = build_defs(build_adapters(load_workspace(workspace_folder())))
