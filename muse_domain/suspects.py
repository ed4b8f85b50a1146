"""Which commits could have moved a level, and which of them to look at first.

What could have is decided by the commit graph: what the first bad measurement contains and the last good one does not.
Which comes first is decided by what the commits touch, and each is told with that reason.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import PurePosixPath

from muse_domain.ports import Commit
from muse_domain.series import SeriesKey


class Touched(StrEnum):
    """Why a suspect stands where it does, from the first to the last."""

    BENCHMARK = "benchmark"
    NAMED = "named"
    OTHER = "other"
    NOTHING = "nothing"
    ASIDE = "aside"


_PLACE = {touched: place for place, touched in enumerate(Touched)}

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SHORTEST_WORD = 3
# What paths and names of benchmarks share without meaning anything by it.
_COMMON = frozenset(
    "bench benchmark benchmarks benches perf performance test tests spec src lib main java org com net github www cpp "
    "the and for run runs index init mod core common".split()
)
_DOCUMENTS = frozenset({".md", ".rst", ".txt", ".adoc", ".org", ".png", ".svg", ".jpg", ".gif", ".pdf"})
_ASIDE_FOLDERS = frozenset({"doc", "docs", "documentation", "test", "tests", "testing", "__tests__", "spec", "specs"})
_ASIDE_NAMES = frozenset(
    {"license", "licence", "authors", "contributors", "codeowners", "changelog", "readme", "notice", "copying"}
)
_TEST_FILE = re.compile(r"(?:^test_|^conftest\.py$|[._-]tests?\.|[._-]spec\.|[a-z]Tests?\.)")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit that could have moved the level; `path` is the one that says why it stands here, empty for none."""

    sha: str
    touched: Touched
    path: str


@dataclass(frozen=True, slots=True)
class Window:
    """The commits between two measured ones, oldest first. `by_graph` says whether their parents told them."""

    commits: tuple[Commit, ...]
    by_graph: bool


@dataclass(frozen=True)
class CommitGraph:
    """The commits of one repository, ordered by time."""

    commits: Sequence[Commit]

    @cached_property
    def _by_sha(self) -> Mapping[str, Commit]:
        return {commit.sha: commit for commit in self.commits}

    def between(self, good: str | None, bad: str | None) -> Window:
        """What `bad` contains and `good` does not.

        Where no common ancestor of the two is known (commits that were stored before their parents were, or a history
        that begins between the two), it is what was committed after `good` up to and with `bad`.
        """
        if good is None or bad is None or good not in self._by_sha or bad not in self._by_sha:
            return Window((), by_graph=True)
        contained, known_good = self._reachable(bad), self._reachable(good)
        if contained & known_good:
            found = contained - known_good
            return Window(tuple(commit for commit in self.commits if commit.sha in found), by_graph=True)
        shas = list(self._by_sha)
        return Window(tuple(self.commits[shas.index(good) + 1 : shas.index(bad) + 1]), by_graph=False)

    def _reachable(self, sha: str) -> set[str]:
        """The commit and all its known ancestors."""
        found, pending = {sha}, [sha]
        while pending:
            parents = [one for one in self._by_sha[pending.pop()].parents if one in self._by_sha and one not in found]
            found.update(parents)
            pending += parents
        return found


def rank_suspects(commits: Sequence[Commit], key: SeriesKey) -> tuple[Suspect, ...]:
    """The commits, those first that touch the benchmark or what it is called after, those last that touch no code.

    Among equals, the one that shares more words with the benchmark comes first, then the larger, then the older one.
    """
    judged = [(*_judge(commit, key), commit) for commit in commits]
    judged.sort(key=lambda one: (_PLACE[one[0]], -one[2], -(one[3].insertions + one[3].deletions)))
    return tuple(Suspect(commit.sha, touched, path) for touched, path, _, commit in judged)


def _judge(commit: Commit, key: SeriesKey) -> tuple[Touched, str, int]:
    """What the commit touches, the path that says so, and how many words that shares with the benchmark."""
    if not commit.paths:
        return Touched.NOTHING, "", 0
    file = _benchmark_file(key)
    if own := next((path for path in commit.paths if _is_same_file(path, file)), None):
        return Touched.BENCHMARK, own, 0
    code = [path for path in commit.paths if not _is_aside(path)]
    if not code:
        return Touched.ASIDE, commit.paths[0], 0
    words = _words(key.benchmark) | _words(key.model or "")
    shared = [len(words & _words(path)) for path in code]
    best = max(range(len(code)), key=lambda i: shared[i])
    return (Touched.NAMED if shared[best] else Touched.OTHER), code[best], shared[best]


def _benchmark_file(key: SeriesKey) -> str:
    """The file that the benchmark's name states (`bench/test_decode.py::test_decode`); empty where it states none."""
    file, separator, _ = key.benchmark.partition("::")
    return file if separator and PurePosixPath(file).suffix else ""


def _is_same_file(path: str, file: str) -> bool:
    # A benchmark is named from where it was started, a path from the root of the repository.
    return bool(file) and (path == file or path.endswith("/" + file) or file.endswith("/" + path))


def _is_aside(path: str) -> bool:
    """Documentation and tests: they are not in what is measured."""
    pure = PurePosixPath(path)
    if pure.suffix.lower() in _DOCUMENTS or pure.stem.lower() in _ASIDE_NAMES:
        return True
    is_in_folder = any(part.lower() in _ASIDE_FOLDERS for part in pure.parts[:-1])
    return is_in_folder or _TEST_FILE.search(pure.name) is not None


def _words(text: str) -> frozenset[str]:
    """The words of a name or path, without those that mean nothing in it; also of camelCase."""
    words = {word.lower() for word in _WORD.findall(text)}
    return frozenset(word for word in words if len(word) >= _SHORTEST_WORD and word not in _COMMON)
