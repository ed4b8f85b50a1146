"""What a build has come to, told in the end: what was built, found and refused, and where to look."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.markup import escape

from muse_apps.backfill import StepFailure
from muse_apps.console import console, show_table
from muse_apps.verify import EpisodeProof
from muse_domain.episodes import episode_name
from muse_domain.stored import finding_from_row
from muse_resources.adapters import Adapters

_SHOWN_REFUSALS = 12


def show_result(adapters: Adapters, first: date, last: date, failures: Sequence[StepFailure]) -> None:
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
    for failure in failures:
        console.print(f"[bold red]failed[/] {failure.step.title}: {escape(failure.reason)}")


def _show_findings(adapters: Adapters, first: date, last: date) -> None:
    rows = adapters.warehouse.select("select_findings", {"first": first, "last": last})
    listed = [
        (row["day"], escape(found.key.label), found.key.metric, f"{found.change_pct:+.1f} %", found.effect, found.cause,
         (found.first_bad_commit or "–")[:7])
        for row, found in ((row, finding_from_row(row)) for row in rows)
    ]  # fmt: skip
    show_table("Found", ("day", "benchmark", "metric", "change", "effect", "cause", "commit"), listed)


def _show_refused(adapters: Adapters, first: date, last: date) -> None:
    rows = adapters.warehouse.select("select_dead_letters", {"source": ""})
    listed = [(f"{row['source_path']} {row['item']}".strip(), row["error"]) for row in rows[:_SHOWN_REFUSALS]]
    listed += [
        (f"{row['source_path']} {row['benchmark']}", f"quarantined: {'; '.join(row['quality_reasons'])}")
        for row in adapters.warehouse.select("select_quarantined", {"first": first, "last": last})
    ]
    show_table(f"Refused ({len(rows)} in dead_letters, quarantined runs in bench_runs)", ("input", "reason"), listed)


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
    console.print(f"{quiet} quiet {'day' if quiet == 1 else 'days'}: checked, nothing moved, no episode.\n")


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
