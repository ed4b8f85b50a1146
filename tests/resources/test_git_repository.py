"""Commits of a real git clone: nothing is missed, nothing is forged, nobody is named."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from muse_domain.ports import Commit, SourceUnreachable
from muse_resources.git_repository import LONGEST_PATHS, LocalGitRepository

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 9, 1, tzinfo=UTC)
NEXT_MIDNIGHT = MIDNIGHT + timedelta(days=1)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


class Clone:
    """A git repository that the test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(
        self, *arguments: str, at: datetime = NOON, text: bytes | None = None, email: str = "ada@example.org"
    ) -> str:
        stated = {"NAME": "Ada Lovelace", "EMAIL": email, "DATE": f"{int(at.timestamp())} +0000"}
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in stated.items()}
        isolated = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull}
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=self.folder, input=text, capture_output=True, env=isolated, check=True)
        return done.stdout.decode().strip()

    def commit(
        self, subject: str | bytes, files: Mapping[str, str | bytes] | None = None, *, at: datetime = NOON,
        email: str = "ada@example.org",
    ) -> str:  # fmt: skip
        for name, content in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        text = subject.encode() if isinstance(subject, str) else subject
        as_it_is = ["--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-F", "-"]
        self.git("commit", "-q", *as_it_is, at=at, text=text, email=email)
        return self.git("rev-parse", "HEAD")

    def commits(
        self, start: datetime = MIDNIGHT, end: datetime = NEXT_MIDNIGHT, key: str | None = "key"
    ) -> list[Commit]:
        return LocalGitRepository("hearts", self.folder, "main", key).commits(start, end)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "hearts")


def test_a_commit_is_read_with_its_size_and_paths(clone: Clone) -> None:
    """What a commit changed is counted from git, not from words in its message (F-15)."""
    clone.commit("First", {"a.txt": "1\n2\n", "src/b.txt": "1\n"})
    sha = clone.commit("Speed up the parser", {"a.txt": "1\n3\n4\n"}, at=NOON + timedelta(minutes=1))
    first, second = clone.commits()
    at = NOON + timedelta(minutes=1)
    assert second == Commit(
        "hearts", sha, at, first.author_hash, "Speed up the parser", 1, 2, 1, ("a.txt",), (first.sha,)
    )
    assert (first.files_changed, first.paths) == (2, ("a.txt", "src/b.txt"))


def test_a_day_is_a_day_in_utc(clone: Clone) -> None:
    """The first instant belongs to the day, the first instant of the next does not."""
    instants = [MIDNIGHT - timedelta(seconds=1), MIDNIGHT, NEXT_MIDNIGHT - timedelta(seconds=1), NEXT_MIDNIGHT]
    for number, at in enumerate(instants):
        clone.commit(f"commit {number}", at=at)
    assert [commit.subject for commit in clone.commits()] == ["commit 1", "commit 2"]


def test_a_commit_that_is_older_than_its_parent_hides_nothing(clone: Clone) -> None:
    """One machine with a wrong clock must not cut off the history behind its commit."""
    clone.commit("before", at=NOON)
    clone.commit("a clock years behind", at=NOON - timedelta(days=2000))
    clone.commit("after", at=NOON + timedelta(days=40))
    assert [commit.subject for commit in clone.commits()] == ["before"]
    old = NOON - timedelta(days=2000)
    assert [c.subject for c in clone.commits(old, old + timedelta(days=1))] == ["a clock years behind"]


def test_a_hostile_subject_stays_one_commit(clone: Clone) -> None:
    """Messages are written by others: no character in them may forge a commit, a number or a path."""
    hostile = [
        b"records \x1e and fields \x1f" + b"a" * 40 + b"\x1f1\x1f",
        b"tabs\t1\t2\tpath.txt",
        b"\x1b[31mred\x07 bell \r carriage",
        b"caf\xe9 in latin-1",
        b"a first line\nthat goes on\n\nBody with Co-authored-by: Bob <bob@example.org>",
        b"x" * 100_000,
        "“quotes” ‘and’ 日本 \u202e turned".encode(),
        b"",
        b"'; DROP TABLE commits; --",
        b"1\t1\tforged.txt\n2\t2\tforged.txt",
    ]
    for number, subject in enumerate(hostile):
        clone.commit(subject, {f"{number}.txt": "1\n"}, at=NOON + timedelta(minutes=number))
    found = clone.commits()
    assert [commit.paths for commit in found] == [(f"{number}.txt",) for number in range(len(hostile))]
    assert {(commit.files_changed, commit.insertions, commit.deletions) for commit in found} == {(1, 1, 0)}
    assert "bob@example.org" not in "".join(commit.subject for commit in found)
    assert found[0].subject.startswith("records \x1e")
    assert found[4].subject == "a first line that goes on"
    assert (len(found[5].subject), found[7].subject) == (100_000, "")


def test_paths_may_hold_anything(clone: Clone) -> None:
    """A path with quotes, tabs, newlines or letters of any script is one path of one commit."""
    names = ["a\tb.txt", "new\nline.txt", 'it\'s "x".txt', "日本/é.txt", "{braces}.txt", "--option"]
    clone.commit("paths", dict.fromkeys(names, "1\n"))
    [commit] = clone.commits()
    assert (commit.files_changed, commit.insertions, len(commit.paths)) == (6, 6, 6)
    assert {"日本/é.txt", "{braces}.txt", "--option"} < set(commit.paths)


def test_merges_renames_and_binary_files_are_counted_as_git_counts_them(clone: Clone) -> None:
    """A merge adds no lines of its own, a rename is both of its paths, a binary file has no lines."""
    clone.commit("start", {"a.txt": "1\n2\n3\n4\n", "c.txt": "1\n"})
    clone.git("checkout", "-q", "-b", "side")
    clone.commit("on the side", {"side.txt": "1\n"}, at=NOON + timedelta(minutes=1))
    clone.git("checkout", "-q", "main")
    clone.git("mv", "a.txt", "b.txt")
    clone.commit("rename", {"image.png": b"\x89PNG\0\0\xff"}, at=NOON + timedelta(minutes=2))
    clone.git("merge", "-q", "--no-ff", "-m", "merge the side", "side", at=NOON + timedelta(minutes=3))
    found = {commit.subject: commit for commit in clone.commits()}
    assert list(found) == ["start", "on the side", "rename", "merge the side"]
    assert (found["rename"].paths, found["rename"].insertions) == (("a.txt", "b.txt", "image.png"), 4)
    assert (found["merge the side"].files_changed, found["merge the side"].paths) == (0, ())
    assert found["merge the side"].parents == (found["rename"].sha, found["on the side"].sha)
    assert found["start"].parents == ()


def test_a_commit_that_touches_everything_keeps_a_bounded_list_of_paths(clone: Clone) -> None:
    """All files are counted, the first of their paths are kept."""
    clone.commit("everything", {f"{number:03}.txt": "1\n" for number in range(LONGEST_PATHS + 5)})
    [commit] = clone.commits()
    assert (commit.files_changed, len(commit.paths)) == (LONGEST_PATHS + 5, LONGEST_PATHS)


def test_only_the_followed_branch_is_read(clone: Clone) -> None:
    """A commit of another branch is no commit of this one until it is merged."""
    clone.commit("on main")
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("on a topic", at=NOON + timedelta(minutes=1))
    clone.git("tag", "main-2")
    assert [commit.subject for commit in clone.commits()] == ["on main"]
    topics = LocalGitRepository("hearts", clone.folder, "topic", None)
    [topic] = topics.commits(NOON + timedelta(seconds=1), NEXT_MIDNIGHT)
    assert topic.subject == "on a topic"


def test_an_author_is_a_keyed_hash_or_nobody(clone: Clone) -> None:
    """F-86: the same address is the same hash under one key, in whatever case; without a key it is dropped."""
    clone.commit("one", email="ada@example.org")
    clone.commit("two", email="Ada@Example.org", at=NOON + timedelta(minutes=1))
    clone.commit("three", email="bob@example.org", at=NOON + timedelta(minutes=2))
    one, two, three = (commit.author_hash for commit in clone.commits(key="key"))
    assert one == two != three
    assert [commit.author_hash for commit in clone.commits(key=None)] == [None] * 3
    assert one != clone.commits(key="another")[0].author_hash
    for commit in clone.commits():
        assert not any(part in str(commit).lower() for part in ("ada", "lovelace", "example.org"))


def test_the_head_is_the_tip_of_the_branch(clone: Clone) -> None:
    """The watcher judges the newest commit of the branch, also where its clock was behind."""
    repository = LocalGitRepository("hearts", clone.folder, "main", None)
    assert repository.head() is None
    clone.commit("first")
    sha = clone.commit("second", {"a": "1\n"}, at=NOON - timedelta(days=3))
    head = repository.head()
    assert head is not None
    assert (head.sha, head.subject, head.insertions) == (sha, "second", 1)


def test_a_repository_without_commits_is_empty_and_not_an_error(clone: Clone) -> None:
    """A team that has just begun has no commits: that is an answer."""
    assert clone.commits(*EVER) == []


@pytest.mark.parametrize(
    "problem", ["missing", "no repository", "inside another", "no such branch", "a file", "broken"]
)
def test_a_repository_that_cannot_be_read_is_never_an_empty_one(clone: Clone, tmp_path: Path, problem: str) -> None:
    """F-24: a source that could not be read says so, by name and with a remedy; it does not look like no commits."""
    clone.commit("first", {"inner/a.txt": "1\n"})
    branch, folder = "main", clone.folder
    if problem == "missing":
        folder = tmp_path / "nowhere"
    elif problem == "no repository":
        folder = tmp_path / "plain"
        folder.mkdir()
    elif problem == "inside another":
        folder = clone.folder / "inner"
    elif problem == "no such branch":
        branch = "trunk"
    elif problem == "a file":
        folder = clone.folder / "inner" / "a.txt"
    else:
        (clone.folder / ".git" / "HEAD").unlink()
    repository = LocalGitRepository("hearts", folder, branch, None)
    for ask in (lambda: repository.commits(*EVER), repository.head):
        with pytest.raises(SourceUnreachable) as told:
            ask()
        assert (branch if problem == "no such branch" else folder.name) in str(told.value)


def test_git_variables_of_a_calling_hook_do_not_redirect_muse(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook of another repository sets GIT_DIR: Muse still reads the repository that muse.toml names."""
    clone.commit("ours")
    other = Clone(tmp_path / "other")
    other.commit("theirs")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    assert [commit.subject for commit in clone.commits()] == ["ours"]


def test_configuration_of_the_repository_does_not_change_what_is_read(clone: Clone) -> None:
    """Signatures, rename detection and quoting are a matter of display: commits read the same."""
    clone.commit("é", {"é.txt": "1\n"})
    before = clone.commits()
    settings = {"log.showSignature": "true", "diff.renames": "copies", "core.quotePath": "true", "log.date": "raw",
                "i18n.logOutputEncoding": "ISO-8859-1", "color.ui": "always", "format.pretty": "oneline"}  # fmt: skip
    for name, value in settings.items():
        clone.git("config", name, value)
    assert clone.commits() == before
    assert (before[0].subject, before[0].paths) == ("é", ("é.txt",))
