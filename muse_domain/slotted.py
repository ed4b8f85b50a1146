"""A text with slots, cut up: its blocks are told apart by blank lines, its sentences by full stops outside of slots."""

import re
from collections.abc import Sequence

from muse_domain.wording import SLOT

GAP = "\x00"  # stands for a slot

_OTHER = "\x04"  # stands for a slot whose place in the sentence is not asked for
_OPEN, _BETWEEN, _CLOSE = "\x01", "\x03", "\x02"  # of a slot in which no full stop stands
_MASKED_SLOT = re.compile(r"\x01([^\x01\x02]+)\x03([^\x01\x02]+)\x02")
_SENTENCE_END = re.compile(r"[.!?]+")

# Subject and name of each slot, in the order of the text.
Slots = Sequence[tuple[str, str]]


def slots_in(text: str) -> Slots:
    """The slots of a text as it was written."""
    return [(match.group(1), match.group(2)) for match in SLOT.finditer(text)]


def with_gaps(text: str) -> str:
    """The text as it was written, a gap in place of each slot."""
    return SLOT.sub(GAP, text)


def sentences(block: str) -> list["Sentence"]:
    """The sentences of a block as it was written."""
    masked = SLOT.sub(lambda match: f"{_OPEN}{match.group(1)}{_BETWEEN}{match.group(2)}{_CLOSE}", block)
    return [Sentence(one) for one in _SENTENCE_END.split(masked)]


class Sentence:
    """One sentence and its slots."""

    def __init__(self, masked: str) -> None:
        self._masked = masked
        self.slots: Slots = [(match.group(1), match.group(2)) for match in _MASKED_SLOT.finditer(masked)]
        self.prose = _MASKED_SLOT.sub(GAP, masked)

    def with_gaps_for(self, *names: str) -> str:
        """A gap in place of each slot of these names; the others stand for a name or value, and are none of these."""
        return _MASKED_SLOT.sub(lambda match: GAP if match.group(2) in names else _OTHER, self._masked)
