"""What the Banterhearts reports have in common: summary keys, environment block, placeholders, items."""

import re
from collections.abc import Callable, Iterable, Mapping

from muse_domain.formats.columns import Columns, stated_columns
from muse_domain.formats.values import is_object, label, scalar, section
from muse_domain.measurements import Measurement, Refusal, ReportReading
from muse_domain.quality import quarantine

_SUMMARY_KEYS = {
    "latency_mean_ms": "mean_time_ms",
    "latency_std_ms": "std_time_ms",
    "latency_min_ms": "min_time_ms",
    "latency_max_ms": "max_time_ms",
}
_ENVIRONMENT_KEYS = (
    "python_version",
    "pytorch_version",
    "torch_version",
    "torch_cuda_version",
    "cuda_available",
    "nvidia_driver",
    "gpu_name",
    "gpu_count",
    "os",
    "device",
)
# "3.9+" is a requirement, not the version that ran: the generator of sample reports writes it.
_AT_LEAST = re.compile(r"[0-9][0-9.]*\+")


def summary_columns(item: Mapping[str, object]) -> Columns:
    """Mean, deviation and extremes in ms under the keys that all these suites share."""
    return stated_columns(item, _SUMMARY_KEYS)


def no_percentiles(why: str) -> dict[str, str]:
    """The same reason for each of the three percentiles."""
    return dict.fromkeys(("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"), why)


def stated_environment(report: Mapping[str, object]) -> dict[str, str]:
    """The stable facts of the `environment` block, and the model's device; placeholders are left out."""
    block = section(report, "environment")
    facts = {key: scalar(block.get(key)) for key in _ENVIRONMENT_KEYS}
    facts["os_release"] = _major(label(block.get("os_version")))
    facts["device"] = facts["device"] or label(section(report, "model").get("device"))
    return {key: fact for key, fact in facts.items() if fact and not _AT_LEAST.fullmatch(fact)}


def _major(version: str | None) -> str | None:
    return version.split(".")[0] if version else None


def judged(measurement: Measurement, report: Mapping[str, object]) -> Measurement:
    """Quarantined when the environment holds placeholders: such a report was generated, not measured."""
    block = section(report, "environment")
    for key in sorted(block):
        fact = label(block[key])
        if fact and _AT_LEAST.fullmatch(fact):
            reason = f"the environment states {key} {fact!r}, a placeholder: the report looks generated"
            return quarantine(measurement, reason)
    return measurement


def read_items(
    report_format: str,
    items: Iterable[tuple[str, object]],
    read_one: Callable[[str, Mapping[str, object]], Measurement],
) -> ReportReading:
    """One measurement for each named object; what is not an object becomes a refusal, the others stay."""
    measurements: list[Measurement] = []
    refusals: list[Refusal] = []
    for key, item in items:
        name = label(key) or "(unnamed)"
        if is_object(item):
            measurements.append(read_one(name, item))
        else:
            refusals.append(not_an_object(name))
    return ReportReading(report_format, tuple(measurements), tuple(refusals))


def not_an_object(item: str) -> Refusal:
    """The refusal of a part that should be an object with named values."""
    return Refusal(
        item,
        "This part of the report holds no named values.",
        "Correct it at its source, then ingest the report again.",
    )
