"""A source repository as a local git clone."""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from muse_domain.ports import Commit, SourceUnreachable
from muse_resources.git_command import GitError, git_text, run_git

# NUL is the one character that no field of a commit can hold: a subject cannot forge a record.
_FORMAT = "--format=%x00%H%x00%P%x00%ct%x00%ae%x00%s%x00"
_FIELDS = 6
# Paths kept of one commit: enough to rank suspects, bounded for a commit that touches everything.
LONGEST_PATHS = 200


class LocalGitRepository:
    """Commits of one branch of a clone. Author addresses are hashed with `hash_key`, or dropped without one."""

    def __init__(self, name: str, folder: Path, branch: str, hash_key: str | None) -> None:
        self._name = name
        self._folder = folder
        self._branch = branch
        self._hash_key = hash_key

    def commits(self, start: datetime, end: datetime) -> list[Commit]:
        """Commits with start <= committed_at < end, oldest first. Raises SourceUnreachable."""
        # git's own --since stops at the first older commit of a line of history, and would hide everything behind
        # a commit whose clock was wrong: so all of history is listed, and only what lies in the span is read.
        with self._reachable():
            if not self._has_branch():
                return []
            history = git_text(self._folder, "log", "--no-show-signature", "--format=%ct %H", self._branch, "--")
            dated = (line.split() for line in history.splitlines())
            wanted = [sha for seconds, sha in dated if start.timestamp() <= int(seconds) < end.timestamp()]
            found = self._read(wanted)
        return sorted(found, key=lambda commit: (commit.committed_at, commit.sha))

    def head(self) -> Commit | None:
        """The newest commit of the branch; None while it has none. Raises SourceUnreachable."""
        with self._reachable():
            if not self._has_branch():
                return None
            return self._read([git_text(self._folder, "rev-parse", f"{self._branch}^{{commit}}")])[0]

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        if not self._folder.is_dir():
            raise SourceUnreachable(f"{self._folder} does not exist: clone repository {self._name} there")
        try:
            if git_text(self._folder, "rev-parse", "--show-prefix"):
                raise GitError(f"{self._folder} is a folder inside another repository: name the clone's own folder")
            yield
        except GitError as error:
            raise SourceUnreachable(str(error)) from error

    def _read(self, shas: Sequence[str]) -> list[Commit]:
        """The commits of these hashes, in any order."""
        if not shas:
            return []
        shown = ["--no-show-signature", "--numstat", "--no-renames", "--encoding=UTF-8", _FORMAT]
        given = "\n".join(shas).encode()
        text = run_git(self._folder, ["log", "--no-walk", "--stdin", *shown], stdin=given).decode(errors="replace")
        fields = text.split("\0")[1:]
        return [self._commit(*fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS)]

    def _has_branch(self) -> bool:
        """False for a repository without any commit; a missing branch beside others is an error."""
        try:
            git_text(self._folder, "rev-parse", "--verify", "--quiet", f"{self._branch}^{{commit}}")
        except GitError as error:
            if git_text(self._folder, "for-each-ref", "--count=1", "refs/heads", "refs/remotes"):
                remedy = f"set repositories.{self._name}.branch"
                raise GitError(f"{self._folder} has no branch {self._branch!r}: {remedy}") from error
            return False
        return True

    def _commit(self, sha: str, parents: str, seconds: str, author: str, subject: str, stats: str) -> Commit:
        changes = [line.split("\t") for line in stats.strip().splitlines() if line.count("\t") >= 2]
        return Commit(
            repository=self._name,
            sha=sha,
            committed_at=datetime.fromtimestamp(int(seconds), UTC),
            author_hash=self._hashed(author),
            subject=subject,
            files_changed=len(changes),
            insertions=sum(int(added) for added, _, _ in changes if added.isdigit()),
            deletions=sum(int(removed) for _, removed, _ in changes if removed.isdigit()),
            paths=tuple(path for _, _, path in changes[:LONGEST_PATHS]),
            parents=tuple(parents.split()),
        )

    def _hashed(self, author: str) -> str | None:
        if not self._hash_key:
            return None
        return hmac.new(self._hash_key.encode(), author.strip().lower().encode(), hashlib.sha256).hexdigest()[:16]
