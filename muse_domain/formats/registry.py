"""The known report formats, and the one way to read a report.

A format is recognised by its content, never by its name alone, and exactly one must recognise a file: an
unknown or ambiguous file is refused with the reason and what to do. To add a format is to add a module to this
package that names its formats in `FORMATS`.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from muse_domain import formats
from muse_domain.formats.decoded import EXPLAIN, Decoded, decode
from muse_domain.formats.values import label
from muse_domain.measurements import Measurement, Refusal, ReportReading, ReportRefused
from muse_domain.quality import assess

_KEYS_SHOWN = 8


class ReportFormat(Protocol):
    """One kind of report. `documentation` is markdown: what maps to which column, what is null and why.

    `path` is the file's path as Muse shows it, with slashes. Most formats need none of it; some tools name the
    benchmark only there.
    """

    name: str
    title: str
    documentation: str

    def recognises(self, path: str, content: Decoded) -> bool:
        """Whether the file is of this format, by its content."""
        ...

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The runs of a file that it recognises; raises ReportRefused when the whole breaks its rules."""
        ...


def _known_formats() -> Iterator[ReportFormat]:
    for module in sorted(iter_modules(formats.__path__), key=lambda module: module.name):
        if module.name != "registry":
            yield from getattr(import_module(f"{formats.__name__}.{module.name}"), "FORMATS", ())


FORMATS: tuple[ReportFormat, ...] = tuple(_known_formats())


def read_report(path: str, data: bytes) -> ReportReading:
    """The runs that a report states, each with its quality, and the parts that were refused.

    Raises ReportRefused when the file as a whole cannot be read: empty, cut, not UTF-8, not JSON or CSV, of
    an unknown format, of more than one, or without any run.
    """
    content = decode(data)
    report_format = _only_format(path, content)
    try:
        reading = report_format.read(path, content)
    except RecursionError as error:
        raise ReportRefused("The report is nested too deeply.", EXPLAIN) from error
    if not reading.measurements and not reading.refusals:
        raise ReportRefused(f"The {report_format.name} report is empty: it holds no run.", EXPLAIN)
    return _without_repetitions(reading)


def _only_format(path: str, content: Decoded) -> ReportFormat:
    found = [known for known in FORMATS if known.recognises(path, content)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(known.name for known in found)
        raise ReportRefused(f"The report is ambiguous: it could be {names}.", EXPLAIN)
    raise ReportRefused(f"The format of the report is not known: {_contents(content)}.", EXPLAIN)


def _contents(content: Decoded) -> str:
    if content.top:
        return f"its top-level keys are {_some(list(content.top))}"
    if content.header:
        return f"it is a table with the columns {_some(list(content.header))}"
    if isinstance(content.json, list):
        return f"it is a JSON list of {len(content.json)} items"
    if content.documents:
        first = content.documents[0]
        keys = f" with the keys {_some(list(first))}" if isinstance(first, dict) else ""
        return f"it is {len(content.documents)} lines of JSON{keys}"
    return "it is neither a JSON report nor a table"


def _some(names: list[str]) -> str:
    shown = ", ".join((label(name) or "(unnamed)")[:40] for name in names[:_KEYS_SHOWN])
    more = len(names) - _KEYS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _without_repetitions(reading: ReportReading) -> ReportReading:
    """Runs assessed; a second one of the same identity would replace the first, so it is refused instead."""
    runs: dict[tuple[str | None, str], Measurement] = {}
    repeated: list[Refusal] = []
    for run in reading.measurements:
        key = (run.identity, run.benchmark)
        if key in runs:
            repeated.append(_repetition(run.benchmark))
        else:
            runs[key] = assess(run)
    return ReportReading(reading.format, tuple(runs.values()), (*reading.refusals, *repeated))


def _repetition(benchmark: str) -> Refusal:
    return Refusal(
        benchmark,
        "The report states this run more than once; the first is kept.",
        "Give each run a name of its own at its source, then ingest the report again.",
    )
