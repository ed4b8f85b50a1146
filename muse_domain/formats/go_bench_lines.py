"""The lines of Go's benchmark format: results, settings, what failed, and where the output ends.

Meanings from golang.org/x/perf (`benchfmt/reader.go`) and golang.org/design/14313-benchmark-format: a line "key: value"
holds for the results after it until the key is stated again, and without a value it takes the key away. A key begins
with a small letter and has no space and no capital.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from muse_domain.formats.go_bench_units import UnitStatements
from muse_domain.formats.values import decimal, label
from muse_domain.measurements import Refusal

_SETTING = re.compile(r"([a-z][^\sA-Z:]*):(?:[ \t]+(.*))?")
_HEADER_KEYS = ("goos", "goarch", "pkg", "cpu", "commit")
# Messages of Go and of loggers that look like settings: they come and go, and say nothing of how it was run.
_MESSAGE = re.compile(r"(?:testing|coverage|trace|debug|info|warn|warning|error|fatal|panic|signal):|go: [a-z]+ing\b")
# No configuration has so many: what comes beyond them is a log, and would be carried along with every result.
_MOST_SETTINGS = 100
_FAILURE = re.compile(r"--- (FAIL|SKIP): (Benchmark\S*)")
_END = re.compile(r"PASS|FAIL|(?:ok|FAIL)\s+\S+\s+(?:[0-9.]+s|\(cached\)|\[.+\])(?:\s.*)?")
_REMEDY = "Repair the benchmark, run it again, then ingest its output again."


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One result as printed: `values` by their units, `settings` the lines "key: value" that hold for it.

    `broken` are the texts by their units that are no numbers.
    """

    name: str
    iterations: int
    values: Mapping[str, float]
    settings: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Output:
    """What one package, or a whole text, printed. `started` is the time of its first event, None for a text.

    `announced` are the names that stand on a line alone. `has_package` says that its last results are of a package.
    """

    started: object = None
    lines: list[ResultLine] = field(default_factory=list)
    units: UnitStatements = field(default_factory=UnitStatements)
    announced: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    has_failed: bool = False
    has_header: bool = False
    has_package: bool = False
    has_end: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether its end is missing: go test states a package and ends it, other tools of the format do neither."""
        return self.has_header and not self.has_end and (self.has_package or not self.lines)


def read_output(text: str, started: object) -> Output:
    """The results of a text and what holds for them."""
    output = Output(started)
    settings: dict[str, str] = {}
    for stated in map(str.rstrip, text.splitlines()):
        line = stated.lstrip()
        key, value = _setting(stated)
        failure = _FAILURE.search(line)
        is_header, is_result = key in _HEADER_KEYS, line.startswith("Benchmark")
        if key:
            settings = _with(settings, key, value)
            output.has_header |= is_header
            output.has_package = "pkg" in settings
        elif failure:
            output.refusals.append(_refused(failure.group(2), failure.group(1)))
        elif is_result:
            _take(output, line, settings)
        output.units.take(stated)
        output.has_failed |= line.startswith("FAIL")
        output.has_end = bool(_END.fullmatch(line)) or (output.has_end and not is_header and not is_result)
    output.refusals += _without_result(output)
    return output


def _setting(line: str) -> tuple[str, str]:
    """The key and the value that a line states; empty texts where it states none."""
    match = None if _MESSAGE.match(line) else _SETTING.fullmatch(line)
    return (match.group(1), match.group(2) or "") if match else ("", "")


def _with(settings: Mapping[str, str], key: str, value: str) -> dict[str, str]:
    """The settings after a line, which takes its key away where it has no value."""
    others = {name: known for name, known in settings.items() if name != key}
    is_taken = value and (key in _HEADER_KEYS or len(others) < _MOST_SETTINGS)
    return others | {key: value} if is_taken else others


def _without_result(output: Output) -> Iterator[Refusal]:
    """The benchmarks that were announced (`-v`, or other output after the name) and have no line of a result."""
    told = [line.name for line in output.lines] + [refusal.item for refusal in output.refusals]
    for name in dict.fromkeys(output.announced):
        # The result has the processors after the name, and a benchmark of sub-benchmarks has none of its own.
        if not any(known == name or known.startswith((f"{name}-", f"{name}/")) for known in told):
            yield Refusal(label(name) or "(unnamed)", "The benchmark began, but no line states its result.", _REMEDY)


def _refused(name: str, outcome: str) -> Refusal:
    reason = "The benchmark was skipped." if outcome == "SKIP" else "The benchmark failed."
    return Refusal(label(name) or "(unnamed)", reason, _REMEDY)


def _take(output: Output, line: str, settings: Mapping[str, str]) -> None:
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
    output.lines.append(ResultLine(name, iterations, values, settings, broken))
