"""`muse override` and `muse approve`: what a person decides, kept by name in Dagster's history and in the warehouse."""

import getpass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from muse_apps.console import console
from muse_apps.spans import DAY_FORMATS
from muse_domain.episodes import approval_objection
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.workspace import load_workspace

_BY = typer.Option(help="Who decides it; your login without it. Never printed.")


def override(
    context: typer.Context,
    day: Annotated[datetime, typer.Argument(formats=DAY_FORMATS, help="The day that is to be written about.")],
    reason: Annotated[str, typer.Option(help="Why; it is printed in the episode.")] = "",
    by: Annotated[str, _BY] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take an earlier override back.")] = False,
) -> None:
    """Let one day through the watcher's gate, for a reason that its episode will print. No other gate opens."""
    if not withdraw and not reason.strip():
        raise typer.BadParameter("say why: --reason '...'")
    adapters = build_adapters(load_workspace(Path(context.obj)))
    record_override(adapters, day.date(), reason, by or getpass.getuser(), withdraw=withdraw)
    _say_how_to_go_on(f"Override of {day.date()} {'withdrawn' if withdraw else 'recorded'}.", day.date())


def approve(
    context: typer.Context,
    day: Annotated[datetime, typer.Argument(formats=DAY_FORMATS, help="The day whose draft waits.")],
    by: Annotated[str, _BY] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take an earlier approval back.")] = False,
) -> None:
    """Let a draft out that waits for a person: exactly the text that is stored now. A text that changes waits again."""
    adapters = build_adapters(load_workspace(Path(context.obj)))
    adapters.warehouse.migrate()
    if withdraw:
        record_approval(adapters, day.date(), by or getpass.getuser(), withdraw=True)
        _say_how_to_go_on(f"Approval of {day.date()} withdrawn.", day.date())
        return
    stored = adapters.warehouse.select("select_episode", {"day": day.date()})
    episode = stored[0] if stored else {"status": "", "reason": ""}
    if objection := approval_objection(day.date(), episode["status"], episode["reason"], adapters.clock.now()):
        raise typer.BadParameter(objection)
    record_approval(adapters, day.date(), by or getpass.getuser())
    console.print(f"{escape(episode['title'])}\n  {escape(episode['reason'])}", highlight=False, soft_wrap=True)
    _say_how_to_go_on(f"Draft of {day.date()} approved.", day.date())


def record_override(adapters: Adapters, day: date, reason: str, by: str, *, withdraw: bool = False) -> None:
    """Materialise `overrides` for this day, in Dagster's history like everything else. Raises dg.Failure."""
    _materialise(adapters, "overrides", day, {"reason": reason, "by": by, "withdraw": withdraw})


def record_approval(adapters: Adapters, day: date, by: str, *, withdraw: bool = False) -> None:
    """Materialise `approvals` for this day, in Dagster's history like everything else. Raises dg.Failure."""
    _materialise(adapters, "approvals", day, {"by": by, "withdraw": withdraw})


def _materialise(adapters: Adapters, name: str, day: date, config: dict[str, Any]) -> None:
    import dagster as dg

    from muse_apps.dagster_home import open_instance, own_tags
    from muse_assets.build import build_defs

    adapters.warehouse.migrate()
    graph = build_defs(adapters).resolve_implicit_global_asset_job_def()
    asset = graph.get_subset(asset_selection={dg.AssetKey(name)})
    run_config = {
        "ops": {name: {"config": config}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with open_instance(adapters.workspace) as instance:
        asset.execute_in_process(
            instance=instance, partition_key=day.isoformat(), tags=own_tags(), run_config=run_config
        )


def _say_how_to_go_on(done: str, day: date) -> None:
    console.print(f"{done} Build the day again for it to count:")
    console.print(f"  muse backfill --from {day} --to {day}", soft_wrap=True)
