"""One believable day: planted series, the findings that come of them, and facts settled from evidence rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from muse_domain.composition import EpisodeInputs
from muse_domain.confidence import Confidence
from muse_domain.drafts import Draft, WritingTask
from muse_domain.fact_sheet import briefing, day_specs, finding_specs, subjects_of
from muse_domain.facts import EvidenceRow, Fact, FactSpec, settle
from muse_domain.findings import DayFindings, Finding, find_day
from muse_domain.ports import Commit
from muse_domain.relations import Relation
from muse_domain.series import FloatArray, Series, SeriesKey
from muse_domain.settings import AnalysisSection, PolicySection
from muse_domain.subjects import Subject
from muse_domain.wording import offered_slots
from muse_resources.template_writer import TemplateWriter

DAY = date(2026, 9, 8)
START = datetime(2026, 8, 20, 3, 17, tzinfo=UTC)
RUNS, CHANGED = 39, 24
SUBJECTS_OF_COMMITS = ("Tidy the tokenizer, see ep-001 & www.example.org", "Grow the cache of attention keys")
ANALYSIS = AnalysisSection()
# Facts whose text is a word from a closed list of Muse's own: they decide how a phrase is built.
OUR_WORDS = frozenset({"state", "suspect_touches", "returned"})


def sha(number: int) -> str:
    """A commit's 40 hex digits."""
    return f"{number:04x}c0ffee" * 4


def commit(number: int, subject: str = "Work", *, at: datetime = START) -> Commit:
    """A commit of the measured repository."""
    return Commit("hearts", sha(number), at + timedelta(hours=number), "hash", subject, 1, 2, 3, ("a.py",))


COMMITS = tuple(commit(i, SUBJECTS_OF_COMMITS[i % 2], at=START - timedelta(hours=1)) for i in range(RUNS))


def key(benchmark: str, metric: str = "latency_p50_ms", unit: str = "ms", better: str = "lower") -> SeriesKey:
    """A series on the usual machine."""
    return SeriesKey(benchmark, "llama-3.1-8b", "q4_k_m", None, metric, unit, better, "a1b2c3d4e5f60718")


def series(
    which: SeriesKey,
    values: Sequence[float] | FloatArray,
    *,
    start: datetime = START,
    every: timedelta = timedelta(hours=12),
    commits: Sequence[str | None] | None = None,
    formats: Sequence[str] | None = None,
) -> Series:
    """Values measured at regular times, each on its own commit unless told otherwise."""
    count = len(values)
    return Series(
        which,
        tuple(start + every * i for i in range(count)),
        np.asarray(values, dtype=np.float64),
        tuple(commits) if commits is not None else tuple(sha(i) for i in range(count)),
        tuple(formats) if formats is not None else ("pytest_benchmark",) * count,
    )


def planted(seed: int, before: float, after: float, noise: float, count: int = RUNS, at: int = CHANGED) -> FloatArray:
    """A history whose level changes at index `at`."""
    levels = np.where(np.arange(count) < at, before, after)
    return levels + np.random.default_rng(seed).normal(0.0, noise, count)


@cache
def planted_series() -> tuple[Series, ...]:
    """Three series that changed and one that did not: a regression, an improvement, a change of memory."""
    return (
        series(key("bench/test_decode.py::test_decode"), planted(1, 12.1, 14.3, 0.2)),
        series(key("generate_8b", "tokens_per_sec", "tokens/s", "higher"), planted(2, 41.0, 46.5, 0.5)),
        series(key("load_pack", "memory_peak_mb", "MB", "lower"), planted(3, 1810.0, 1540.0, 12.0)),
        series(key("quiet_one"), planted(4, 5.0, 5.0, 0.1)),
    )


@cache
def day_findings() -> DayFindings:
    """What the day's look at the planted series gives."""
    return find_day(DAY, planted_series(), COMMITS, (), ANALYSIS)


def findings() -> tuple[Finding, ...]:
    """The day's findings: f1 latency, a regression; f2 memory, an improvement; f3 throughput, an improvement."""
    return day_findings().findings


def evidence_row(number: int, **columns: Any) -> EvidenceRow:
    """One evidence row; what is not named is plain."""
    plain: dict[str, Any] = {
        "table": "bench_runs",
        "row_id": f"row-{number:04d}",
        "ts": START + timedelta(hours=number),
        "commit_sha": sha(number),
        "source": f"reports/{number}.json",
        "segment": "",
        "value": None,
        "pair": None,
        "text": None,
    }
    return EvidenceRow(**{**plain, **columns})


def evidence_of(spec: FactSpec) -> list[EvidenceRow]:
    """The rows that a warehouse would give for a fact of this day."""
    return _EVIDENCE[spec.query](spec)


def _by_id(spec: FactSpec) -> Finding:
    return next(finding for finding in findings() if finding.finding_id == spec.subject)


def _finding_text(spec: FactSpec) -> list[EvidenceRow]:
    finding = _by_id(spec)
    metrics = {
        "latency_p50_ms": "median latency",
        "tokens_per_sec": "tokens per second",
        "memory_peak_mb": "peak memory",
    }
    texts = {
        "name": finding.key.benchmark.rsplit("::", 1)[-1],
        "full_name": finding.key.label,
        "metric": metrics[finding.key.metric],
        "changed_at": finding.changed_at.isoformat(),
        "first_bad_commit": finding.first_bad_commit,
        "state": str(finding.state),
        "suspect": finding.suspects[0].sha,
        "suspect_touches": str(finding.suspects[0].touched),
        "suspect_path": finding.suspects[0].path,
    }
    return [evidence_row(0, table="findings", text=texts[str(spec.parameters["field"])])]


def _finding_value(spec: FactSpec) -> list[EvidenceRow]:
    finding = _by_id(spec)
    near, far = sorted((finding.interval_low_pct, finding.interval_high_pct), key=abs)
    values = {"p_value": finding.p_value, "interval_near": near, "interval_far": far}
    return [evidence_row(0, table="findings", value=values[str(spec.parameters["field"])])]


def _segments(spec: FactSpec) -> list[EvidenceRow]:
    finding = _by_id(spec)
    measured = next(one for one in planted_series() if one.key == finding.key)
    return [
        evidence_row(i, ts=ts, value=float(value), segment="before" if ts < finding.changed_at else "after")
        for i, (ts, value) in enumerate(zip(measured.ts, measured.values, strict=True))
        if ts >= finding.segment_start
    ]


def _pairs(spec: FactSpec) -> list[EvidenceRow]:
    rng = np.random.default_rng(7)
    base = rng.normal(12.0, 1.0, 96)
    other = base * 9.0 + rng.normal(0.0, 6.0, 96)
    return [evidence_row(i, value=float(a), pair=float(b)) for i, (a, b) in enumerate(zip(base, other, strict=True))]


def _suspects(spec: FactSpec) -> list[EvidenceRow]:
    return [evidence_row(i, table="commits", value=1.0) for i, _ in enumerate(_by_id(spec).suspect_commits)]


def _subject_line(spec: FactSpec) -> list[EvidenceRow]:
    found = next(one for one in COMMITS if one.sha == spec.parameters["commit_sha"])
    return [evidence_row(0, table="commits", text=found.subject)]


_EVIDENCE: Mapping[str, Callable[[FactSpec], list[EvidenceRow]]] = {
    "day_date": lambda spec: [evidence_row(0, table="watcher_runs", text=DAY.isoformat())],
    "day_runs": lambda spec: [evidence_row(i, value=1.0, text="llama-3.1-8b") for i in range(8)],
    "day_series": lambda spec: [evidence_row(i, table="series_checks", value=1.0) for i in range(4)],
    "day_commits": lambda spec: [evidence_row(i, table="commits", value=1.0) for i in range(5)],
    "measured_commits": lambda spec: [evidence_row(i, text=sha(i)) for i in range(3)],
    "day_p95": lambda spec: [evidence_row(i, value=21.0 + i / 10) for i in range(5)],
    "day_sessions": lambda spec: [evidence_row(0, table="ui_events", value=1312.0)],
    "day_user_latency": lambda spec: [evidence_row(0, table="ui_events", value=118.4, pair=9000.0)],
    "user_latency_before": lambda spec: [evidence_row(0, table="ui_events", value=104.2, pair=52000.0)],
    "left_out_runs": lambda spec: [evidence_row(i, value=1.0) for i in range(11 if spec.subject == "f3" else 0)],
    "finding_text": _finding_text,
    "finding_value": _finding_value,
    "series_segments": _segments,
    "hourly_pairs": _pairs,
    "suspect_commits": _suspects,
    "commit_subject": _subject_line,
    "day_override": lambda spec: [],
}


QUERIES = tuple(_EVIDENCE)


def specs() -> list[FactSpec]:
    """Every fact of the day; the latency's relation to users may be claimed."""
    claimable = Relation(0.8, 0.5, 0.9, 96)
    relations = {one.finding_id: claimable if one.key.unit == "ms" else None for one in findings()}
    return [*day_specs(DAY), *(s for one in findings() for s in finding_specs(one, DAY, relations[one.finding_id]))]


@cache
def sheet() -> Mapping[str, Fact]:
    """The day's fact sheet."""
    return {spec.fact_id: settle(spec, evidence_of(spec)) for spec in specs()}


@cache
def evidence() -> Mapping[str, Sequence[EvidenceRow]]:
    """The rows behind every fact."""
    return {spec.fact_id: evidence_of(spec) for spec in specs()}


def subjects() -> list[Subject]:
    """The licences of the day's findings."""
    return subjects_of(findings())


def writing_task(facts: Mapping[str, Fact] | None = None) -> WritingTask:
    """What the writer of the day is given."""
    known = sheet() if facts is None else facts
    return WritingTask(DAY.isoformat(), briefing(findings()), known, offered_slots(known))


@cache
def template_draft() -> Draft:
    """What the template writer makes of the day."""
    outcome = TemplateWriter().write(writing_task())
    assert isinstance(outcome, Draft)
    return outcome


@dataclass(frozen=True)
class Texts:
    """The four texts of a draft, to be changed one by one."""

    title: str
    what_changed: str
    why_it_matters: str
    next_steps: str

    def draft(self) -> Draft:
        """As a writer would hand it in."""
        return Draft(self.title, self.what_changed, self.why_it_matters, self.next_steps, writer="test")


def inputs(**changes: Any) -> EpisodeInputs:
    """All that the day's episode is composed from."""
    plain: dict[str, Any] = {
        "day": DAY,
        "run_id": "0b9ac1de-5cf7-5d2e-8a39-0d3f9f7c1a55",
        "draft": template_draft(),
        "sheet": sheet(),
        "findings": findings(),
        "confidence": Confidence(1.0, 0.97, 0.95, 0.95),
        "policy": PolicySection(),
        "published_series": None,
        "sample": False,
    }
    return EpisodeInputs(**{**plain, **changes})
