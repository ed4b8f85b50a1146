"""The known event formats.

To add a format is to add a module to this package that names its formats in `FORMATS`.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from muse_domain import event_formats
from muse_domain.event_formats.event_format import EventFields, EventFormat
from muse_domain.formats.values import is_object

# The formats' modules cannot import the dataclasses from here: this module imports them.
__all__ = ["FORMATS", "EventFields", "EventFormat", "event_format", "recognise"]


def _known_formats() -> Iterator[EventFormat]:
    for module in sorted(iter_modules(event_formats.__path__), key=lambda module: module.name):
        if module.name != "registry":
            yield from getattr(import_module(f"{event_formats.__name__}.{module.name}"), "FORMATS", ())


FORMATS: tuple[EventFormat, ...] = tuple(_known_formats())


def event_format(name: str) -> EventFormat:
    """The format of that name. Raises LookupError with the names that are known."""
    for known in FORMATS:
        if known.name == name:
            return known
    names = ", ".join(sorted(known.name for known in FORMATS))
    raise LookupError(f"there is no event format {name!r}: the known ones are {names}")


def recognise(first_document: object) -> list[str]:
    """Names of the formats that a decoded document could be of: none when unknown, several when ambiguous.

    A list stands for its first object. `json_lines` is never among them: any object could be one of its events.
    """
    documents = first_document if isinstance(first_document, list) else [first_document]
    document = next((item for item in documents if is_object(item)), None)
    return [] if document is None else [known.name for known in FORMATS if known.recognises(document)]
