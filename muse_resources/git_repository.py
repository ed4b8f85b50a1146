"""A source repository as a local git clone."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

from muse_domain.ports import Commit, SourceUnreachable
from muse_resources.git_command import GitError, git_text, run_git

_RECORD, _FIELD = "\x1e", "\x1f"
_FORMAT = f"--format={_RECORD}%H{_FIELD}%ct{_FIELD}%ae{_FIELD}%s{_FIELD}"
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
        # git's own limits stop at the first older commit of a line of history; a margin of a day and the exact
        # filter below keep commits whose clocks ran ahead of their parents'.
        since = int((start - timedelta(days=1)).timestamp())
        text = self._log([f"--since={since}", f"--until={int(end.timestamp())}"])
        found = [self._commit(record) for record in text.split(_RECORD) if record.strip()]
        return sorted(
            (commit for commit in found if start <= commit.committed_at < end),
            key=lambda commit: (commit.committed_at, commit.sha),
        )

    def head(self) -> Commit | None:
        """The newest commit of the branch; None while it has none. Raises SourceUnreachable."""
        records = [record for record in self._log(["-1"]).split(_RECORD) if record.strip()]
        return self._commit(records[0]) if records else None

    def _log(self, limits: list[str]) -> str:
        if not self._folder.is_dir():
            raise SourceUnreachable(f"{self._folder} does not exist: clone repository {self._name} there")
        try:
            if not self._has_branch():
                return ""
            arguments = ["log", "--no-show-signature", "--numstat", "--no-renames", _FORMAT, *limits, self._branch, "--"]
            return run_git(self._folder, arguments).decode(errors="replace")
        except GitError as error:
            raise SourceUnreachable(str(error)) from error

    def _has_branch(self) -> bool:
        """False for a repository without any commit; a missing branch beside others is an error."""
        try:
            git_text(self._folder, "rev-parse", "--verify", "--quiet", f"{self._branch}^{{commit}}")
        except GitError as error:
            if git_text(self._folder, "for-each-ref", "--count=1", "refs/heads", "refs/remotes"):
                raise GitError(f"{self._folder} has no branch {self._branch!r}: set repositories.{self._name}.branch") from error
            return False
        return True

    def _commit(self, record: str) -> Commit:
        sha, seconds, author, subject, stats = record.split(_FIELD, 4)
        changes = [line.split("\t") for line in stats.strip().splitlines() if line.count("\t") >= 2]
        return Commit(
            repository=self._name,
            sha=sha.strip(),
            committed_at=datetime.fromtimestamp(int(seconds), UTC),
            author_hash=self._hashed(author),
            subject=subject,
            files_changed=len(changes),
            insertions=sum(int(added) for added, _, _ in changes if added.isdigit()),
            deletions=sum(int(removed) for _, removed, _ in changes if removed.isdigit()),
            paths=tuple(path for _, _, path in changes[:LONGEST_PATHS]),
        )

    def _hashed(self, author: str) -> str | None:
        if not self._hash_key:
            return None
        return hmac.new(self._hash_key.encode(), author.strip().lower().encode(), hashlib.sha256).hexdigest()[:16]
