"""Go's benchmarks, as `go test -bench` prints them, and as `go test -json` wraps what it prints.

Meanings from Go's own documentation (golang.org/design/14313-benchmark-format, pkg.go.dev/testing, `go doc test2json`):
a result is a name, a number of iterations and pairs of value and unit, ns/op being the whole time divided by the
iterations. A name ends in -N where GOMAXPROCS is not 1. A package ends with PASS or FAIL and then "ok" or "FAIL" with
its name. `-count` repeats each benchmark; in JSON, `Time` is the instant at which the event happened.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from muse_domain.formats.benchmark_tools import StoredResult, read_result
from muse_domain.formats.columns import Columns, mean_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.go_bench_lines import Output, ResultLine, read_output
from muse_domain.formats.values import content_hash, excerpt, is_object, label, settings, stated_commit, stated_time
from muse_domain.measurements import Measurement, ReportReading, ReportRefused
from muse_domain.quality import flag

_RESULT = re.compile(r"^Benchmark[^\s]*[ \t]+[0-9]+[ \t]+[0-9.eE+-]+[ \t]+\S", re.MULTILINE)
_HEADER = re.compile(r"^(?:goos|goarch): \S+\r?$", re.MULTILINE)
_PROCS = re.compile(r"-([0-9]{1,5})$")
_CUT = "Let `go test -bench` run to its end, then ingest the whole output."
_COMPARISON = re.compile(r"│|\bold time/op\b")
_COMPARED = "Ingest the outputs that benchstat compared."
# Settings that say when something was run, not how.
_OF_THE_MOMENT = re.compile(r"(?:.*[-_.])?(?:time|date)|.*stamp")
# They have a place of their own.
_NAMED = ("goos", "goarch", "pkg", "cpu", "toolchain", "commit")
_WHY_NULL = {"tokens_per_sec": "this tool times calls, not tokens"}


class GoBenchOutput:
    """One run for each benchmark."""

    name = "go-bench"
    title = "go test -bench (text, JSON lines)"
    documentation = """\
One run for each benchmark, named `PACKAGE.BENCHMARK`, without the number of processors at its end.

| report | Muse |
|---|---|
| `ns/op` | `latency_mean_ms`; the mean, extremes and deviation of the repetitions with `-count` |
| the iterations; with `-count` the repetitions, each a mean | `n_samples` |
| `B/op`, `allocs/op`, `MB/s` | metrics `bytes_per_op`, `allocs_per_op`, `throughput_mb_per_sec` (means) |
| other units | metrics under their unit; `Unit UNIT better=higher` or `lower` states their direction |
| `goos`, `goarch`, `cpu`, `toolchain`, the processors (-8) | environment |
| `commit:`, if the project adds it in full | `commit_sha` |
| `Time` of a package's first event (JSON only) | `ts` |

Null: `ts` of a text, percentiles (a repetition is a mean of many calls), tokens, cost, memory.
The number at the end of the names is that of the processors where all of an output end in the same one (apart from
results of no package); with several (`-cpu 1,2,4`) it stays in the name, as it may be the benchmark's own.
Lines `key: value` hold until the key is stated again, as the format has it. A benchmark that an output states under
several settings ("note: before", then "note: after") is a run for each of them, and those that differ stand in its
environment; times, dates and stamps tell no runs apart. A direction that is stated also holds for `B/op`, `allocs/op`
and `MB/s`. Repetitions of a unit with `assume=exact` that differ flag the run.
A benchmark that failed, was skipped or has no result is refused, and where a package failed, all results of the text
are flagged (in JSON those of the package). A value that is no number is not read and flags the run. A whole output that
does not end in PASS, ok or FAIL is cut and refused; results of no package, as other tools write them, and single lines
of results without their head are read and flagged. What benchstat prints is refused.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A line of results, or the head of a package; in JSON, an action on a package."""
        if content.documents:
            first = content.documents[0]
            return is_object(first) and "Action" in first and ("Package" in first or "ImportPath" in first)
        return content.json is None and bool(_RESULT.search(content.text) or _HEADER.search(content.text))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each benchmark of each package; raises ReportRefused for an output that was cut."""
        outputs = list(_packages(content.documents)) if content.documents else [read_output(content.text, None)]
        if _COMPARISON.search(content.text) and not any(output.lines for output in outputs):
            raise ReportRefused("This is benchstat's comparison of outputs, not an output of go test.", _COMPARED)
        if any(output.is_cut for output in outputs):
            raise ReportRefused("The output of go test is cut: it ends neither in PASS or ok nor in FAIL.", _CUT)
        runs = tuple(run for output in outputs for run in _runs(output))
        return ReportReading(self.name, runs, tuple(refusal for output in outputs for refusal in output.refusals))


def _packages(events: Sequence[object]) -> Iterator[Output]:
    """The output of each package put together again: JSON splits it into events, also within lines."""
    texts: dict[str, list[str]] = {}
    started: dict[str, object] = {}
    ended: set[str] = set()
    for event in filter(is_object, events):
        package, text = event.get("Package"), event.get("Output")
        if not isinstance(package, str):
            continue
        started.setdefault(package, event.get("Time"))
        texts.setdefault(package, []).append(text if isinstance(text, str) else "")
        if "Test" not in event and event.get("Action") in ("pass", "fail", "skip"):
            ended.add(package)
    for package, parts in texts.items():
        output = read_output("".join(parts), started[package])
        output.has_header = output.has_package = True
        output.has_end = package in ended
        yield output


def _runs(output: Output) -> Iterator[Measurement]:
    of_package = {line.name for line in output.lines if "pkg" in line.settings}
    of_none = {line.name for line in output.lines if "pkg" not in line.settings}
    processors = {True: _processors(of_package), False: _processors(of_none)}
    repeated: dict[tuple[str, tuple[tuple[str, str], ...]], list[ResultLine]] = {}
    for line in output.lines:
        repeated.setdefault((line.name, tuple(sorted(_lasting(line.settings).items()))), []).append(line)
    runs = [
        (_run(output, name, processors["pkg" in lines[0].settings], lines), lines)
        for (name, _), lines in repeated.items()
    ]
    known = Counter(run.benchmark for run, _ in runs)
    alike: dict[tuple[str, str | None], list[dict[str, str]]] = {}
    for run, lines in runs:
        alike.setdefault((run.benchmark, lines[0].settings.get("commit")), []).append(_lasting(lines[0].settings))
    differing = {key: _differing(stated) for key, stated in alike.items()}
    for run, lines in runs:
        keys = differing[run.benchmark, lines[0].settings.get("commit")]
        yield run if known[run.benchmark] == 1 else _told_apart(run, lines, keys)


def _lasting(stated: Mapping[str, str]) -> dict[str, str]:
    """Without the settings that are of the moment: they differ between repetitions."""
    return {key: value for key, value in stated.items() if not _OF_THE_MOMENT.fullmatch(key)}


def _differing(stated: Sequence[Mapping[str, str]]) -> set[str]:
    """The keys whose values are not the same in all."""
    first = set(stated[0].items())
    return {key for one in stated for key, _ in first ^ set(one.items())}


def _told_apart(run: Measurement, lines: Sequence[ResultLine], differing: set[str]) -> Measurement:
    """One of several runs of a benchmark in the output: of several commits or machines, or under several settings."""
    part = [[dict(line.settings), line.iterations, dict(line.values)] for line in lines]
    under = settings({key: value for key, value in lines[0].settings.items() if key in differing}, without=_NAMED)
    environment = {**run.environment, **({"settings": under} if under else {})}
    return replace(run, identity=content_hash(part), environment=environment)


def _processors(names: set[str]) -> str:
    """The number in which all names end, or nothing: other endings are the benchmarks' own ("size-100")."""
    found = {match.group(1) if (match := _PROCS.search(name)) else "" for name in names}
    return found.pop() if len(found) == 1 else ""


def _run(output: Output, name: str, processors: str, results: list[ResultLine]) -> Measurement:
    stated = results[0].settings
    package = label(stated.get("pkg"))
    shown = label(name.removesuffix(f"-{processors}") if processors else name) or "(unnamed)"
    commit, no_commit = stated_commit(stated.get("commit"))
    ts, no_time = stated_time(output.started)
    units = {unit: [line.values[unit] for line in results if unit in line.values] for unit in _units(results)}
    means = {unit: fmean(values) for unit, values in units.items()}
    reading = read_result("go", StoredResult(name, 0.0, "", units=means, better=output.units.better(units)))
    facts = {key: label(stated.get(key)) for key in ("goos", "goarch", "cpu", "toolchain")} | {"procs": processors}
    measurement = Measurement(
        benchmark=f"{package}.{shown}" if package else shown,
        suite="go-bench",
        ts=ts,
        commit_sha=commit,
        n_samples=len(results) if len(results) > 1 else results[0].iterations,
        metrics=reading.metrics,
        environment={key: fact for key, fact in facts.items() if fact},
        null_reasons=no_time | no_commit,
    )
    repetitions = [value / 1e6 for value in units.get("ns/op", [])]
    columns = mean_columns(repetitions) if len(repetitions) > 1 else Columns()
    timed = with_columns(measurement, reading.columns, columns, _unusable(results), why_null=_WHY_NULL)
    return flag(timed, *_broken_values(results), *output.units.warnings(units), *_warnings(output))


def _unusable(results: Sequence[ResultLine]) -> Columns:
    """Why no line gives a mean, where lines state one that is no number."""
    stated = any("ns/op" in line.broken for line in results) and not any("ns/op" in line.values for line in results)
    return Columns(reasons={"latency_mean_ms": "the report states ns/op without a usable number"} if stated else {})


def _broken_values(results: Sequence[ResultLine]) -> list[str]:
    broken = [f"{excerpt(text)} {excerpt(unit)}" for line in results for unit, text in line.broken.items()]
    return [f"{pair}: not a number, so it is not read" for pair in dict.fromkeys(broken)]


def _units(results: Sequence[ResultLine]) -> list[str]:
    return list(dict.fromkeys(unit for line in results for unit in line.values))


def _warnings(output: Output) -> list[str]:
    found = ["another benchmark, test or package of the output failed"] if output.has_failed else []
    return found if output.has_end else [*found, "the output has no end: more results may be missing"]


FORMATS = (GoBenchOutput(),)
