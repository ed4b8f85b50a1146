"""The demo: what was planted is found and nothing else, again and again, by two at once, and after being killed."""

import json
import os
import random
import re
import shutil
import signal
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from muse_apps.sample.truth import PlantedShift, SampleTruth
from muse_domain.episodes import content_sha256, unnumbered
from tests.workspaces import (
    OF_ONE_WORKSPACE,
    adapters_of,
    all_rows,
    change_warehouse,
    copy_of,
    differences,
    end_group,
    git,
    post_files,
    row_counts,
    run_muse,
    selected,
    start_muse,
    stop_warehouse,
    warehouse_folder,
)

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
GOLDEN_EPISODE = "posts/banterpacks/ep-001"
RENEW = "MUSE_RENEW_GOLDEN"
KILLS = 6
# The days that the tests of interruption build: the first of them that has an episode is the last.
SHORT_END = date(2026, 9, 8)


def _findings(workspace: Path) -> list[dict[str, Any]]:
    return selected(workspace, "SELECT * FROM findings ORDER BY day, finding_id")


def _news(workspace: Path) -> list[dict[str, Any]]:
    """The findings that tell a shift for the first time."""
    return [one for one in _findings(workspace) if one["told_on"] is None]


def _is_of(finding: dict[str, Any], shift: PlantedShift) -> bool:
    off = abs(date.fromisoformat(finding["day"]) - shift.day)
    return shift.benchmark in finding["benchmark"] and finding["metric"] == shift.metric and off <= timedelta(days=1)


def test_every_planted_shift_is_found_and_nothing_else(demo_workspace: Path, truth: SampleTruth) -> None:
    """Each shift once, within a day, the right way, with its commit; no finding beside them."""
    found = _news(demo_workspace)
    assert len(found) == len(truth.shifts)
    for shift in truth.shifts:
        [finding] = [one for one in found if _is_of(one, shift)]
        assert finding["effect"] == shift.direction
        assert (finding["change_pct"] > 0) is (shift.factor > 1)
        assert shift.commit_sha in {finding["first_bad_commit"], *finding["suspect_commits"]}
        # Where the reports do not name their machine, nobody knows that it stayed the same.
        assert finding["cause"] == ("code" if finding["environment_fingerprint"] else "unknown")


def test_the_size_of_each_shift_lies_in_its_interval(demo_workspace: Path, truth: SampleTruth) -> None:
    """What is told of a change agrees with what was planted, to a few per cent."""
    for shift in truth.shifts:
        [finding] = [one for one in _news(demo_workspace) if _is_of(one, shift)]
        planted_pct = (shift.factor - 1) * 100
        assert finding["interval_low_pct"] - 2 <= planted_pct <= finding["interval_high_pct"] + 2


def test_every_planted_shift_is_suspected_and_then_confirmed(demo_workspace: Path) -> None:
    """Five runs tell it; six more, of the day after, confirm it: once, from its own row, with its commit."""
    told, later = _news(demo_workspace), [one for one in _findings(demo_workspace) if one["told_on"] is not None]
    assert {one["state"] for one in told} == {"suspected"} and {one["n_after"] for one in told} == {5}
    assert [(one["told_on"], one["told_as"], one["series_id"]) for one in later] == [
        (one["day"], one["finding_id"], one["series_id"]) for one in told
    ]
    for one, again in zip(told, later, strict=True):
        assert (again["state"], again["n_since"], again["n_after"]) == ("confirmed", 6, 11)
        assert date.fromisoformat(again["day"]) - date.fromisoformat(one["day"]) == timedelta(days=1)
        assert again["first_bad_commit"] == one["first_bad_commit"]


def test_the_change_of_machine_is_never_called_code(demo_workspace: Path, truth: SampleTruth) -> None:
    """Series of another environment are marked as such on its day, and no finding spans it."""
    [change] = truth.environment_changes
    changed = selected(
        demo_workspace,
        "SELECT DISTINCT day FROM series_checks WHERE outcome = 'environment_changed' ORDER BY day",
    )
    assert changed and min(row["day"] for row in changed) == change.at.date().isoformat()
    for finding in _findings(demo_workspace):
        assert finding["changed_at"][:10] != change.at.date().isoformat()


def test_refused_inputs_lie_in_dead_letters_with_a_remedy(demo_workspace: Path, truth: SampleTruth) -> None:
    """Whole files and single lines are kept with their reason; a failed backend is a quarantined run."""
    letters = selected(demo_workspace, "SELECT source_path, item, error, remedy FROM dead_letters")
    assert all(letter["error"] and letter["remedy"] for letter in letters)
    found = {(letter["source_path"], "".join(re.findall(r"\d+", letter["item"]))) for letter in letters}
    assert found == {(one.path, one.item) for one in truth.refused if one.kind != "failed_backend"}
    quarantined = selected(
        demo_workspace, "SELECT source_path, benchmark FROM bench_runs WHERE quality = 'quarantined'"
    )
    failed = [one for one in truth.refused if one.kind == "failed_backend"]
    assert [row["source_path"] for row in quarantined] == [one.path for one in failed]
    assert all(one.item in row["benchmark"] for one, row in zip(failed, quarantined, strict=True))


def test_every_quiet_day_is_skipped_and_every_other_is_published(demo_workspace: Path, truth: SampleTruth) -> None:
    """A day is never padded and never forgotten; numbers of a series have no gap."""
    rows = selected(demo_workspace, "SELECT day, status, series, episode, series_checked FROM episodes ORDER BY day")
    assert [row["day"] for row in rows] == [day.isoformat() for day in truth.days]
    skipped = {date.fromisoformat(row["day"]) for row in rows if row["status"] == "skipped"}
    # A day on which an older shift was confirmed is not quiet.
    told_again = {date.fromisoformat(one["day"]) for one in _findings(demo_workspace) if one["told_on"] is not None}
    assert skipped >= set(truth.quiet_days) - told_again
    told = [row for row in rows if row["status"] != "skipped"]
    assert {row["status"] for row in told} == {"published"} and len(told) == len(truth.shifts) + len(told_again)
    for series in {row["series"] for row in told}:
        numbers = [row["episode"] for row in told if row["series"] == series]
        assert numbers == list(range(1, len(numbers) + 1))


def test_every_event_is_counted_once_on_its_own_day(demo_workspace: Path, truth: SampleTruth) -> None:
    """Events sent twice count once; a late batch lands on the day it happened."""
    rows = selected(demo_workspace, "SELECT day, toUInt32(count()) AS events FROM ui_events GROUP BY day")
    assert {date.fromisoformat(row["day"]): row["events"] for row in rows} == dict(truth.events.by_day)


def test_every_claim_holds(demo_workspace: Path, truth: SampleTruth) -> None:
    """`muse verify all` runs every claim again and finds them all as published."""
    done = run_muse("--workspace", demo_workspace, "verify", "all")
    # Each shift has the episode that tells it, and the one that confirms it.
    assert re.search(rf"All \d+ claims of {2 * len(truth.shifts)} episodes hold", done.stdout)


def test_a_changed_row_breaks_exactly_the_claims_that_rest_on_it(
    demo_workspace: Path, truth: SampleTruth, tmp_path: Path
) -> None:
    """One measured value altered behind Muse's back: verify fails and names those facts, of all episodes, only."""
    shift = truth.shifts[2]
    with copy_of(demo_workspace, tmp_path / "demo") as folder:
        [run] = selected(
            folder,
            "SELECT toString(run_id) AS run_id, benchmark, formatDateTime(ts, '%Y-%m-%dT%H', 'UTC') AS hour "
            f"FROM bench_runs WHERE day = '{shift.day - timedelta(days=4)}' AND benchmark LIKE '%{shift.benchmark}%' "
            "ORDER BY ts LIMIT 1",
        )
        expected = _facts_resting_on(folder, run)
        assert len(expected) >= 4
        column = f"{shift.metric} = {shift.metric} * 1.5"
        change_warehouse(folder, f"ALTER TABLE bench_runs UPDATE {column} WHERE run_id = '{run['run_id']}'")
        done = run_muse("--workspace", folder, "verify", "all", expect=1)
    named = set(re.findall(r"^(\w+/ep-\d+) (\S+\.\S+) ", done.stdout, re.MULTILINE))
    assert named == expected


def test_a_forged_number_is_found_though_post_and_ledger_agree(demo_workspace: Path, tmp_path: Path) -> None:
    """A post and its ledger edited together, hash and all, and committed: neither can vouch for itself."""
    with copy_of(demo_workspace, tmp_path / "demo") as folder:
        post = folder / "blog" / "posts" / "banterpacks" / "ep-001.md"
        ledger_file = post.with_suffix("").with_suffix(".claims.json")
        post.write_text(post.read_text().replace("17.4 %", "77.4 %"))
        ledger = json.loads(ledger_file.read_text().replace("17.4 %", "77.4 %"))
        ledger["episode"]["content_sha256"] = content_sha256(unnumbered(post.read_text()))
        ledger_file.write_text(json.dumps(ledger))
        git(folder / "blog", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qam", "forged")
        done = run_muse("--workspace", folder, "verify", "banterpacks/ep-001", expect=1)
    words = " ".join(done.stdout.split())
    assert "its fact reads '17.4 %'" in words
    assert "not the one that the warehouse recorded as published" in words


def _facts_resting_on(folder: Path, run: dict[str, Any]) -> set[tuple[str, str]]:
    """The facts that hold a row made of this run's value, by the queries in the published ledgers."""
    warehouse = adapters_of(folder).warehouse
    found = set()
    for path, text in post_files(folder).items():
        if path.endswith(".claims.json"):
            for fact_id, fact in json.loads(text)["facts"].items():
                rows = warehouse.select(fact["query"], fact["parameters"])
                names = {run["run_id"]} if fact["query"] == "series_segments" else {run["hour"]}
                _, _, segment = fact["reducer"].partition(":")
                is_of_it = fact["parameters"].get("benchmark") == run["benchmark"]
                if is_of_it and any(r["row_id"] in names and segment in ("", r["segment"]) for r in rows):
                    name = path.removeprefix("posts/").removesuffix(".claims.json")
                    found.add((name, fact_id))
    return found


def test_building_again_changes_nothing(demo_workspace: Path, tmp_path: Path) -> None:
    """The same rows, wall-clock columns included, the same commits, the same pages, a clean work tree."""
    with copy_of(demo_workspace, tmp_path / "demo") as folder:
        before, posts, head = all_rows(folder), post_files(folder), git(folder / "blog", "rev-parse", "main")
        pages = _pages(folder)
        # Four days with two episodes, and all that is under them.
        run_muse("--workspace", folder, "backfill", "--from", "2026-09-17", "--to", "2026-09-20")
        after = all_rows(folder)
        assert row_counts(after) == row_counts(before)
        assert differences(before, after) == {}
        assert post_files(folder) == posts
        assert git(folder / "blog", "rev-parse", "main") == head
        assert git(folder / "blog", "status", "--porcelain") == ""
        assert _pages(folder) == pages


def _pages(folder: Path) -> dict[str, bytes]:
    site = folder / "site"
    return {str(file.relative_to(site)): file.read_bytes() for file in sorted(site.rglob("*")) if file.is_file()}


def test_two_demos_at_once_give_what_one_gives(demo_workspace: Path, tmp_path: Path) -> None:
    """On a fresh folder both succeed, and no row, number or byte is doubled, lost or other."""
    folder = tmp_path / "demo"
    both = [start_muse("demo", "--folder", folder) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    try:
        assert [process.returncode for process in both] == [0, 0], "\n\n".join(said)
        _expect_the_same(demo_workspace, folder)
    finally:
        stop_warehouse(folder)


def _expect_the_same(one: Path, other: Path, where: str = "1") -> None:
    left = all_rows(one, where, leave_out=OF_ONE_WORKSPACE)
    right = all_rows(other, where, leave_out=OF_ONE_WORKSPACE)
    assert differences(left, right) == {}
    posts = post_files(other)
    assert posts and posts == {path: text for path, text in post_files(one).items() if path in posts}
    assert git(other / "blog", "status", "--porcelain") == ""
    assert len(git(other / "blog", "rev-list", "main").split()) == sum(path.endswith(".md") for path in posts)


def test_killed_at_any_moment_and_run_again_it_is_as_if_nothing_had_happened(
    demo_workspace: Path, tmp_path: Path
) -> None:
    """kill -9 of the whole process group six times, three times with the warehouse's owner; then once to the end."""
    folder = _short_workspace(demo_workspace, tmp_path / "demo")
    command = ("--workspace", folder, "backfill", "--from", "2026-09-01", "--to", SHORT_END.isoformat())
    moments = [round(random.uniform(2.5, 13.0), 2) for _ in range(KILLS)]
    try:
        for number, moment in enumerate(moments):
            process = start_muse(*command)
            time.sleep(moment)
            end_group(process, signal.SIGKILL)
            if number % 2:
                _kill_owner(folder)
        done = run_muse(*command, expect=None)
        assert done.returncode == 0, f"killed after {moments} s\n{done.stdout}\n{done.stderr}"
        _expect_the_same(demo_workspace, folder, f"day <= '{SHORT_END}'")
        assert _open_runs(folder) == []
        run_muse("--workspace", folder, "verify", "all")
    finally:
        stop_warehouse(folder)


def _short_workspace(demo: Path, folder: Path) -> Path:
    """The demo's sources with an earlier end, nothing built."""
    folder.mkdir()
    for name in ("sources", "reports", "events"):
        shutil.copytree(demo / name, folder / name, symlinks=True)
    settings = (demo / "muse.toml").read_text().replace("end_date = 2026-09-21", f"end_date = {SHORT_END}")
    (folder / "muse.toml").write_text(settings)
    return folder


def _kill_owner(folder: Path) -> None:
    address = warehouse_folder(folder).with_name("warehouse.owner") / "owner.json"
    try:
        os.kill(json.loads(address.read_text())["pid"], signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return  # it had not started yet


def _open_runs(folder: Path) -> list[str]:
    """Runs that Dagster still takes for running."""
    import dagster as dg

    from muse_apps.dagster_home import open_instance
    from muse_resources.workspace import load_workspace

    with open_instance(load_workspace(folder, {})) as instance:
        return [run.run_id for run in instance.get_runs() if run.status not in {
            dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}]  # fmt: skip


def test_the_golden_episode_is_the_same_to_the_byte(demo_workspace: Path) -> None:
    """One episode, its ledger and its chart as reviewed. Renew it on purpose: MUSE_RENEW_GOLDEN=1 make test."""
    built = {
        path.removeprefix("posts/"): text
        for path, text in post_files(demo_workspace).items()
        if path.startswith(GOLDEN_EPISODE)
    }
    if os.environ.get(RENEW):
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for path, text in built.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_bytes(text)
    golden = {str(file.relative_to(GOLDEN)): file.read_bytes() for file in sorted(GOLDEN.rglob("*")) if file.is_file()}
    assert sorted(built) == sorted(golden)
    for path, text in golden.items():
        assert built[path].decode() == text.decode(), f"{path} changed; if that is wanted, renew it with {RENEW}=1"


def test_no_personal_data_leaves_the_sources(demo_workspace: Path) -> None:
    """Names, addresses and user ids of events and commits are in no table, no commit, no page and no run's log."""
    pattern = _personal_data(demo_workspace)
    stored = "\n".join(line for lines in all_rows(demo_workspace).values() for line in lines)
    blog = demo_workspace / "blog"
    history = git(blog, "log", "--all", "-p", "--format=fuller")
    places = {"warehouse": stored.encode(), "blog": history.encode()}
    for folder in ("site", "dagster"):
        places |= {str(file): file.read_bytes() for file in (demo_workspace / folder).rglob("*") if file.is_file()}
    assert {name: match.group() for name, text in places.items() if (match := pattern.search(text))} == {}


def _personal_data(workspace: Path) -> re.Pattern[bytes]:
    """What finds any name, address, user id or full user agent of the sources."""
    sources = b"".join(file.read_bytes() for file in sorted((workspace / "events").glob("*.jsonl")))
    authors = [git(workspace / "sources" / role, "log", "--format=%an%n%ae") for role in ("hearts", "packs")]
    plain = {line.encode() for text in authors for line in text.splitlines()}
    plain |= set(re.findall(rb'"agent":"([^"]+ [^"]+)"', sources))
    # Thousands of them, but of one shape, which is quicker to look for.
    ids = re.findall(rb'"user":{"id":"([^"]+)","email":"([^"]+)"}', sources)
    assert len(plain) > 10 and len(set(ids)) > 100
    assert all(re.fullmatch(rb"u\d{3}", user) and re.fullmatch(rb"sample\d+@example\.org", mail) for user, mail in ids)
    shapes = [rb"sample\d+@example\.org", rb"\bu\d{3}\b"]
    return re.compile(b"|".join([*map(re.escape, sorted(plain)), *shapes]))
