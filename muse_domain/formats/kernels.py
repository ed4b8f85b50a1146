"""Banterhearts kernel reports: mean times of kernels, grouped by what they do.

Shape from `outputs/reports/kernel_optimization/kernel_benchmarks.json` of Sahil170595/Chimeraforge.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import (
    judged,
    no_percentiles,
    not_an_object,
    read_items,
    stated_environment,
    summary_columns,
)
from muse_domain.formats.columns import with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import is_object, label, section, stated_failure, stated_time
from muse_domain.measurements import Measurement, Refusal, ReportReading
from muse_domain.quality import quarantine

_NO_PERCENTILES = no_percentiles("the report states only the mean of an unstated number of runs")


class KernelReport:
    """One run for each kernel; the report states neither time nor commit."""

    name = "banterhearts-kernels"
    title = "Banterhearts kernel report (JSON)"
    documentation = """\
One run for each kernel, named `kernels/GROUP/KERNEL`. Groups stand at the top level, or under `kernels`.

| report | Muse |
|---|---|
| `mean_time_ms`, `std_time_ms`, `min_time_ms`, `max_time_ms` | `latency_mean_ms`, `_std_`, `_min_`, `_max_` |
| `generated_at`, if stated with a zone | `ts` |

Null: percentiles (only a mean is stated), `n_samples` (not stated), time and commit (the report states none:
give them with the file), tokens, cost, memory. A deviation above the mean flags the run as unstable.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """Groups of objects of which one at least has a `mean_time_ms`."""
        groups = _groups(content.top).values()
        # A broken group is one refusal, not a broken report; texts and lists are of other formats.
        if "performance_results" in content.top:
            return False
        return not any(isinstance(group, str | list) for group in groups) and any(
            "mean_time_ms" in kernel for group in groups for kernel in _objects(group)
        )

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each kernel on its own."""
        report = content.top
        refusals: list[Refusal] = []
        kernels: list[tuple[str, object]] = []
        for group_name, group in _groups(report).items():
            if not is_object(group):
                refusals.append(not_an_object(label(group_name) or "(unnamed)"))
                continue
            kernels += [(f"{group_name}/{name}", kernel) for name, kernel in group.items()]
        reading = read_items(self.name, kernels, lambda name, item: _kernel(report, name, item))
        return ReportReading(self.name, reading.measurements, (*refusals, *reading.refusals))


def _groups(report: Mapping[str, object]) -> Mapping[str, object]:
    return section(report, "kernels") if "kernels" in report else report


def _objects(group: object) -> list[Mapping[str, object]]:
    return [item for item in group.values() if is_object(item)] if is_object(group) else []


def _kernel(report: Mapping[str, object], name: str, item: Mapping[str, object]) -> Measurement:
    ts, no_time = stated_time(report.get("generated_at"))
    measurement = Measurement(
        benchmark=f"kernels/{name}",
        suite="kernels",
        ts=ts,
        environment=stated_environment(report),
        null_reasons=no_time,
    )
    why = _NO_PERCENTILES | {"tokens_per_sec": "this suite times calls, not tokens"}
    timed = with_columns(measurement, summary_columns(item), why_null=why)
    failure = stated_failure(item)
    return quarantine(judged(timed, report), *([failure] if failure else []))


FORMATS = (KernelReport(),)
