"""The metrics of k6's end-of-test summaries, read from each of their shapes into one.

Shapes and meanings from k6's own source (github.com/grafana/k6): `internal/js/summary.go` and `summary-wrapper.js`
(`handleSummary` and `--summary-export`, in which `true` at a threshold says that it failed), `internal/lib/summary/`
(the machine-readable summary of k6 1.5, which states no thresholds), `metrics/builtin.go` and
`internal/js/modules/k6/browser/k6ext/metrics.go` (which trends are times; all times are ms), `metrics/sink.go` (a
metric without a value, which a threshold brings into the summary, is stated as 0).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from muse_domain.formats.values import is_object, label, listed, number, section

REQUEST_PHASES = tuple(
    f"http_req_{phase}" for phase in ("blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving")
)
_TIMES = frozenset(
    {"http_req_duration", "iteration_duration", "group_duration", "grpc_req_duration", "browser_http_req_duration"}
    | {"ws_ping", "ws_session_duration", "ws_connecting", *REQUEST_PHASES}
    | {f"browser_web_vital_{vital}" for vital in ("ttfb", "lcp", "inp", "fcp", "fid")}
)
# In the order in which they tell: a gauge has extremes, too, and a trend may have a count.
_KINDS = {"rate": ("passes", "fails"), "gauge": ("value",), "counter": ("rate",)}
_OF_TRENDS = frozenset({"avg", "min", "med", "max", "count"})


@dataclass(frozen=True, slots=True)
class K6Metric:
    """One metric of a summary. `name` is that of the metric, `tags` the text "{...}" of a sub-metric, or empty.

    `is_time` is None where the summary does not say what the metric holds. `failed` are the thresholds not held.
    """

    name: str
    tags: str
    kind: str
    is_time: bool | None
    values: Mapping[str, object]
    failed: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The metric's name with its tags, as k6 writes it."""
        return f"{self.name}{self.tags}"

    @property
    def rate(self) -> float | None:
        """The share of true values; 0 is none where there is no value, and where k6 before 0.30 writes it for all."""
        rate = number(self.values.get("rate", self.values.get("value")))
        passes, fails, total = (number(self.values.get(key)) for key in ("passes", "fails", "total"))
        return None if rate == 0 and (passes or fails == 0 or total == 0) else rate


def summary_metrics(summary: Mapping[str, object]) -> Iterator[K6Metric | str]:
    """Each metric of a summary; of one that is no object, its name."""
    results = section(summary, "results")
    for position, item in enumerate(listed(results, "metrics"), start=1):
        yield _metric(label(item.get("name")), item) if is_object(item) else f"metric {position}"
    for item in listed(section(results, "checks"), "metrics"):
        if is_object(item):
            yield _metric(label(item.get("name")), item)
    for name, item in section(summary, "metrics").items():
        yield _metric(label(name), item) if is_object(item) else label(name) or "(unnamed)"


def _metric(stated: str | None, item: Mapping[str, object]) -> K6Metric:
    name, brace, rest = (stated or "(unnamed)").partition("{")
    is_typed = is_object(item.get("values"))
    values = section(item, "values") if is_typed else item
    contains = label(item.get("contains")) if is_typed else None
    return K6Metric(
        name=name,
        tags=brace + rest,
        kind=(label(item.get("type")) or "") if is_typed else _kind(values),
        is_time=True if name in _TIMES else contains == "time" if contains else None,
        values=values,
        failed=tuple(_failed_thresholds(section(item, "thresholds"))),
    )


def _kind(values: Mapping[str, object]) -> str:
    """The kind that the old export does not state, by the values that it has."""
    for kind, keys in _KINDS.items():
        if any(key in values for key in keys):
            return kind
    # A trend has those that summaryTrendStats asks for.
    return "trend" if any(key in _OF_TRENDS or key.startswith("p(") for key in values) else ""


def _failed_thresholds(thresholds: Mapping[str, object]) -> Iterator[str]:
    for condition, outcome in thresholds.items():
        if outcome is True or (is_object(outcome) and outcome.get("ok") is False):
            yield label(condition) or "(unnamed)"
