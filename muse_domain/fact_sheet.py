"""Which facts a day's episode may state: every one a query, its parameters and a reducer."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from muse_domain.days import day_end, day_start
from muse_domain.facts import Fact, FactSpec, bound_instant
from muse_domain.findings import Finding
from muse_domain.relations import Relation
from muse_domain.rendering import OVERRIDE_FACT
from muse_domain.subjects import Subject

RELATION_DAYS = 7

# An interval, and a relation whose interval excludes zero, are supported at the level of the interval.
INTERVAL_LEVEL = 0.95


def day_specs(day: date) -> list[FactSpec]:
    """Facts about the day as a whole; users' facts are absent where no events were recorded."""
    at: dict[str, str | int | float | None] = {"day": day.isoformat()}
    return [
        FactSpec("day.date", "day", "day_date", at, "single", "date"),
        FactSpec("day.runs", "day", "day_runs", at, "count", "run"),
        FactSpec("day.series_checked", "day", "day_series", at, "count", "series"),
        FactSpec("day.commits", "day", "day_commits", at, "count", "commit"),
        FactSpec("day.hearts_commit", "day", "measured_commits", at, "last", "commit"),
        FactSpec("day.models", "day", "day_runs", at, "distinct", "list"),
        FactSpec("day.latency_p95", "day", "day_p95", at, "median", "ms"),
        FactSpec("day.sessions", "day", "day_sessions", at, "single", "session"),
        FactSpec("day.user_latency", "day", "day_user_latency", at, "single", "ms"),
        FactSpec("day.user_latency_before", "day", "user_latency_before", _days_before(day), "single", "ms"),
        # Why a person let the day through although the watcher objected. Of no subject that a writer may tell of.
        FactSpec(OVERRIDE_FACT, "gate", "day_override", at, "single", "quote"),
    ]


def _days_before(day: date) -> dict[str, str | int | float | None]:
    """The seven days before `day`; the fact is absent unless each of them has events."""
    first, last = day - timedelta(days=RELATION_DAYS), day - timedelta(days=1)
    return {"first": first.isoformat(), "last": last.isoformat()}


def finding_specs(finding: Finding, day: date, relation: Relation | None, *, named: str = "name") -> list[FactSpec]:
    """Facts about one finding. Its relation to users is offered only where it may be claimed.

    `named` is the field that prose calls it by: `name`, or `full_name` where two of the day's findings share the short
    one (see `names_of`).
    """
    stored: dict[str, str | int | float | None] = {"day": day.isoformat(), "finding_id": finding.finding_id}
    build = _Specs(finding.finding_id, finding.direction)
    specs = [
        build.text("name", stored, named, "code"),
        build.text("full_name", stored, "full_name", "code"),
        build.text("metric", stored, "metric", "words"),
        build.text("changed_at", stored, "changed_at", "instant"),
        build.text("commit", stored, "first_bad_commit", "commit"),
        build.number("low", stored, "interval_near", "%"),
        build.number("high", stored, "interval_far", "%"),
        *build.segments(segment_parameters(finding), finding.key.unit, _support(finding)),
        FactSpec(build.id("suspects"), build.subject, "suspect_commits", stored, "sum", "commit"),
    ]
    specs.append(build.left_out(finding))
    if finding.p_value is not None:
        specs.append(build.number("p_value", stored, "p_value", "p"))
    specs += build.life(finding, stored)
    if finding.cause == "noise" and finding.last_good_commit:
        # Not the commit of the new level: a vague place may have another one's runs in it.
        specs.append(build.text("same_commit", stored, "last_good_commit", "commit"))
    if finding.cause == "unknown":
        specs += [build.text(field, stored, field, "words") for field in ("cause", "cause_reason")]
    if finding.suspects:
        specs += [
            build.text("suspect", stored, "suspect", "commit"),
            build.text("suspect_touches", stored, "suspect_touches", "words"),
            build.text("suspect_path", stored, "suspect_path", "code"),
        ]
    if finding.first_bad_commit:
        subject = {"commit_sha": finding.first_bad_commit}
        specs.append(
            FactSpec(build.id("commit_subject"), build.subject, "commit_subject", subject, "single", "subject")
        )
    if relation is not None and relation.is_claimable:
        specs += build.relation(relation_parameters(finding, day), INTERVAL_LEVEL)
    return specs


_TRAILING_DETAILS = re.compile(r" \([^()]*\)$")


def names_of(findings: Sequence[Finding]) -> dict[str, str]:
    """Which name prose gives to each finding, by its id: the short one, unless it would mean two series."""
    labels: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        labels[_short_name(finding)].add(finding.key.label)
    return {one.finding_id: "full_name" if len(labels[_short_name(one)]) > 1 else "name" for one in findings}


def _short_name(finding: Finding) -> str:
    """As `finding_text.sql` makes it."""
    return _TRAILING_DETAILS.sub("", finding.key.benchmark.rsplit("::", 1)[-1])


@dataclass(frozen=True, slots=True)
class _Specs:
    """Specs of one subject."""

    subject: str
    direction: str

    def id(self, name: str) -> str:
        return f"{self.subject}.{name}"

    def text(self, name: str, stored: Mapping[str, Any], field: str, unit: str) -> FactSpec:
        return FactSpec(self.id(name), self.subject, "finding_text", {**stored, "field": field}, "single", unit)

    def number(self, name: str, stored: Mapping[str, Any], field: str, unit: str) -> FactSpec:
        parameters = {**stored, "field": field}
        return FactSpec(
            self.id(name), self.subject, "finding_value", parameters, "single", unit, "estimated", INTERVAL_LEVEL
        )

    def segments(self, parameters: Mapping[str, Any], unit: str, support: float) -> list[FactSpec]:
        query = "series_segments"
        return [
            FactSpec(self.id("before"), self.subject, query, parameters, "median:before", unit),
            FactSpec(self.id("after"), self.subject, query, parameters, "median:after", unit),
            FactSpec(self.id("n_before"), self.subject, query, parameters, "count:before", "run"),
            FactSpec(self.id("n_after"), self.subject, query, parameters, "count:after", "run"),
            FactSpec(
                self.id("change"), self.subject, query, parameters, "change_pct", "%",
                "estimated", round(support, 4), self.direction,
            ),
        ]  # fmt: skip

    def life(self, finding: Finding, stored: Mapping[str, Any]) -> list[FactSpec]:
        """How the shift stands, and what earlier days told of it or of the one that it undoes."""
        specs = [self.text("state", stored, "state", "words")]
        if finding.told_on:
            after = bound_instant(day_end(finding.told_on))
            since = {**segment_parameters(finding), "segment_start": after, "changed_at": after}
            specs.append(self.text("told_on", stored, "told_on", "date"))
            specs.append(FactSpec(self.id("n_since"), self.subject, "series_segments", since, "count:after", "run"))
        if finding.returned_on:
            specs.append(self.text("returned", stored, "returned", "words"))
            specs.append(self.text("returned_on", stored, "returned_on", "date"))
        return specs

    def left_out(self, finding: Finding) -> FactSpec:
        """Runs of the window in another environment or an unnamed one; absent where there are none."""
        parameters = {
            **series_parameters(finding),
            "start": bound_instant(finding.window_start),
            "end": bound_instant(finding.window_end),
        }
        return FactSpec(self.id("left_out"), self.subject, "left_out_runs", parameters, "count_any", "run")

    def relation(self, parameters: Mapping[str, Any], support: float) -> list[FactSpec]:
        query = "hourly_pairs"
        return [
            FactSpec(self.id("relation"), self.subject, query, parameters, "spearman", "rho", "estimated", support),
            FactSpec(self.id("relation_hours"), self.subject, query, parameters, "count", "hour"),
        ]


def _support(finding: Finding) -> float:
    """How sure the size is: of a shift, as sure as that there is one; of none, as its interval."""
    return INTERVAL_LEVEL if finding.q_value is None else 1.0 - finding.q_value


def segment_parameters(finding: Finding) -> dict[str, str | int | float | None]:
    """Parameters of `series_segments`: the runs of the two levels that the finding compares."""
    return {
        **series_parameters(finding),
        "segment_start": bound_instant(finding.segment_start),
        "changed_at": bound_instant(finding.changed_at),
        "segment_end": bound_instant(finding.window_end),
    }


def relation_parameters(finding: Finding, day: date) -> dict[str, str | int | float | None]:
    """Parameters of `hourly_pairs`: the series beside the users' latency over the trailing week."""
    return {
        **series_parameters(finding),
        "start": bound_instant(day_start(day - timedelta(days=RELATION_DAYS - 1))),
        "end": bound_instant(day_end(day)),
    }


def series_parameters(finding: Finding) -> dict[str, str | int | float | None]:
    """Query parameters that name the finding's series."""
    key = finding.key
    return {
        "benchmark": key.benchmark,
        "model": key.model or "",
        "quant": key.quant or "",
        "dataset": key.dataset or "",
        "metric": key.metric,
        "unit": key.unit,
        "environment": key.environment or "",
    }


def subjects_of(findings: Iterable[Finding]) -> list[Subject]:
    """The licences that the day's findings give to words."""
    return [Subject(one.finding_id, one.direction, _proven_effect(one), one.key.unit) for one in findings]


def _proven_effect(finding: Finding) -> str:
    """What may be said of it: what noise moved, or another way of measuring, got neither better nor worse."""
    return "change" if finding.cause in ("noise", "method") else finding.effect


def briefing(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """What a writer is told of each finding besides its facts."""
    return [
        {
            "subject": finding.finding_id,
            "direction": finding.direction,
            "effect": _proven_effect(finding),
            "cause": finding.cause,
            "state": str(finding.state),
            "is_told_again": finding.told_on is not None,
            "suspects": len(finding.suspect_commits),
            "is_in_week": finding.last_before >= finding.window_end - timedelta(days=RELATION_DAYS),
        }
        for finding in findings
    ]


def null_reasons(sheet: Mapping[str, Fact]) -> dict[str, str]:
    """Why a front-matter field is null, for the fields that may be."""
    reasons = {
        "commit_sha": ("day.hearts_commit", "no run of this day names the measured commit"),
        "latency_ms_p95": (
            "day.latency_p95",
            "no benchmark alone, on one model and in one environment, has a p95 from at least 20 samples on this day",
        ),
    }
    return {
        key: reason
        for key, (fact_id, reason) in reasons.items()
        if sheet[fact_id].value is None and sheet[fact_id].text is None
    }
