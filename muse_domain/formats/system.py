"""Banterhearts system reports: what a monitor saw of the machine while benchmarks ran.

Shapes from `data/baselines/baseline_system_metrics.json` of Sahil170595/Chimeraforge (a series of
samples) and
`reports/test_system_benchmark.json` of Sahil170595/Chimera_Multi_agent (averages and peaks, generated).
"""

from collections.abc import Iterator, Mapping
from statistics import fmean

from muse_domain.formats.banterhearts import judged, stated_environment
from muse_domain.formats.columns import with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import count, is_object, label, listed, metric, number, section, stated_time
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, ReportReading
from muse_domain.quality import flag

_WHY_NULL = dict.fromkeys(METRIC_COLUMNS, "a system monitor measures the load of the machine, not a benchmark") | {
    "memory_peak_mb": "the monitor states the memory in use by the whole machine, not the peak of a program",
}
_SYSTEM_UNITS = {"cpu_percent": "%", "memory_percent": "%", "memory_used_gb": "GB"}
_GPU_UNITS = {"utilization_gpu": "%", "temperature": "C", "power_draw": "W", "memory_used_mb": "MB"}
_SUMMARY_UNITS = {"percent": "%", "c": "C", "w": "W"}


class SystemReport:
    """One run for the whole file: nothing but further metrics."""

    name = "banterhearts-system"
    title = "Banterhearts system monitor (JSON)"
    documentation = """\
One run, named `system/monitor`.

| report | Muse |
|---|---|
| `metrics[].system.cpu_percent`, `memory_percent`, `memory_used_gb` | metrics `..._mean` and `..._max`, \
unit as named |
| `metrics[].gpu[].utilization_gpu`, `temperature`, `power_draw`, `memory_used_mb` | metrics \
`gpuN_..._mean` and `_max` |
| `system_metrics.*` (averages and peaks) | metrics under their own names |
| `gpu[].name`, `gpu_info.gpus[].name` | environment |
| `export_timestamp` (seconds since 1970) | `ts` |
| the number of samples | `n_samples` |

Null: every latency, tokens, cost and `memory_peak_mb`: percent of a machine's memory is not the peak of
a program.
Processes, network and disk counters are not read.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A list of `metrics` beside `metrics_count`, or `system_metrics` beside `duration_minutes`."""
        top = content.top
        is_series = isinstance(top.get("metrics"), list) and "metrics_count" in top
        return is_series or (is_object(top.get("system_metrics")) and "duration_minutes" in top)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The one run of the file."""
        report = content.top
        run = _series(report) if "metrics_count" in report else _summary(report)
        return ReportReading(self.name, (run,))


def _series(report: Mapping[str, object]) -> Measurement:
    stated = listed(report, "metrics")
    samples = [sample for sample in stated if is_object(sample)]
    ts, no_time = stated_time(report.get("export_timestamp"))
    measurement = Measurement(
        benchmark="system/monitor",
        suite="system",
        ts=ts,
        n_samples=len(samples),
        metrics=(*_system_metrics(samples), *_gpu_metrics(samples)),
        environment=_gpu_names(gpu for sample in samples for gpu in _gpus(sample)),
        null_reasons=no_time,
    )
    expected = max(count(report.get("metrics_count")) or 0, len(stated))
    missing = [f"{len(samples)} of {expected} stated samples can be read"] if len(samples) < expected else []
    return flag(with_columns(measurement, why_null=_WHY_NULL), *missing)


def _system_metrics(samples: list[Mapping[str, object]]) -> Iterator[Metric]:
    for key, unit in _SYSTEM_UNITS.items():
        yield from _mean_and_max(key, [number(section(sample, "system").get(key)) for sample in samples], unit)


def _gpu_metrics(samples: list[Mapping[str, object]]) -> Iterator[Metric]:
    series: dict[tuple[int, str], list[float | None]] = {}
    for sample in samples:
        for position, gpu in enumerate(_gpus(sample)):
            for key in _GPU_UNITS:
                series.setdefault((position, key), []).append(number(gpu.get(key)))
    for (position, key), values in series.items():
        yield from _mean_and_max(f"gpu{position}_{key}", values, _GPU_UNITS[key])


def _mean_and_max(name: str, values: list[float | None], unit: str) -> Iterator[Metric]:
    known = [value for value in values if value is not None]
    if known:
        yield Metric(f"{name}_mean", fmean(known), unit)
        yield Metric(f"{name}_max", max(known), unit)


def _gpus(sample: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [gpu for gpu in listed(sample, "gpu") if is_object(gpu)]


def _gpu_names(gpus: Iterator[Mapping[str, object]]) -> dict[str, str]:
    names = {name for gpu in gpus if (name := label(gpu.get("name")))}
    return {"gpu_name": ", ".join(sorted(names))} if names else {}


def _summary(report: Mapping[str, object]) -> Measurement:
    stated = section(report, "system_metrics")
    gpus = (gpu for gpu in listed(section(report, "gpu_info"), "gpus") if is_object(gpu))
    ts, no_time = stated_time(report.get("generated_at"))
    metrics: list[Metric] = []
    for key, value in stated.items():
        unit = _SUMMARY_UNITS.get(key.rpartition("_")[2], "")
        metrics.extend(metric(label(key) or "(unnamed)", number(value), unit))
    measurement = Measurement(
        benchmark="system/monitor",
        suite="system",
        ts=ts,
        metrics=tuple(metrics),
        environment=stated_environment(report) | _gpu_names(gpus),
        null_reasons=no_time,
    )
    return judged(with_columns(measurement, why_null=_WHY_NULL), report)


FORMATS = (SystemReport(),)
