"""The blog as a local git repository: it allocates numbers and takes each episode as one commit.

The number is taken from the tree at the branch's head when the commit is made; the compare-and-swap of the ref
decides between two publishers, and the loser takes the next number.
"""

import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from muse_domain.episodes import (
    DIGEST_SERIES,
    EpisodeFormatError,
    commit_message,
    episode_path,
    number_episode,
    read_front_matter,
)
from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import Publication, PublishableEpisode
from muse_resources.git_command import GitError, git_text, run_git
from muse_resources.ledger_text import ledger_text

_ATTEMPTS = 20
_LOCK_TIMEOUT_S = 120
# git holds its index lock for moments, or while somebody writes a commit message; one that is older was left behind.
_INDEX_LOCK_WAIT_S = 2.0
_STALE_INDEX_LOCK_S = 600.0


@dataclass(frozen=True, slots=True)
class _Head:
    """The branch as it stands: Muse's episodes by series and day, and the highest number of any post by series."""

    commit: str | None
    numbers: Mapping[tuple[str, date], int]
    highest: Mapping[str, int]


class _Overtaken(Exception):
    """The branch moved, or was locked, between reading its head and moving it."""


class LocalGitPublisher:
    """One branch of one local repository, made on first use."""

    def __init__(self, folder: Path, branch: str, posts_folder: str, author_name: str, author_email: str) -> None:
        self._folder = folder
        self._branch = branch
        self._posts_folder = posts_folder
        prefix = f"{posts_folder.strip('/')}/" if posts_folder.strip("/") else ""
        self._episode = re.compile(rf"{re.escape(prefix)}posts/(?P<series>[a-z0-9_-]+)/ep-(?P<number>\d+)\.md")
        self._identity = {
            "GIT_AUTHOR_NAME": author_name,
            "GIT_AUTHOR_EMAIL": author_email,
            "GIT_COMMITTER_NAME": author_name,
            "GIT_COMMITTER_EMAIL": author_email,
        }

    def published_days(self) -> Mapping[date, tuple[str, int]]:
        """Series and number of every day's episode at the branch's head; digests are of no day."""
        self._prepare()
        numbers = sorted(self._head().numbers.items())
        return {day: (series, number) for (series, day), number in numbers if series != DIGEST_SERIES}

    def head_commit(self) -> str | None:
        """The branch's newest commit; None before the first publication."""
        self._prepare()
        return self._head_commit()

    def publish(self, episode: PublishableEpisode) -> Publication:
        """Commit the episode; nothing is committed where the tree already holds it to the byte.

        Raises PermanentFailure where that would overwrite somebody's unsaved edit, TransientFailure where others
        were faster every time.
        """
        self._prepare()
        try:
            with FileLock(str(self._git_folder() / "muse.lock"), timeout=_LOCK_TIMEOUT_S):
                self._bring_work_tree_along()
                return self._publish(episode)
        except Timeout as error:
            raise TransientFailure(f"{self._folder}: another publisher is at work for {_LOCK_TIMEOUT_S} s") from error

    def _publish(self, episode: PublishableEpisode) -> Publication:
        problem: _Overtaken | None = None
        for attempt in range(_ATTEMPTS):
            try:
                return self._try_publish(episode, self._head())
            except _Overtaken as error:
                problem = error
                time.sleep(0.01 * attempt)
        raise TransientFailure(f"{self._branch} could not be moved in {_ATTEMPTS} attempts: {problem}") from problem

    def _try_publish(self, episode: PublishableEpisode, head: _Head) -> Publication:
        """One attempt on top of `head`. Raises _Overtaken when another publisher was faster."""
        number = self._number(episode, head)
        path = episode_path(self._posts_folder, episode.series, number)
        tree = self._write_tree(head.commit, path, _files(episode, number, path))
        if head.commit and tree == git_text(self._folder, "rev-parse", f"{head.commit}^{{tree}}"):
            places = _places(path)
            commit = git_text(
                self._folder, "log", "-1", "--no-show-signature", "--format=%H", head.commit, "--", *places
            )
            return Publication(episode.series, number, commit, path, changed=False)
        commit = self._commit(tree, head.commit, episode, number)
        behind = self._files_behind()
        before = behind.get(path, head.commit)
        self._refuse_unsaved_edits(path, [before, head.commit, commit])
        self._note_files_behind({**behind, path: before})
        try:
            # An empty old value means that the branch must not exist yet.
            run_git(self._folder, ["update-ref", f"refs/heads/{self._branch}", commit, head.commit or ""])
        except GitError as error:
            # Another publisher was faster, or holds the branch's lock: either way this attempt changed nothing.
            self._note_files_behind(behind)
            raise _Overtaken(str(error)) from error
        self._bring_work_tree_along()
        return Publication(episode.series, number, commit, path, changed=True)

    def _number(self, episode: PublishableEpisode, head: _Head) -> int:
        own = head.numbers.get((episode.series, episode.day))
        return head.highest.get(episode.series, 0) + 1 if own is None else own

    def _head_commit(self) -> str | None:
        reference = f"refs/heads/{self._branch}"
        found = git_text(self._folder, "for-each-ref", "--format=%(objectname)", reference)
        return found or None

    def _head(self) -> _Head:
        commit = self._head_commit()
        if commit is None:
            return _Head(None, {}, {})
        listed = set(self.list_files(commit))
        posts = {path: match for path in sorted(listed) if (match := self._episode.fullmatch(path))}
        highest: dict[str, int] = {}
        for match in posts.values():
            highest[match["series"]] = max(highest.get(match["series"], 0), int(match["number"]))
        # A post without a claim ledger is somebody else's, whatever it says of itself: its number is taken, its day
        # is not, and its file is left alone.
        own = [path for path in posts if _ledger_path(path) in listed]
        days = {path: _day_of(text) for path, text in self.read_files(commit, own).items()}
        numbers = {(posts[path]["series"], day): int(posts[path]["number"]) for path, day in days.items() if day}
        return _Head(commit, numbers, highest)

    def read_files(self, commit: str, paths: list[str]) -> dict[str, str]:
        """Texts of files at a commit."""
        request = "".join(f"{commit}:{path}\n" for path in paths).encode(errors="surrogateescape")
        output = run_git(self._folder, ["cat-file", "--batch"], stdin=request)
        texts: dict[str, str] = {}
        position = 0
        for path in paths:
            end = output.index(b"\n", position)
            size = int(output[position:end].split()[2])
            texts[path] = output[end + 1 : end + 1 + size].decode(errors="replace")
            position = end + 1 + size + 1
        return texts

    def list_files(self, commit: str) -> list[str]:
        """Every path of the commit's tree."""
        listed = run_git(self._folder, ["ls-tree", "-r", "-z", "--name-only", commit])
        return [path for path in listed.decode(errors="surrogateescape").split("\0") if path]

    def _write_tree(self, parent: str | None, path: str, files: Mapping[str, str]) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            gone: list[str] = []
            if parent:
                run_git(self._folder, ["read-tree", parent], environment=index)
                gone = [name for name in self._blobs(parent, _places(path)) if name not in files]
            # Mode 0 removes. Not `git rm`: that needs a work tree, which a bare repository does not have.
            entries = [f"0 {'0' * len(parent or '')}\t{name}\0" for name in gone]
            entries += [f"100644 {self._blob(text)}\t{name}\0" for name, text in files.items()]
            given = "".join(entries).encode()
            run_git(self._folder, ["update-index", "-z", "--index-info"], stdin=given, environment=index)
            return run_git(self._folder, ["write-tree"], environment=index).decode().strip()

    def _blob(self, text: str) -> str:
        return run_git(self._folder, ["hash-object", "-w", "--stdin"], stdin=text.encode()).decode().strip()

    def _commit(self, tree: str, parent: str | None, episode: PublishableEpisode, number: int) -> str:
        message = commit_message(
            series=episode.series,
            number=number,
            title=episode.title,
            confidence=episode.confidence,
            correlation=episode.correlation,
            draft_cost_usd=episode.cost_usd,
            run_id=episode.run_id,
        )
        arguments = ["commit-tree", tree, *(["-p", parent] if parent else [])]
        made = run_git(self._folder, arguments, stdin=message.encode(), environment=self._identity)
        return made.decode().strip()

    # The work tree follows the ref. What is behind is noted before the ref moves, so that a publisher that is
    # killed between the two is finished by the next one. A file that holds neither what was committed before nor
    # what is now was edited by somebody: it is never overwritten.

    def _refuse_unsaved_edits(self, path: str, commits: Sequence[str | None]) -> None:
        if self._has_work_tree() and (edited := self._edited(path, commits)):
            remedy = "commit or discard them, then publish again"
            raise PermanentFailure(f"{self._folder / edited[0]} has changes that are not committed: {remedy}")

    def _edited(self, path: str, commits: Sequence[str | None]) -> list[str]:
        """Files of the episode whose content, in the work tree or staged, stands in none of these commits."""
        known: dict[str, set[str]] = {}
        for commit in commits:
            for name, blob in self._blobs(commit, _places(path)).items():
                known.setdefault(name, set()).add(blob)
        present = [name for name in known if (self._folder / name).is_file()]
        hashed = run_git(self._folder, ["hash-object", "--", *present]).decode().split() if present else []
        staged = [line.split("\t", 1) for line in self._lines("ls-files", "-s", "-z", "--", *known)] if known else []
        found = [*zip(present, hashed, strict=True), *((name, fields.split()[1]) for fields, name in staged)]
        return [name for name, blob in found if blob not in known[name]]

    def _blobs(self, commit: str | None, places: Sequence[str]) -> dict[str, str]:
        """Blob by path below these places of a commit."""
        if commit is None:
            return {}
        entries = (entry.split("\t", 1) for entry in self._lines("ls-tree", "-r", "-z", commit, "--", *places))
        return {name: fields.split()[2] for fields, name in entries}

    def _lines(self, *arguments: str) -> list[str]:
        listed = run_git(self._folder, arguments).decode(errors="surrogateescape")
        return [line for line in listed.split("\0") if line]

    def _files_behind(self) -> dict[str, str | None]:
        """Episodes whose files in the work tree may still be those of an older commit, with that commit."""
        try:
            stored = json.loads(self._behind_note().read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}  # nothing is behind, or the machine went down while the note was written
        return {str(path): before for path, before in stored.items()}

    def _note_files_behind(self, behind: Mapping[str, str | None]) -> None:
        note = self._behind_note()
        if not behind:
            note.unlink(missing_ok=True)
            return
        written = note.with_suffix(".new")
        written.write_text(json.dumps(behind), encoding="utf-8")
        written.replace(note)

    def _bring_work_tree_along(self) -> None:
        behind = self._files_behind()
        left = {path: before for path, before in behind.items() if not self._bring_along(path, before)}
        if left != behind:
            self._note_files_behind(left)

    def _bring_along(self, path: str, before: str | None) -> bool:
        """Whether the episode's files in the work tree are now those of the branch, or somebody's edits."""
        head = self._head_commit()
        if head is None or not self._has_work_tree():
            return True
        wanted, former = self._blobs(head, _places(path)), self._blobs(before, _places(path))
        gone = [name for name in former if name not in wanted]
        # What was dropped from the episode is removed only where the index still lists it.
        dropped = self._lines("ls-files", "-z", "--", *gone) if gone else []
        edited = self._edited(path, [before, head])
        files = [name for name in (*wanted, *dropped) if name not in edited]
        return not files or self._restore(files)

    def _restore(self, files: Sequence[str]) -> bool:
        """Whether index and work tree could follow; False while another git holds the index."""
        lock = self._git_folder() / "index.lock"
        give_up_at = time.monotonic() + _INDEX_LOCK_WAIT_S
        while lock.exists() and time.monotonic() < give_up_at and not _is_stale(lock):
            time.sleep(0.05)
        if _is_stale(lock):
            lock.unlink(missing_ok=True)
        try:
            run_git(self._folder, ["restore", "--source=HEAD", "--staged", "--worktree", "--", *files])
        except GitError:
            if not lock.exists():
                raise
            return False
        return True

    def _has_work_tree(self) -> bool:
        """Whether files lie beside the repository, with the branch checked out."""
        if git_text(self._folder, "rev-parse", "--is-bare-repository") == "true":
            return False
        return git_text(self._folder, "branch", "--show-current") == self._branch

    def _behind_note(self) -> Path:
        return self._git_folder() / "muse-behind.json"

    def _git_folder(self) -> Path:
        return Path(git_text(self._folder, "rev-parse", "--absolute-git-dir"))

    def _prepare(self) -> None:
        """Make the repository where there is none; of several processes that do so at once, one succeeds."""
        if (self._folder / ".git").exists() or (self._folder / "HEAD").exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        # Made aside and moved into place whole: `git init` in place shows others a repository that is none yet.
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".muse-init-") as scratch:
            run_git(self._folder, ["init", "-q", "-b", self._branch, scratch])
            try:
                (Path(scratch) / ".git").rename(self._folder / ".git")
            except OSError:
                if not (self._folder / ".git").exists():
                    raise


def _places(path: str) -> tuple[str, str, str]:
    """Where an episode's files lie: Markdown, ledger, charts with their data."""
    return path, _ledger_path(path), path.removesuffix(".md") + "/"


def _ledger_path(path: str) -> str:
    return path.removesuffix(".md") + ".claims.json"


def _is_stale(lock: Path) -> bool:
    try:
        return time.time() - lock.stat().st_mtime > _STALE_INDEX_LOCK_S
    except FileNotFoundError:
        return False


def _files(episode: PublishableEpisode, number: int, path: str) -> dict[str, str]:
    markdown, ledger = number_episode(episode.canonical, episode.ledger, number)
    stem = path.removesuffix(".md")
    charts = {f"{stem}/{name}": svg for name, svg in episode.charts.items()}
    return {path: markdown, _ledger_path(path): ledger_text(ledger), **charts}


def _day_of(text: str) -> date | None:
    """The day of an episode file; None for a post that is not in Muse's format."""
    try:
        return date.fromisoformat(str(read_front_matter(text).get("date"))[:10])
    except (EpisodeFormatError, ValueError):
        return None
