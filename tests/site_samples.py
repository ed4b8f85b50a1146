"""Six believable episodes over two series, for the tests of the site and for looking at it."""

import hashlib
import random
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from statistics import median
from typing import Any, Literal

from muse_domain.charts.drawing import render_chart
from muse_domain.charts.model import ChartInterval, ChartPoint, FindingChart, Segment
from muse_domain.charts.table import chart_table
from muse_domain.charts.words import chart_alt_text
from muse_resources.site.model import PublishedEpisode

SQL = """SELECT
    ts,
    commit_sha,
    {metric:Identifier} AS value,
    if(ts < {changed_at:DateTime64}, 'before', 'after') AS segment
FROM chimera_metrics.bench_runs
WHERE benchmark = {benchmark:String}
  AND environment_fingerprint = {environment:String}
  AND quality != 'quarantined'
  AND ts BETWEEN {first:DateTime64} AND {last:DateTime64}
ORDER BY ts"""
# How far the interval of a change reaches to both sides of it, in percent.
INTERVAL_WIDTHS = (-1.3, 1.4)
SLOT = re.compile(r"\{\{([a-z0-9_.]+)\}\}")


@dataclass(frozen=True)
class Story:
    """What one sample episode tells: the series moved from `before` to `after` on `changed_at`."""

    series: str
    number: int
    day: datetime
    title: str
    benchmark: str
    metric: str
    unit: str
    before: float
    after: float
    spread: float
    places: int
    better: Literal["lower", "higher"]
    commit: str
    what: str
    why: str
    confidence: tuple[float, float, float, float]
    p95: float | None = 21.4
    correlation: float | None = None
    environment_after_days: int | None = None
    runs_a_day: int = 2


LONG_NAME = "kv_cache/eviction/llama-3.1-70b-instruct-q4_k_m/batch-32/context-8192/speculative-decoding"

STORIES = (
    Story(
        "banterpacks", 1, datetime(2026, 8, 19, 6, tzinfo=UTC),
        "Tokenizer throughput rose {{f1.change}} with the new merge table", "tokenizer_encode",
        "tokens_per_sec", "tokens/s", 184_200, 206_900, 2600, 0, "higher",
        "replace the merge table by a trie",
        "The tokenizer now encodes {{f1.after}}, up from {{f1.before}}. The step lies between two commits "
        "of the same afternoon; every run since then stands above every run before it.",
        "Prompts of the chat surface are tokenised on the request path. The {{f1.change}} here is time that "
        "no longer stands between a keystroke and the first token.",
        (1.0, 1.0, 0.98, 0.95),
    ),
    Story(
        "banterpacks", 2, datetime(2026, 8, 26, 6, tzinfo=UTC),
        "Cold start of the pack loader fell by {{f1.change}}", "pack_loader_cold_start",
        "latency_p50_ms", "ms", 812, 655, 19, 0, "lower", "map packs into memory instead of reading them",
        "Loading a pack from a cold cache takes {{f1.after}}, where it took {{f1.before}}. The runs before "
        "the change scatter more widely than those after it.",
        "A pack is loaded once a session. People who open the app rarely gain the most.",
        (1.0, 0.92, 0.90, 0.88), environment_after_days=5,
    ),
    Story(
        "chimera", 1, datetime(2026, 9, 1, 6, tzinfo=UTC),
        "Decode latency and what people felt moved together", "decode", "latency_p95_ms", "ms",
        11.4, 12.1, 0.16, 1, "lower", "move sampling off the decode thread",
        "Decode now needs {{f1.after}} at the 95th percentile, after {{f1.before}}: {{f1.change}} more. Over "
        "the trailing week, user latency moved together with it.",
        "The two series share their turning point. That is no proof of a cause, and this episode "
        "claims none.",
        (1.0, 1.0, 0.97, 0.91), correlation=0.71, runs_a_day=3,
    ),
    Story(
        "banterpacks", 3, datetime(2026, 9, 3, 6, tzinfo=UTC),
        "Memory peak of the reranker is down by {{f1.change}}", "reranker_batch_64", "memory_peak_mb", "MB",
        2412, 1986, 24, 0, "lower", "free the attention buffers after each batch",
        "The reranker peaks at {{f1.after}}, down from {{f1.before}}. Nothing else in the series "
        "moved that day.",
        "Two rerankers now fit where one did, on the machines that we already rent.",
        (1.0, 1.0, 0.97, 0.93),
    ),
    Story(
        "banterpacks", 4, datetime(2026, 9, 8, 6, tzinfo=UTC),
        "Cache eviction slowed by {{f1.change}}, for one model only", LONG_NAME, "latency_mean_ms", "ms",
        3.42, 3.87, 0.07, 2, "lower", "evict by block instead of by token",
        "Evicting from the cache takes {{f1.after}} on average, {{f1.change}} more than the {{f1.before}} of "
        "the weeks before. Other models and batch sizes stayed where they were.",
        "Long conversations evict at every turn. No latency of real users was recorded that day, so whether "
        "anyone noticed is not known.",
        (0.81, 1.0, 0.97, 0.90), p95=None,
    ),
    Story(
        "chimera", 2, datetime(2026, 9, 9, 6, tzinfo=UTC),
        "Decode is {{f1.change}} slower since the scheduler change", "decode", "latency_p95_ms", "ms",
        12.1, 14.0, 0.25, 1, "lower", "schedule decode and prefill in one queue",
        "The 95th percentile of decode rose to {{f1.after}} from {{f1.before}}, a change of {{f1.change}}. "
        "It happened at once, on 8 September, and it has held in {{f1.runs}} runs since.",
        "Decode is paid for every token of every answer. Sessions that were abandoned moved together with it "
        "over the trailing week, which is a reason to look, and no proof.",
        (1.0, 1.0, 0.97, 0.93), p95=21.4, correlation=0.66, environment_after_days=6, runs_a_day=3,
    ),
)  # fmt: skip


@cache
def sample_episodes() -> tuple[PublishedEpisode, ...]:
    """All six, in the order of their days. They are shared: copy a ledger before changing it."""
    return tuple(_episode(story) for story in STORIES)


def _episode(story: Story) -> PublishedEpisode:
    points = _points(story)
    facts = _facts(story, points)
    texts = {name: _text(story, name, fact) for name, fact in facts.items()}
    chart = _chart(story, points, texts)
    body, claims = _filled(_body_template(story, chart_alt_text(chart), texts), texts)
    title, in_title = _filled(story.title, texts)
    claims += [{**claim, "where": "front_matter.title", "start": None, "end": None} for claim in in_title]
    if story.p95 is not None:
        facts["day.latency_p95"] = _p95_fact(story)
        claims.append(_claim("day.latency_p95", "front_matter.latency_ms_p95", str(story.p95), None))
    front = _front_matter(story, title)
    ledger = {"schema": 1, "episode": _about(story, body), "facts": facts, "claims": claims}
    return PublishedEpisode(
        story.series,
        story.number,
        front + body,
        ledger,
        {"f1.svg": render_chart(chart)},
        {"f1.csv": chart_table(chart)},
    )


def _hex(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _points(story: Story) -> tuple[ChartPoint, ...]:
    dice = random.Random(f"{story.series}{story.number}")
    start = story.day.replace(hour=0) - timedelta(days=24)
    changed = _changed_at(story)
    found = []
    for run in range(25 * story.runs_a_day):
        ts = start + timedelta(hours=2 + run * 24 / story.runs_a_day)
        middle = story.after if ts >= changed else story.before
        segment: Segment = "after" if ts >= changed else "before"
        if story.environment_after_days and ts < start + timedelta(days=story.environment_after_days):
            middle, segment = middle * 1.05, "earlier"
        value = round(dice.gauss(middle, story.spread), 3)
        environment = _hex(story.benchmark, segment == "earlier")[:12]
        found.append(ChartPoint(ts, value, _hex(story.series, ts.date())[:40], segment, environment))
    return tuple(found)


def _changed_at(story: Story) -> datetime:
    return story.day.replace(hour=0) - timedelta(days=1 if story.series == "chimera" else 6)


def _chart(story: Story, points: tuple[ChartPoint, ...], texts: Mapping[str, str]) -> FindingChart:
    start = story.day.replace(hour=0) - timedelta(days=24)
    days = story.environment_after_days
    return FindingChart(
        title=f"{story.benchmark}, {story.metric.replace('_', ' ').removesuffix(' ms')}",
        unit=story.unit,
        points=points,
        changed_at=_changed_at(story),
        before_median=_median(points, "before"),
        after_median=_median(points, "after"),
        before_label=texts["f1.before"],
        after_label=texts["f1.after"],
        interval=_interval(points, texts),
        environment_changes=(start + timedelta(days=days),) if days else (),
        better=story.better,
    )


def _interval(points: tuple[ChartPoint, ...], texts: Mapping[str, str]) -> ChartInterval:
    before, after = _median(points, "before"), _median(points, "after")
    low, high = (after + before * width / 100 for width in INTERVAL_WIDTHS)
    return ChartInterval(low, high, f"{texts['f1.low']} to {texts['f1.high']}")


def _median(points: tuple[ChartPoint, ...], segment: str) -> float:
    return round(median(point.value for point in points if point.segment == segment), 3)


def _facts(story: Story, points: tuple[ChartPoint, ...]) -> dict[str, Any]:
    before, after = _median(points, "before"), _median(points, "after")
    count = sum(point.segment == "after" for point in points)
    change = round(100 * (after - before) / before, 4)
    return {
        "f1.before": _fact(story, points, before, story.unit, "median:before", ("before",)),
        "f1.after": _fact(story, points, after, story.unit, "median:after", ("after",)),
        "f1.change": _fact(story, points, change, "%", "change_pct", ("before", "after")),
        "f1.runs": _fact(story, points, float(count), "runs", "count:after", ("after",)),
        "f1.name": {
            **_fact(story, points, 0.0, "code", "distinct", ("after",)),
            "value": None,
            "text": story.benchmark,
        },
        "f1.commit": {
            **_fact(story, points, 0.0, "commit", "last", ("after",)),
            "value": None,
            "text": _commit(story),
        },
        "f1.low": _fact(story, points, change + INTERVAL_WIDTHS[0], "%", "bootstrap_low", ("before", "after")),
        "f1.high": _fact(story, points, change + INTERVAL_WIDTHS[1], "%", "bootstrap_high", ("before", "after")),
    }


def _fact(
    story: Story,
    points: tuple[ChartPoint, ...],
    value: float,
    unit: str,
    reducer: str,
    segments: tuple[str, ...],
) -> dict[str, Any]:
    rows = [_row(story, point) for point in points if point.segment in segments]
    return {
        "value": value, "text": None, "unit": unit, "support": 1.0,
        "direction": "up" if value > 0 else "down",
        "label": "estimated" if reducer.startswith("bootstrap") else "measured", "subject": "f1",
        "query": "select_series_segments", "sql": SQL, "parameters": _parameters(story, points),
        "reducer": reducer, "row_count": len(rows), "row_hash": _hex(story.series, story.number, segments),
        "rows": rows,
    }  # fmt: skip


def _parameters(story: Story, points: tuple[ChartPoint, ...]) -> dict[str, str]:
    return {
        "metric": story.metric,
        "benchmark": story.benchmark,
        "environment": _hex(story.benchmark)[:12],
        "changed_at": _iso(_changed_at(story)),
        "first": _iso(points[0].ts),
        "last": _iso(points[-1].ts),
    }


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _row(story: Story, point: ChartPoint) -> dict[str, Any]:
    return {
        "table": "bench_runs",
        "row_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{story.benchmark}{point.ts}")),
        "ts": _iso(point.ts),
        "commit_sha": point.commit_sha,
        "source": f"reports/{point.ts:%Y-%m-%d}/bench-{point.ts:%H}.json",
        "segment": point.segment,
        "value": point.value,
        "text": None,
    }


def _p95_fact(story: Story) -> dict[str, Any]:
    row = {
        "table": "session_stats", "row_id": str(uuid.uuid5(uuid.NAMESPACE_OID, _iso(story.day))),
        "ts": _iso(story.day), "commit_sha": None, "source": f"events/{story.day:%Y-%m-%d}.ndjson",
        "segment": None, "value": story.p95, "text": None,
    }  # fmt: skip
    return {
        "value": story.p95, "text": None, "unit": "ms", "label": "measured", "support": 1.0,
        "direction": None, "subject": "day", "query": "select_day_latency",
        "sql": "SELECT ts, p95_ms AS value FROM session_stats WHERE toDate(ts) = {day:Date} ORDER BY ts",
        "parameters": {"day": f"{story.day:%Y-%m-%d}"}, "reducer": "single", "row_count": 1,
        "row_hash": _hex("p95", story.day), "rows": [row],
    }  # fmt: skip


def _text(story: Story, name: str, fact: Mapping[str, Any]) -> str:
    value = fact["value"]
    if fact.get("text"):
        return f"`{fact['text'][:7]}`" if name == "f1.commit" else f"`{fact['text']}`"
    if name in ("f1.before", "f1.after"):
        return f"{value:,.{story.places}f} {story.unit}"
    if name == "f1.change":
        return f"{abs(value):.1f} %"
    return f"{value:.0f}" if name == "f1.runs" else f"{value:+.1f} %"


def _body_template(story: Story, alt: str, texts: Mapping[str, str]) -> str:
    commit = _commit(story)
    for name in ("f1.before", "f1.after", "f1.low", "f1.high"):
        # The chart's alt text states the facts too, so they are claims there as well.
        alt = alt.replace(texts[name], f"{{{{{name}}}}}", 1)
    measured = "{{f1.change}} | {{f1.low}} to {{f1.high}} | {{f1.runs}}"
    return f"""
## What changed

{story.what}

The commits in the window end with {{{{f1.commit}}}}, “{story.commit}”.

## Why it matters

{story.why}

## Benchmarks (summary)

| Benchmark | Metric | Before | After | Change | Interval | Runs |
|---|---|---:|---:|---:|---:|---:|
| {{{{f1.name}}}} | {story.metric} | {{{{f1.before}}}} | {{{{f1.after}}}} | {measured} |

![{alt}](ep-{story.number:03d}/f1.svg)

## Next steps

- Read “{story.commit}” again with the {{{{f1.change}}}} in mind, and run the series on the second machine.
- Keep the benchmark in the nightly set until the interval no longer holds {{{{f1.low}}}}.

## Links & artifacts

- [Claim ledger](ep-{story.number:03d}.claims.json)
- [Commit {commit[:7]}](https://github.com/example/packs/commit/{commit})
- Chart: [f1.svg](ep-{story.number:03d}/f1.svg), and [its data](ep-{story.number:03d}/f1.csv)
"""


def _commit(story: Story) -> str:
    return _hex(story.series, _changed_at(story).date())[:40]


def _filled(template: str, texts: Mapping[str, str]) -> tuple[str, list[dict[str, Any]]]:
    """The template with its slots filled, and a claim with its offsets for each."""
    text, claims, done = "", [], 0
    for slot in SLOT.finditer(template):
        text += template[done : slot.start()]
        claims.append(_claim(slot[1], "body", texts[slot[1]], len(text)))
        text += texts[slot[1]]
        done = slot.end()
    return text + template[done:], claims


def _claim(fact: str, where: str, text: str, start: int | None) -> dict[str, Any]:
    return {
        "fact": fact, "where": where, "text": text,
        "start": start, "end": None if start is None else start + len(text),
    }  # fmt: skip


def _front_matter(story: Story, title: str) -> str:
    missing = "data_quality:\n  latency_ms_p95: no user interface events on this day\n" if story.p95 is None else ""
    return f"""---
title: "{title}"
series: {story.series}
episode: {story.number}
date: {_iso(story.day)}
models: [llama-3.1-70b-instruct]
run_id: {uuid.uuid5(uuid.NAMESPACE_OID, story.title)}
commit_sha: "{_hex(story.series, story.day.date())[:40]}"
latency_ms_p95: {"null" if story.p95 is None else story.p95}
tokens_in: 3120
tokens_out: 640
cost_usd: 0.0009
{missing}---
"""


def _about(story: Story, body: str) -> dict[str, Any]:
    completeness, recency, quality, evidence = story.confidence
    return {
        "series": story.series,
        "episode": story.number,
        "day": f"{story.day:%Y-%m-%d}",
        "run_id": str(uuid.uuid5(uuid.NAMESPACE_OID, story.title)),
        "content_sha256": hashlib.sha256(body.encode()).hexdigest(),
        "confidence": {
            "score": min(story.confidence), "completeness": completeness, "recency": recency,
            "data_quality": quality, "evidence": evidence,
        },
        "correlation_strength": story.correlation,
        "status": "approved",
    }  # fmt: skip
