"""A report's bytes, decoded once for every format that may recognise it."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from muse_domain.formats.values import label
from muse_domain.measurements import ReportRefused

EXPLAIN = "Run `muse ingest --explain FILE` to see how it is read; docs/formats.md lists what is known."
_WRITE_AGAIN = "Let the benchmark tool write the report again, then ingest it again."

_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
}
_ASSIGNMENT = re.compile(r"window\.BENCHMARK_DATA\s*=\s*")
_CLOSERS = {"{": "}", "[": "]"}
_EXACT_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Decoded:
    """One file's text and what it parses to.

    `json` is the parsed document, None when the file is not JSON. `documents` are those of JSON lines: two or more,
    each on a line of its own. `header` holds the column names when the file is a comma-separated table. `is_script`
    says that the JSON stood in `window.BENCHMARK_DATA = ...`.
    """

    text: str
    json: object = None
    documents: tuple[object, ...] = ()
    header: tuple[str, ...] | None = None
    is_script: bool = False

    @property
    def top(self) -> Mapping[str, object]:
        """The top-level object; empty when the document is not an object."""
        return self.json if isinstance(self.json, dict) else {}


def decode(data: bytes) -> Decoded:
    """Text, JSON and table header of a file; raises ReportRefused when it is none of them."""
    text = _text(data).strip()
    if not text:
        raise ReportRefused("The file is empty.", _WRITE_AGAIN)
    assignment = _ASSIGNMENT.match(text)
    if assignment:
        script = text[assignment.end() :].removesuffix(";").rstrip()
        return Decoded(text=text, json=_json(script), is_script=True)
    if text[0] in _CLOSERS:
        return _json_lines(text) or Decoded(text=text, json=_json(text))
    return Decoded(text=text, header=_table_header(text))


def _text(data: bytes) -> str:
    packed = next((kind for mark, kind in _PACKED.items() if data.startswith(mark)), None)
    if packed:
        raise ReportRefused(f"The file is packed ({packed}).", "Unpack it, then ingest what it holds.")
    if data.startswith(tuple(_BYTE_ORDER_MARKS)):
        encoding = next(encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if data.startswith(mark))
        raise ReportRefused(f"The file is {encoding}, not UTF-8.", "Convert it to UTF-8, then ingest it again.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"The file is not UTF-8 text: byte {error.start} cannot be decoded."
        raise ReportRefused(reason, "Convert it to UTF-8, then ingest it again.") from error
    if "\0" in text:
        raise ReportRefused("The file is binary: it contains NUL characters.", EXPLAIN)
    return text


def _json_lines(text: str) -> Decoded | None:
    """Two or more JSON documents, one on each line; None when the first line alone is no document."""
    first, _, rest = text.partition("\n")
    if not rest or first.rstrip()[-1] != _CLOSERS[text[0]]:
        return None
    try:
        documents = [_json(first)]
    except ReportRefused:
        return None
    for number, line in enumerate(rest.splitlines(), start=2):
        if line.strip():
            documents.append(_line(line.strip(), number))
    return Decoded(text=text, documents=tuple(documents))


def _line(text: str, number: int) -> object:
    try:
        return _json(text)
    except ReportRefused as error:
        raise ReportRefused(f"Line {number} of the JSON lines is broken. {error.reason}", error.remedy) from error


def _json(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ReportRefused("The JSON is nested too deeply to be a benchmark report.", EXPLAIN) from error
    except json.JSONDecodeError as error:
        raise _broken_json(text, error) from error


def _broken_json(text: str, error: json.JSONDecodeError) -> ReportRefused:
    place = f"line {error.lineno}, column {error.colno}"
    if error.msg == "Extra data":
        reason = f"The file holds more than one JSON document: the second starts at {place}."
        return ReportRefused(reason, "Give each report a file of its own.")
    if not text or text[-1] != _CLOSERS.get(text[0]):
        return ReportRefused(f"The file is cut: its JSON has no end ({error.msg} at {place}).", _WRITE_AGAIN)
    return ReportRefused(f"The file is not valid JSON: {error.msg} at {place}.", _WRITE_AGAIN)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; a key that appears twice is refused, since either value may be the measured one."""
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        shown = (label(twice) or "(unnamed)")[:80]
        raise ReportRefused(f"The JSON is ambiguous: the key {shown!r} appears twice.", _WRITE_AGAIN)
    return result


def _integer(digits: str) -> int | float:
    """Exact up to 18 digits; beyond, no measured count is exact, and huge integers break every reader."""
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


# json.loads would make one for each file.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _table_header(text: str) -> tuple[str, ...] | None:
    try:
        names = next(csv.reader([text.splitlines()[0]], strict=True), [])
    except csv.Error:
        return None
    return tuple(name.strip() for name in names) if len(names) > 1 else None
