"""What Go's benchmark format states of its units: the lines "Unit UNIT KEY=VALUE ...".

Meanings from golang.org/x/perf (`benchfmt/units.go`, `benchfmt/reader.go`, `benchunit/tidy.go`): `better` is higher or
lower, `assume=exact` says that repetitions do not differ. What is stated of a unit holds for the whole output, also for
the results before the line, and for the unit in another scale: ns and sec, MB and B are the same. Of two statements
that contradict each other the first holds.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from muse_domain.formats.values import excerpt
from muse_domain.measurements import Better

_LINE = re.compile(r"Unit[ \t]+(\S+)((?:[ \t]+\S+)+)")
_SEPARATOR = re.compile(r"([*/-])")
_BASE = {"ns": "sec", "MB": "B"}
_DIRECTIONS: Mapping[str, Better] = {"higher": "higher", "lower": "lower"}


@dataclass(slots=True)
class UnitStatements:
    """What an output states of its units, by their base units and the statement's key."""

    _stated: dict[tuple[str, str], str] = field(default_factory=dict)
    _contradictions: dict[str, list[str]] = field(default_factory=dict)

    def take(self, line: str) -> None:
        """Reads a line, if it states anything of a unit."""
        match = _LINE.fullmatch(line)
        if not match:
            return
        unit = match.group(1)
        for statement in match.group(2).split():
            key, is_statement, value = statement.partition("=")
            if key and is_statement and self._stated.setdefault((_base(unit), key), value) != value:
                self._contradictions.setdefault(_base(unit), []).append(f"{unit} {statement}")

    def better(self, units: Iterable[str]) -> dict[str, Better]:
        """The stated directions of units; one that is neither higher nor lower is none."""
        found = {unit: self._stated.get((_base(unit), "better")) for unit in units}
        return {unit: _DIRECTIONS.get(stated, "none") for unit, stated in found.items() if stated is not None}

    def warnings(self, values: Mapping[str, list[float]]) -> Iterator[str]:
        """What contradicts the statements: another one, or repetitions of an exact unit that differ."""
        for unit, repetitions in values.items():
            for contradiction in self._contradictions.get(_base(unit), ()):
                yield f"Unit {excerpt(contradiction)}: the output stated otherwise before, and that is read"
            if self._stated.get((_base(unit), "assume")) == "exact" and len(set(repetitions)) > 1:
                yield f"{excerpt(unit)} is stated to be exact, but its repetitions differ"


def _base(unit: str) -> str:
    """The unit without its scale, by which statements are found: "p99-ns" is "p99-sec"; what is "per" keeps it."""
    parts: list[str] = []
    is_divisor = False
    for part in _SEPARATOR.split(unit):
        if part in ("*", "/"):
            is_divisor = part == "/"
        parts.append(part if is_divisor else _BASE.get(part, part))
    return "".join(parts)
