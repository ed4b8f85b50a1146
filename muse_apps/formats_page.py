"""`docs/formats.md`: what every format maps to which column, made of the formats' own documentation."""

from collections.abc import Iterable
from pathlib import Path

from muse_domain.event_formats.event_format import EventFormat
from muse_domain.event_formats.registry import FORMATS as EVENT_FORMATS
from muse_domain.formats.registry import FORMATS as REPORT_FORMATS
from muse_domain.formats.registry import ReportFormat
from muse_domain.quality import PERCENTILE_MINIMUM

PAGE = Path("docs/formats.md")

_HEAD = """\
# Formats

What Muse reads, what of it goes to which column, what stays null and why. Made from the modules in
`muse_domain/formats/` and `muse_domain/event_formats/` by `make docs`; to add a format is to add a module there.

`muse ingest --explain FILE` shows all of this for one file of yours, and writes nothing.
"""

_REPORTS = """\
## Reports

A report is recognised by its content, never by its name. Exactly one format must know it: an unknown or ambiguous file
is refused with its reason and lies in `dead_letters`. For all formats:

- Times are stored in ms, memory in MB (10^6 bytes), cost in USD for 1,000 tokens.
- A percentile is taken from raw samples only with enough of them: {minimum}. One that the report
  states from fewer is kept and the run flagged. A mean is not a median; operations a second are not tokens a second.
- What cannot be true is quarantined, kept and never used: a mean outside of its extremes, percentiles out of order, a
  time of zero or less, a failed exit code, nothing completed, no tokens in real time.
- Time and commit come from the report, else from its path or git history as `muse.toml` says (`pattern`, `dated_by`).
  A run that nothing dates is refused. A commit is a full hash.
- What a benchmark ran on makes the `environment`; only runs of the same environment are compared. Host names, paths of
  homes and addresses are masked or not read.
"""

_EVENTS = """\
## Events

`[[events]]` names files and their `format`; `[events.mapping]` names fields instead of the format's own, and the types
that are errors, starts and completions. For all formats:

- Files are JSON texts, one a line or one in the whole file, plain or gzip, or Parquet (embedded engine only).
- An event needs a time and a type; a line without is refused with its number. Times without an offset are UTC.
- What the engine cannot read is refused as no valid JSON: `NaN`, a number beyond 1.8e308, half of a pair of surrogates
  (a text that was cut within an emoji), objects more than a thousand deep.
- An event that comes twice under one id on a day is taken once. A session is the native one, else the events of one
  person up to a gap of 30 minutes or midnight, marked `session_derived`.
- Ids of sessions are hashed with `MUSE_HASH_KEY`; without the key they are numbers of the day. Ids of people are never
  stored, user agents as family and major version, nothing else that is not mapped.
- An abandonment rate needs a start and a completion, an error rate named error types; else they are null.
"""


def formats_page() -> str:
    """The whole page."""
    minimum = ", ".join(f"{name[8:-3]} from {least}" for name, least in PERCENTILE_MINIMUM.items())
    parts = [
        _HEAD,
        _contents("Reports", REPORT_FORMATS),
        _contents("Events", EVENT_FORMATS),
        _REPORTS.format(minimum=minimum),
        *map(_section, _sorted(REPORT_FORMATS)),
        _EVENTS,
        *map(_section, _sorted(EVENT_FORMATS)),
    ]
    return "\n".join(parts)


def _sorted(formats: Iterable[ReportFormat | EventFormat]) -> list[ReportFormat | EventFormat]:
    return sorted(formats, key=lambda known: known.title.lower())


def _contents(title: str, formats: Iterable[ReportFormat | EventFormat]) -> str:
    links = "\n".join(f"- [{known.title}](#{known.name})" for known in _sorted(formats))
    return f"{title}:\n\n{links}\n"


def _section(known: ReportFormat | EventFormat) -> str:
    head = f'<a id="{known.name}"></a>\n\n### {known.title}\n\nStored as `{known.name}`.'
    return f"{head}\n\n{known.documentation.strip()}\n"


if __name__ == "__main__":
    PAGE.write_text(formats_page(), encoding="utf-8")
