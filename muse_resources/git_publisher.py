"""The blog as a local git repository: it allocates numbers and takes each episode as one commit.

The number is taken from the tree at the branch's head when the commit is made; the compare-and-swap of the ref
decides between two publishers, and the loser takes the next number.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from filelock import FileLock

from muse_domain.episodes import (
    EpisodeFormatError,
    commit_message,
    episode_path,
    number_episode,
    read_front_matter,
)
from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import PublishableEpisode, Publication
from muse_resources.git_command import GitError, git_text, run_git
from muse_resources.ledger_text import ledger_text

_NO_COMMIT = "0" * 40
_ATTEMPTS = 20
_EPISODE = re.compile(r"posts/(?P<series>[a-z0-9_-]+)/ep-(?P<number>\d+)\.md$")


@dataclass(frozen=True, slots=True)
class _Head:
    commit: str | None
    days: Mapping[date, tuple[str, int]]


class LocalGitPublisher:
    """One branch of one local repository, made on first use."""

    def __init__(self, folder: Path, branch: str, posts_folder: str, author_name: str, author_email: str) -> None:
        self._folder = folder
        self._branch = branch
        self._posts_folder = posts_folder
        self._identity = {
            "GIT_AUTHOR_NAME": author_name,
            "GIT_AUTHOR_EMAIL": author_email,
            "GIT_COMMITTER_NAME": author_name,
            "GIT_COMMITTER_EMAIL": author_email,
        }

    def published_days(self) -> Mapping[date, tuple[str, int]]:
        """Series and number of every day's episode at the branch's head."""
        self._prepare()
        return self._head().days

    def head_commit(self) -> str | None:
        """The branch's newest commit; None before the first publication."""
        self._prepare()
        return self._head_commit()

    def publish(self, episode: PublishableEpisode) -> Publication:
        """Commit the episode; nothing is committed where the tree already holds it to the byte."""
        self._prepare()
        with FileLock(str(self._git_folder() / "muse.lock"), timeout=120):
            self._finish_interrupted_sync()
            for _ in range(_ATTEMPTS):
                publication = self._try_publish(episode, self._head())
                if publication:
                    return publication
        raise TransientFailure(f"{self._folder}: branch {self._branch} moved {_ATTEMPTS} times while publishing")

    def _try_publish(self, episode: PublishableEpisode, head: _Head) -> Publication | None:
        """One attempt on top of `head`; None when another publisher was faster."""
        number = self._number(episode, head)
        path = episode_path(self._posts_folder, episode.series, number)
        tree = self._write_tree(head.commit, path, _files(episode, number, path))
        if head.commit and tree == git_text(self._folder, "rev-parse", f"{head.commit}^{{tree}}"):
            commit = git_text(self._folder, "log", "-1", "--format=%H", head.commit, "--", path)
            return Publication(episode.series, number, commit, path, changed=False)
        self._refuse_unsaved_edits(path)
        commit = self._commit(tree, head.commit, episode, number)
        self._mark_sync(path)
        try:
            run_git(self._folder, ["update-ref", f"refs/heads/{self._branch}", commit, head.commit or _NO_COMMIT])
        except GitError:
            self._sync_mark().unlink(missing_ok=True)
            if self._head_commit() == head.commit:
                raise
            return None
        self._sync_work_tree(path)
        return Publication(episode.series, number, commit, path, changed=True)

    def _number(self, episode: PublishableEpisode, head: _Head) -> int:
        series, number = head.days.get(episode.day, (None, 0))
        if series == episode.series:
            return number
        taken = [taken for of_series, taken in head.days.values() if of_series == episode.series]
        return max(taken, default=0) + 1

    def _head_commit(self) -> str | None:
        reference = f"refs/heads/{self._branch}"
        found = git_text(self._folder, "for-each-ref", "--format=%(objectname)", reference)
        return found or None

    def _head(self) -> _Head:
        commit = self._head_commit()
        return _Head(commit, self._days(commit) if commit else {})

    def _days(self, commit: str) -> dict[date, tuple[str, int]]:
        listed = run_git(self._folder, ["ls-tree", "-r", "-z", "--name-only", commit]).decode().split("\0")
        paths = [path for path in listed if _EPISODE.search(path)]
        days: dict[date, tuple[str, int]] = {}
        for path, text in self.read_files(commit, paths).items():
            match = _EPISODE.search(path)
            day = _day_of(text)
            if match and day:
                days[day] = (match["series"], int(match["number"]))
        return days

    def read_files(self, commit: str, paths: list[str]) -> dict[str, str]:
        """Texts of files at a commit."""
        request = "".join(f"{commit}:{path}\n" for path in paths).encode()
        output = run_git(self._folder, ["cat-file", "--batch"], stdin=request)
        texts: dict[str, str] = {}
        position = 0
        for path in paths:
            end = output.index(b"\n", position)
            size = int(output[position:end].split()[2])
            texts[path] = output[end + 1 : end + 1 + size].decode()
            position = end + 1 + size + 1
        return texts

    def list_files(self, commit: str) -> list[str]:
        """Every path of the commit's tree."""
        listed = run_git(self._folder, ["ls-tree", "-r", "-z", "--name-only", commit]).decode()
        return [path for path in listed.split("\0") if path]

    def _write_tree(self, parent: str | None, path: str, files: Mapping[str, str]) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if parent:
                run_git(self._folder, ["read-tree", parent], environment=index)
                charts = path.removesuffix(".md") + "/"
                run_git(self._folder, ["rm", "-r", "-q", "--cached", "--ignore-unmatch", charts], environment=index)
            entries = "".join(f"100644 {self._blob(text)}\t{name}\n" for name, text in files.items())
            run_git(self._folder, ["update-index", "--add", "--index-info"], stdin=entries.encode(), environment=index)
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

    # The work tree follows the ref. A mark is left while it does, so that a publisher that is killed between
    # the two is finished by the next one, and a user's own edits are never taken for such a leftover.

    def _refuse_unsaved_edits(self, path: str) -> None:
        file = self._folder / path
        if not self._has_work_tree() or not file.exists():
            return
        if git_text(self._folder, "status", "--porcelain", "--", path):
            raise PermanentFailure(f"{file} has changes that are not committed: commit or discard them, then publish again")

    def _mark_sync(self, path: str) -> None:
        self._sync_mark().write_text(json.dumps(path))

    def _finish_interrupted_sync(self) -> None:
        mark = self._sync_mark()
        if mark.exists():
            # Only a publisher that died in the middle leaves the mark; the index lock beside it is its own.
            (self._git_folder() / "index.lock").unlink(missing_ok=True)
            self._sync_work_tree(json.loads(mark.read_text() or '""'))

    def _sync_work_tree(self, path: str) -> None:
        stem = path.removesuffix(".md")
        if path and self._has_work_tree() and self._head_commit():
            places = [place for place in (path, f"{stem}.claims.json", stem) if self._is_known(place)]
            if places:
                run_git(self._folder, ["restore", "--source=HEAD", "--staged", "--worktree", "--", *places])
        self._sync_mark().unlink(missing_ok=True)

    def _is_known(self, place: str) -> bool:
        return bool(git_text(self._folder, "ls-tree", "HEAD", "--", place))

    def _has_work_tree(self) -> bool:
        is_bare = git_text(self._folder, "rev-parse", "--is-bare-repository") == "true"
        return not is_bare and git_text(self._folder, "symbolic-ref", "--quiet", "HEAD") == f"refs/heads/{self._branch}"

    def _sync_mark(self) -> Path:
        return self._git_folder() / "muse-sync"

    def _git_folder(self) -> Path:
        return Path(git_text(self._folder, "rev-parse", "--absolute-git-dir"))

    def _prepare(self) -> None:
        """Make the repository where there is none. Two processes may do so at once: git init is idempotent."""
        if not (self._folder / ".git").exists() and not (self._folder / "HEAD").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            run_git(self._folder, ["init", "-q", "-b", self._branch])


def _files(episode: PublishableEpisode, number: int, path: str) -> dict[str, str]:
    markdown, ledger = number_episode(episode.canonical, episode.ledger, number)
    stem = path.removesuffix(".md")
    charts = {f"{stem}/{name}": svg for name, svg in episode.charts.items()}
    return {path: markdown, f"{stem}.claims.json": ledger_text(ledger), **charts}


def _day_of(text: str) -> date | None:
    """The day of an episode file; None for a post that is not in Muse's format (X-24)."""
    try:
        return date.fromisoformat(str(read_front_matter(text).get("date"))[:10])
    except (EpisodeFormatError, ValueError):
        return None
