"""Domain objects from and to the rows that they are stored as."""

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any

from muse_domain.drafts import Draft
from muse_domain.findings import Finding, SeriesCheck
from muse_domain.life_cycle import State
from muse_domain.ports import Commit
from muse_domain.series import key_of
from muse_domain.suspects import Suspect, Touched

_KEY_COLUMNS = ("benchmark", "model", "quant", "dataset", "metric")
_FINDING_COLUMNS = (
    "finding_id", "window_start", "window_end", "segment_start", "last_before", "changed_at", "n_before", "n_after",
    "before_median", "after_median", "change_pct", "interval_low_pct", "interval_high_pct", "p_value", "q_value",
    "cause", "cause_reason", "last_good_commit", "first_bad_commit",
    "told_on", "told_as", "n_since", "returned_on", "returned_as",
)  # fmt: skip
DRAFT_TEXTS = ("title", "what_changed", "why_it_matters", "next_steps")


def finding_row(day: date, finding: Finding) -> dict[str, Any]:
    """A row of `findings`."""
    key = finding.key
    return {
        "day": day,
        **{column: getattr(finding, column) for column in _FINDING_COLUMNS},
        **{column: getattr(key, column) for column in _KEY_COLUMNS},
        "series_id": key.series_id,
        "unit": key.unit,
        "better": key.better,
        "environment_fingerprint": key.environment,
        "state": str(finding.state),
        "direction": finding.direction,
        "effect": finding.effect,
        "suspect_commits": [suspect.sha for suspect in finding.suspects],
        "suspect_touches": [str(suspect.touched) for suspect in finding.suspects],
        "suspect_paths": [suspect.path for suspect in finding.suspects],
    }


def finding_from_row(row: Mapping[str, Any]) -> Finding:
    """The finding of a `findings` row."""
    values = {column: row[column] for column in _FINDING_COLUMNS}
    return Finding(key=key_of(row), suspects=_suspects(row), state=State(row["state"]), **values)


def _suspects(row: Mapping[str, Any]) -> tuple[Suspect, ...]:
    # A finding that was stored before suspects were ranked names them without what they touch.
    touches = row["suspect_touches"] or [Touched.NOTHING] * len(row["suspect_commits"])
    paths = row["suspect_paths"] or [""] * len(row["suspect_commits"])
    listed = zip(row["suspect_commits"], touches, paths, strict=True)
    return tuple(Suspect(sha, Touched(touched), path) for sha, touched, path in listed)


def check_row(day: date, check: SeriesCheck) -> dict[str, Any]:
    """A row of `series_checks`."""
    key = check.key
    return {
        "day": day,
        "series_id": key.series_id,
        **{column: getattr(key, column) for column in _KEY_COLUMNS},
        "environment_fingerprint": key.environment,
        "points": check.points,
        "p_value": check.p_value,
        "outcome": str(check.outcome),
    }


def commit_row(commit: Commit) -> dict[str, Any]:
    """A row of `commits`."""
    return {
        "day": commit.committed_at.astimezone(UTC).date(),
        "ts": commit.committed_at,
        "repository": commit.repository,
        "commit_sha": commit.sha,
        "author_hash": commit.author_hash,
        "subject": commit.subject,
        "files_changed": commit.files_changed,
        "insertions": commit.insertions,
        "deletions": commit.deletions,
        "paths": list(commit.paths),
        "parents": list(commit.parents),
    }


def commit_from_row(row: Mapping[str, Any]) -> Commit:
    """The commit of a `commits` row."""
    return Commit(
        repository=row["repository"],
        sha=row["commit_sha"],
        committed_at=row["ts"],
        author_hash=row["author_hash"],
        subject=row["subject"],
        files_changed=row["files_changed"],
        insertions=row["insertions"],
        deletions=row["deletions"],
        paths=tuple(row["paths"]),
        parents=tuple(row["parents"]),
    )


def draft_row(day: date, run_id: str, draft: Draft, facts_hash: str) -> dict[str, Any]:
    """A row of `episode_drafts` for a draft that was written."""
    return {
        "day": day,
        "run_id": run_id,
        "outcome": "draft",
        "writer": draft.writer,
        "model": draft.model,
        "prompt_hash": draft.prompt_hash,
        "facts_hash": facts_hash,
        **{name: getattr(draft, name) for name in DRAFT_TEXTS},
        "tokens_in": draft.tokens_in,
        "tokens_out": draft.tokens_out,
        "cost_usd": draft.cost_usd,
        "reason": draft.reason,
    }


def absent_draft_row(day: date, run_id: str, outcome: str, reason: str, facts_hash: str) -> dict[str, Any]:
    """A row of `episode_drafts` for a day without a draft, saying why."""
    empty = Draft("", "", "", "", writer="")
    return {**draft_row(day, run_id, empty, facts_hash), "outcome": outcome, "reason": reason}


def draft_from_row(row: Mapping[str, Any]) -> Draft:
    """The draft of an `episode_drafts` row."""
    return Draft(
        **{name: str(row[name]) for name in DRAFT_TEXTS},
        writer=row["writer"],
        model=row["model"],
        prompt_hash=row["prompt_hash"],
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        cost_usd=row["cost_usd"],
        reason=row["reason"],
    )
