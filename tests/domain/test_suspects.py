"""Which commits could have moved a level: by the graph; and which comes first: by what they touch."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from muse_domain.ports import Commit
from muse_domain.suspects import CommitGraph, Suspect, Touched, rank_suspects
from tests.domain.day_story import commit, key

DECODE = key("bench/test_decode.py::test_decode")


def linked(*links: tuple[str, Sequence[str]]) -> CommitGraph:
    """Commits by name with the names of their parents, in order of time."""
    return CommitGraph([replace(commit(i), sha=name, parents=tuple(of)) for i, (name, of) in enumerate(links)])


MERGED = linked(("a", ""), ("side1", "a"), ("b", "a"), ("side2", ["side1"]), ("c", "b"), ("merge", ["c", "side2"]))


def names(commits: Sequence[Commit]) -> list[str]:
    return [one.sha for one in commits]


def test_a_merge_brings_in_its_side_branch() -> None:
    """What was committed on the side before the last good run is suspected from the merge on, the branch itself not."""
    found = MERGED.between("b", "merge")
    assert found.by_graph and names(found.commits) == ["side1", "side2", "c", "merge"]


def test_commits_of_a_side_branch_are_not_in_what_was_measured() -> None:
    """Committed in between, but not contained in the first bad commit: not a suspect, though time says so."""
    assert names(MERGED.between("a", "c").commits) == ["b", "c"]


def test_measured_branches_are_compared_from_where_they_parted() -> None:
    """The last good run on one branch, the first bad on another: only what the bad one alone contains."""
    assert names(MERGED.between("c", "side2").commits) == ["side1", "side2"]


def test_an_older_commit_measured_later_has_no_suspects() -> None:
    """Everything that it contains, the last good run contained too."""
    assert MERGED.between("c", "a").commits == ()


def test_without_known_parents_time_decides() -> None:
    """Commits that were stored before their parents were: as the branch was committed, and said so."""
    stored = linked(("a", ""), ("b", ""), ("c", ""), ("d", ""))
    found = stored.between("a", "c")
    assert not found.by_graph and names(found.commits) == ["b", "c"]
    assert stored.between("c", "a").commits == ()


def test_parents_that_are_not_stored_end_the_walk() -> None:
    """A history that begins before the first day: what is known decides."""
    cut = linked(("a", ["long ago"]), ("b", "a"), ("c", ["b", "never loaded"]))
    assert names(cut.between("a", "c").commits) == ["b", "c"]


@pytest.mark.parametrize("good", ["unknown", None])
def test_a_commit_that_is_not_in_the_repository_has_no_window(good: str | None) -> None:
    """Nothing is guessed about it."""
    assert MERGED.between(good, "c").commits == ()


def touching(number: int, *paths: str, lines: int = 3) -> Commit:
    return replace(commit(number), paths=paths, insertions=lines, deletions=0)


@pytest.mark.parametrize(
    ("paths", "touched", "path"),
    [
        (("docs/a.md", "bench/test_decode.py"), Touched.BENCHMARK, "bench/test_decode.py"),
        (("repo/bench/test_decode.py",), Touched.BENCHMARK, "repo/bench/test_decode.py"),
        (("engine/io.py", "engine/decode.py"), Touched.NAMED, "engine/decode.py"),
        (("models/llama.cpp",), Touched.NAMED, "models/llama.cpp"),
        (("src/FastDecoder.java", "src/DecodeLoop.java"), Touched.NAMED, "src/DecodeLoop.java"),
        (("engine/io.py",), Touched.OTHER, "engine/io.py"),
        ((), Touched.NOTHING, ""),
        (("docs/decode.md", "README.md"), Touched.ASIDE, "docs/decode.md"),
        (("tests/test_io.py",), Touched.ASIDE, "tests/test_io.py"),
        (("engine/io_test.go",), Touched.ASIDE, "engine/io_test.go"),
        (("docs/decode.md", "setup.cfg"), Touched.OTHER, "setup.cfg"),
    ],
)
def test_a_commit_is_ranked_by_what_it_touches(paths: tuple[str, ...], touched: Touched, path: str) -> None:
    """Its own file, what it is called after, other code, nothing, or only documentation and tests."""
    [suspect] = rank_suspects([touching(1, *paths)], DECODE)
    assert suspect == Suspect(suspect.sha, touched, path)


def test_the_first_to_look_at_comes_first() -> None:
    """By what they touch; among equals the closer name, then the larger, then the older one."""
    commits = [
        touching(1, "docs/decode.md", lines=500),
        touching(2),
        touching(3, "engine/io.py"),
        touching(4, "engine/net.py", lines=90),
        touching(5, "engine/decode.py"),
        touching(6, "llama/decode.py"),
        touching(7, "bench/test_decode.py", lines=1),
        touching(8, "engine/out.py"),
    ]
    order = [suspect.sha for suspect in rank_suspects(commits, DECODE)]
    assert order == [commit(number).sha for number in (7, 6, 5, 4, 3, 8, 2, 1)]
