"""What a build has come to, told in the end: what was built, found and refused, and where to look."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.markup import escape

from muse_apps.backfill import BackfillOutcome, StepFailure
from muse_apps.console import console, counted, show_table
from muse_apps.ingest import EVENTS, REPORTS, STATES, FilePlan, Forgotten, IngestOutcome
from muse_domain.episodes import episode_name
from muse_domain.proofs import EpisodeProof
from muse_domain.stored import finding_from_row
from muse_resources.adapters import Adapters

_SHOWN_REFUSALS = 12
_SHOWN_PATHS = 5
_SHOWN_PLANS = 50
_SHOWN_CORRECTIONS = 20


def show_result(adapters: Adapters, first: date, last: date, outcome: BackfillOutcome) -> None:
    """Rows, findings, refusals, episodes and failures of a range of days."""
    muse = adapters.workspace.settings.muse
    sample = " [yellow](sample data)[/]" if muse.sample else ""
    console.print(f"[bold]{escape(muse.title)}[/]{sample}: {first} to {last}\n")
    counts = {row["table"]: row["rows"] for row in adapters.warehouse.select("select_table_counts")}
    built = ("commits", "bench_runs", "bench_metrics", "ui_events", "session_stats", "series_checks", "fact_sheets")
    show_table("Built", ("table", "rows"), [(table, counts.get(table, 0)) for table in built])
    _show_findings(adapters, first, last)
    _show_refused(adapters, first, last)
    _show_episodes(adapters, first, last)
    if outcome.built_before:
        days = counted(len(outcome.built_before), "day")
        console.print(f"{days} had been built before this backfill was cut off: --afresh builds them again.\n")
    show_failures(outcome.failures)


def show_ingest(adapters: Adapters, first: date, last: date, outcome: IngestOutcome) -> None:
    """What was read, the rows by table, and what was refused."""
    console.print(f"[bold]{first} to {last}[/]: {_read(outcome)}\n")
    counts = {row["table"]: row["rows"] for row in adapters.warehouse.select("select_table_counts")}
    built = ("commits", "bench_runs", "bench_metrics", "ui_events", "session_stats")
    show_table("In the warehouse", ("table", "rows"), [(one, counts.get(one, 0)) for one in built])
    if outcome.missing:
        console.print(
            f"[yellow]Not found any more:[/] {_some(outcome.missing)}. What they gave is kept; "
            "`muse ingest --forget-missing` gives it up.\n"
        )
    _show_refused(adapters, first, last)
    show_failures(outcome.failures)


def _read(outcome: IngestOutcome) -> str:
    read = outcome.read
    if not any(read.values()):
        # What failed may have been to read something new.
        failed = "not everything could be built: see below."
        return failed if outcome.failures else "no report and no event file has changed."
    return f"read {counted(read[REPORTS], 'report')} and {counted(read[EVENTS], 'event file')}, new or changed."


def show_failures(failures: Sequence[StepFailure]) -> None:
    """What failed, and why."""
    for failure in failures:
        console.print(f"[bold red]failed[/] {failure.step.title}: {escape(failure.reason)}")


def show_forgotten(forgotten: Forgotten) -> None:
    """The missing files whose rows were given up, and those that keep theirs."""
    if forgotten.paths:
        console.print(f"[yellow]Forgotten:[/] {_some(forgotten.paths)}\n")
    if forgotten.kept:
        kept = [f"{path} ({_days(*span)})" for path, span in sorted(forgotten.kept.items())]
        console.print(f"[yellow]Not forgotten[/], since not all of their days were asked for: {_some(kept)}\n")
    if not forgotten.paths and not forgotten.kept:
        console.print("No file is missing: nothing was forgotten.\n")


def _days(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN_PATHS:,} more" if len(paths) > _SHOWN_PATHS else ""
    return escape(", ".join(paths[:_SHOWN_PATHS])) + more


def show_dry_run(plans: Sequence[FilePlan]) -> None:
    """What the next ingest would read and miss. Only the files that are shown are looked into."""
    if not plans:
        console.print("No file matches the sources of muse.toml: `muse status` shows them. Nothing was written.")
        return
    news = [plan for plan in plans if plan.state != "unchanged"]
    states = Counter(plan.state for plan in plans)
    told = ", ".join(f"{count:,} {state}" for state, count in states.items())
    console.print(f"[bold]{counted(len(plans), 'file')}[/]: {told}\n")
    if news:
        shown = [(escape(plan.path), plan.state, escape(plan.gives())) for plan in news[:_SHOWN_PLANS]]
        show_table("", ("file", "state", "what it gives"), shown)
    if len(news) > _SHOWN_PLANS:
        console.print(f"... and {len(news) - _SHOWN_PLANS:,} more.\n")
    for state, meaning in STATES.items():
        if meaning and state in states:
            console.print(f"[dim]{state}: {meaning}[/]")
    console.print("Nothing was written.")


def _show_findings(adapters: Adapters, first: date, last: date) -> None:
    rows = adapters.warehouse.select("select_findings", {"first": first, "last": last})
    listed = [
        (row["day"], escape(found.key.label), found.key.metric, f"{found.change_pct:+.1f} %", found.effect, found.state,
         found.cause, (found.first_bad_commit or "–")[:7])
        for row, found in ((row, finding_from_row(row)) for row in rows)
    ]  # fmt: skip
    show_table("Found", ("day", "benchmark", "metric", "change", "effect", "state", "cause", "commit"), listed)


def _show_refused(adapters: Adapters, first: date, last: date) -> None:
    rows = adapters.warehouse.select("select_dead_letters", {"source": ""})
    listed = [
        (escape(f"{row['source_path']} {row['item']}".strip()), escape(row["error"])) for row in rows[:_SHOWN_REFUSALS]
    ]
    show_table(_first_ones("Refused", len(rows), _SHOWN_REFUSALS), ("input", "reason"), listed)
    if rows:
        console.print("`muse dead-letters list` numbers them, `muse dead-letters show 1` says what to do.\n")
    quarantined = adapters.warehouse.select("select_quarantined", {"first": first, "last": last})
    listed = [
        (escape(f"{row['source_path']} {row['benchmark']}"), escape("; ".join(row["quality_reasons"])))
        for row in quarantined[:_SHOWN_REFUSALS]
    ]
    if quarantined:
        title = _first_ones("Quarantined: kept, and never used", len(quarantined), _SHOWN_REFUSALS)
        show_table(title, ("run", "reason"), listed)


def _first_ones(title: str, count: int, shown: int) -> str:
    """A table's title with how many there are, and how many are shown where these are less."""
    if count > shown:
        return f"{title} ({count:,}; the first {shown})"
    return f"{title} ({count:,})" if count else title


def _show_episodes(adapters: Adapters, first: date, last: date) -> None:
    rows = adapters.warehouse.select("select_episodes", {"first": first, "last": last})
    told = [
        (row["day"], f"{row['series']}/{episode_name(row['episode'])}" if row["episode"] else "–", row["status"],
         f"{row['confidence_score']:.2f}", row["title"] or row["reason"])
        for row in rows
        if row["status"] != "skipped"
    ]  # fmt: skip
    show_table("Episodes", ("day", "episode", "status", "confidence", "title"), told)
    statuses = Counter(row["status"] for row in rows)
    quiet = statuses.get("skipped", 0)
    console.print(f"{quiet} quiet {'day' if quiet == 1 else 'days'}: checked, no new shift, no episode.\n")


def show_where_to_look(adapters: Adapters) -> None:
    """The places that a newcomer opens next."""
    workspace = adapters.workspace
    site = workspace.path(workspace.settings.site.folder) / "index.html"
    console.print("[bold]Where to look[/]")
    console.print(f"  the page      {_near(site)}", soft_wrap=True)
    console.print(f"  the posts     {_near(workspace.path(workspace.settings.blog.path))}", soft_wrap=True)
    command = f"{_near(Path(sys.prefix) / 'bin' / 'muse')} --workspace {_near(workspace.folder)}"
    console.print(f"  the proof     {command} verify all", soft_wrap=True)
    console.print(f"  the graph     {command} dev, then http://127.0.0.1:3000\n", soft_wrap=True)


def _near(path: Path) -> Path:
    """A path as one would type it from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def show_proof(proofs: Sequence[EpisodeProof]) -> None:
    """Each episode's claims, and every one that no longer holds."""
    listed = [
        (proof.name, proof.day, proof.claims, proof.facts,
         "[green]all hold[/]" if not proof.broken else f"[bold red]{len(proof.broken)} broken[/]")
        for proof in proofs
    ]  # fmt: skip
    show_table("Claims run again", ("episode", "day", "claims", "facts", "verdict"), listed)
    for proof in proofs:
        for claim in proof.broken:
            console.print(f"[red]{proof.name}[/] {claim.fact} {escape(repr(claim.text))}: {escape(claim.problem)}")
    broken = sum(len(proof.broken) for proof in proofs)
    total = sum(proof.claims for proof in proofs)
    if not broken:
        console.print(f"All {total:,} claims of {len(proofs)} episodes hold.")


def show_corrections(adapters: Adapters) -> None:
    """Which claims of published episodes the daily check has found broken; nothing where all hold."""
    rows = adapters.warehouse.select("select_corrections")
    listed = [
        (f"{row['series']}/{episode_name(row['episode'])}", row["day"], f"{row['found_at']:%Y-%m-%d %H:%M}",
         row["fact_id"], escape(row["problem"]))
        for row in rows[:_SHOWN_CORRECTIONS]
    ]  # fmt: skip
    title = _first_ones("Marked for correction", len(rows), _SHOWN_CORRECTIONS)
    show_table(title, ("episode", "day", "found", "claim", "what is wrong"), listed)
