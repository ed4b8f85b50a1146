"""A small workspace around any present: one measured repository, its reports, nothing else; all of it real."""

import json
import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from random import Random

from tests.workspaces import git

SETTINGS = """
[muse]
title = "Live"
start_date = {start}

[repositories.hearts]
path = "engine"
grace_minutes = {grace_minutes}

[[reports]]
files = "reports/*.json"
repository = "hearts"

[warehouse]
folder = "warehouse"

[blog]
path = "blog"

[site]
folder = "site"

[dagster]
home = "dagster"
{more}
"""


@dataclass(frozen=True, slots=True)
class LiveWorkspace:
    """What a team does to its repository and reports."""

    folder: Path

    def commit(self, at: datetime, subject: str = "Change") -> str:
        """Commit at that instant; returns the hash."""
        author = ("-c", "user.name=Sample", "-c", "user.email=sample@example.org")
        dates = {"GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
        git(self.engine, *author, "commit", "-q", "--allow-empty", "-m", subject, **dates)
        return git(self.engine, "rev-parse", "HEAD")

    def report(self, sha: str, at: datetime, median_ms: float = 0.24, **others_ms: float) -> Path:
        """Measure a commit at that instant: `decode`, and other benchmarks by their names."""
        medians_ms = {"decode": median_ms, **others_ms}
        report = {
            "machine_info": {"machine": "x86_64", "system": "Linux", "cpu": {"brand_raw": "Xeon", "count": 2}},
            "commit_info": {"id": sha, "dirty": False},
            "benchmarks": [_benchmark(name, median / 1000.0) for name, median in medians_ms.items()],
            "datetime": at.replace(tzinfo=None).isoformat(),
            "version": "4.0.0",
        }
        file = self.folder / "reports" / f"{at:%Y%m%dT%H%M%S}-{sha[:7]}.json"
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(report), encoding="utf-8")
        # Long enough ago that it counts as whole.
        os.utime(draft, (file_time := draft.stat().st_mtime - 60, file_time))
        draft.replace(file)
        return file

    @property
    def engine(self) -> Path:
        """The measured repository."""
        return self.folder / "engine"


def _benchmark(name: str, median: float) -> object:
    stats = {"mean": median, "median": median, "min": median * 0.9, "max": median * 1.1, "stddev": median / 50,
             "rounds": 40, "ops": 1 / median, "iterations": 1}  # fmt: skip
    return {"fullname": f"t.py::{name}", "stats": stats, "extra_info": {}}


def noisy_ms(around_ms: float, seed: int) -> float:
    """A measurement with one percent of noise."""
    return around_ms * (1 + Random(seed).uniform(-0.01, 0.01))


def live_workspace(folder: Path, start: date, *, grace_minutes: int = 5, more: str = "") -> LiveWorkspace:
    """A new workspace whose log starts on that day, with an empty repository and no reports."""
    (folder / "reports").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main", "engine")
    settings = SETTINGS.format(start=start, grace_minutes=grace_minutes, more=more)
    (folder / "muse.toml").write_text(settings, encoding="utf-8")
    return LiveWorkspace(folder)
