"""Go's benchmarks, as `go test -bench` prints them, and as `go test -json` wraps what it prints.

Meanings from Go's own documentation (golang.org/design/14313-benchmark-format, pkg.go.dev/testing, `go doc test2json`):
lines "key: value" hold for the results after them, a result is a name, a number of iterations and pairs of value and
unit, ns/op being the whole time divided by the iterations. A name ends in -N where GOMAXPROCS is not 1. A package ends
with PASS or FAIL and then "ok" or "FAIL" with its name. `-count` repeats each benchmark; in JSON, `Time` is the
instant at which the event happened.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from muse_domain.formats.benchmark_tools import StoredResult, read_result
from muse_domain.formats.columns import Columns, mean_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import content_hash, decimal, excerpt, is_object, label, stated_commit, stated_time
from muse_domain.measurements import Measurement, Refusal, ReportReading, ReportRefused
from muse_domain.quality import flag

_RESULT = re.compile(r"^Benchmark[^\s]*[ \t]+[0-9]+[ \t]+[0-9.eE+-]+[ \t]+\S", re.MULTILINE)
_HEADER = re.compile(r"^(?:goos|goarch): \S+\r?$", re.MULTILINE)
_KEY = re.compile(r"(goos|goarch|pkg|cpu|commit): (.+)")
_FAILURE = re.compile(r"--- (FAIL|SKIP): (Benchmark\S*)")
_END = re.compile(r"PASS|FAIL|(?:ok|FAIL)\s+\S+\s+(?:[0-9.]+s|\(cached\)|\[.+\])(?:\s.*)?")
_PROCS = re.compile(r"-([0-9]{1,5})$")
_REMEDY = "Repair the benchmark, run it again, then ingest its output again."
_CUT = "Let `go test -bench` run to its end, then ingest the whole output."
_WHY_NULL = {"tokens_per_sec": "this tool times calls, not tokens"}


@dataclass(frozen=True, slots=True)
class _Line:
    """One result as printed: `values` by their units, `settings` the lines "key: value" that hold for it.

    `broken` are the texts by their units that are no numbers.
    """

    name: str
    iterations: int
    values: Mapping[str, float]
    settings: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Output:
    """What one package, or a whole text, printed. `started` is the time of its first event, None for a text.

    `announced` are the names that stand on a line alone.
    """

    started: object = None
    lines: list[_Line] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    has_failed: bool = False
    has_header: bool = False
    has_end: bool = False


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
| other units | metrics under their unit, no direction stated |
| `goos`, `goarch`, `cpu`, the processors (-8) | environment |
| `commit:`, if the project adds it in full | `commit_sha` |
| `Time` of a package's first event (JSON only) | `ts` |

Null: `ts` of a text, percentiles (a repetition is a mean of many calls), tokens, cost, memory.
The number at the end of the names is that of the processors where all of an output end in the same one; with
several (`-cpu 1,2,4`) it stays in the name, as it may be the benchmark's own.
A benchmark that failed, was skipped or has no result is refused, and the others of a failed package are flagged. A
value that is no number is not read and flags the run. A whole output that does not end in PASS, ok or FAIL is cut and
refused; single lines of results without their head are read and flagged.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A line of results, or the head of a package; in JSON, an action on a package."""
        if content.documents:
            first = content.documents[0]
            return is_object(first) and "Action" in first and ("Package" in first or "ImportPath" in first)
        return content.json is None and bool(_RESULT.search(content.text) or _HEADER.search(content.text))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each benchmark of each package; raises ReportRefused for an output that was cut."""
        outputs = list(_packages(content.documents)) if content.documents else [_output(content.text, None)]
        if any(output.has_header and not output.has_end for output in outputs):
            raise ReportRefused("The output of go test is cut: it ends neither in PASS or ok nor in FAIL.", _CUT)
        runs = tuple(run for output in outputs for run in _runs(output))
        return ReportReading(self.name, runs, tuple(refusal for output in outputs for refusal in output.refusals))


def _packages(events: Sequence[object]) -> Iterator[_Output]:
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
        output = _output("".join(parts), started[package])
        output.has_header, output.has_end = True, package in ended
        yield output


def _output(text: str, started: object) -> _Output:
    output = _Output(started)
    settings: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        stated, failure = _KEY.fullmatch(line), _FAILURE.search(line)
        is_result = line.startswith("Benchmark")
        if stated:
            settings = settings | {stated.group(1): stated.group(2)}
            output.has_header = True
        elif failure:
            output.refusals.append(_refused(failure.group(2), failure.group(1)))
        elif is_result:
            _take(output, line, settings)
        output.has_failed |= line.startswith("FAIL")
        output.has_end = bool(_END.fullmatch(line)) or (output.has_end and not stated and not is_result)
    output.refusals += _without_result(output)
    return output


def _without_result(output: _Output) -> Iterator[Refusal]:
    """The benchmarks that were announced (`-v`, or other output after the name) and have no line of a result."""
    told = [line.name for line in output.lines] + [refusal.item for refusal in output.refusals]
    for name in dict.fromkeys(output.announced):
        # The result has the processors after the name, and a benchmark of sub-benchmarks has none of its own.
        if not any(known == name or known.startswith((f"{name}-", f"{name}/")) for known in told):
            yield Refusal(label(name) or "(unnamed)", "The benchmark began, but no line states its result.", _REMEDY)


def _refused(name: str, outcome: str) -> Refusal:
    reason = "The benchmark was skipped." if outcome == "SKIP" else "The benchmark failed."
    return Refusal(label(name) or "(unnamed)", reason, _REMEDY)


def _take(output: _Output, line: str, settings: Mapping[str, str]) -> None:
    """A result, or the refusal of a line that should be one. A name alone announces the benchmark (`-v`)."""
    name, *cells = line.split()
    if not cells:
        output.announced.append(name)
        return
    pairs = [(text, unit, decimal(text)) for text, unit in zip(cells[1::2], cells[2::2], strict=False)]
    values = {unit: value for _, unit, value in pairs if value is not None}
    broken = {unit: text for text, unit, value in pairs if value is None}
    iterations = int(cells[0]) if cells[0].isdecimal() and len(cells[0]) < 18 else None
    if iterations is None or not values or len(cells) % 2 == 0:
        reason = "The line states no result: other output may stand within it, or it is cut."
        output.refusals.append(Refusal(label(name) or "(unnamed)", reason, _REMEDY))
        return
    output.lines.append(_Line(name, iterations, values, settings, broken))


def _runs(output: _Output) -> Iterator[Measurement]:
    processors = _processors({line.name for line in output.lines})
    repeated: dict[tuple[str, ...], list[_Line]] = {}
    for line in output.lines:
        name = line.name.removesuffix(f"-{processors}") if processors else line.name
        repeated.setdefault((name, *map(str, line.settings.items())), []).append(line)
    runs = [_run(output, name, processors, lines) for (name, *_), lines in repeated.items()]
    known = Counter(run.benchmark for run in runs)
    for run, lines in zip(runs, repeated.values(), strict=True):
        # Outputs of several commits or machines, one after the other in one file.
        part = [[dict(line.settings), line.iterations, dict(line.values)] for line in lines]
        yield run if known[run.benchmark] == 1 else replace(run, identity=content_hash(part))


def _processors(names: set[str]) -> str:
    """The number in which all names end, or nothing: other endings are the benchmarks' own ("size-100")."""
    found = {match.group(1) if (match := _PROCS.search(name)) else "" for name in names}
    return found.pop() if len(found) == 1 else ""


def _run(output: _Output, name: str, processors: str, results: list[_Line]) -> Measurement:
    settings = results[0].settings
    package, shown = label(settings.get("pkg")), label(name) or "(unnamed)"
    commit, no_commit = stated_commit(settings.get("commit"))
    ts, no_time = stated_time(output.started)
    units = {unit: [line.values[unit] for line in results if unit in line.values] for unit in _units(results)}
    reading = read_result("go", StoredResult(name, 0.0, "", units={unit: fmean(v) for unit, v in units.items()}))
    facts = {key: label(settings.get(key)) for key in ("goos", "goarch", "cpu")} | {"procs": processors}
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
    return flag(timed, *_broken_values(results), *_warnings(output))


def _unusable(results: Sequence[_Line]) -> Columns:
    """Why no line gives a mean, where lines state one that is no number."""
    stated = any("ns/op" in line.broken for line in results) and not any("ns/op" in line.values for line in results)
    return Columns(reasons={"latency_mean_ms": "the report states ns/op without a usable number"} if stated else {})


def _broken_values(results: Sequence[_Line]) -> list[str]:
    broken = [f"{excerpt(text)} {excerpt(unit)}" for line in results for unit, text in line.broken.items()]
    return [f"{pair}: not a number, so it is not read" for pair in dict.fromkeys(broken)]


def _units(results: Sequence[_Line]) -> list[str]:
    return list(dict.fromkeys(unit for line in results for unit in line.values))


def _warnings(output: _Output) -> list[str]:
    found = ["another benchmark or test of the package failed"] if output.has_failed else []
    return found if output.has_end else [*found, "the output has no end: more results may be missing"]


FORMATS = (GoBenchOutput(),)
