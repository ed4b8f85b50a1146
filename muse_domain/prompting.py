"""What a language model is asked: instructions, and the structure of the day in slots.

No value, name, subject line or other text of a fact is given to it. So nothing that somebody wrote in a commit message
or a report can reach the instructions, and there is no number that it could repeat.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muse_domain.drafts import Revision, WritingTask
from muse_domain.spending import Bound, bound_of
from muse_domain.subjects import TIME_UNITS
from muse_domain.verdicts import Objection
from muse_domain.wording import Citation, FactSheet, UnknownSlot, phrase

# Raised whenever the meaning of the request changes beyond the text of the instructions.
PROMPT_VERSION = "2"

LIST_SECTIONS = ("what_changed", "why_it_matters", "next_steps")
MOST_OBJECTIONS = 20
LONGEST_OBJECTION = 200

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_DIRECTIONS = frozenset({"up", "down", "none"})
_EFFECTS = frozenset({"regression", "improvement", "change"})
_CAUSES = frozenset({"code", "method", "noise"})
_STATES = frozenset({"suspected", "confirmed", "refuted"})


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request of the Responses API, without the server's address and key."""

    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model that is asked."""
        return str(self.body["model"])

    @property
    def prompt_hash(self) -> str:
        """SHA-256 over all that the model reads."""
        return _sha256([PROMPT_VERSION, self.body["instructions"], self.body["input"], self.body["text"]])

    @property
    def bound(self) -> Bound:
        """The most tokens that the request can use."""
        return bound_of(len(_canonical(self.body).encode()), self.body["max_output_tokens"])

    def cache_key(self, base_url: str, facts_hash: str) -> str:
        """The same key is the same question about the same facts: it need not be paid for again."""
        return _sha256([PROMPT_VERSION, base_url, self.body, facts_hash])


def build_request(task: WritingTask, instructions: str, model: str, max_output_tokens: int) -> ModelRequest:
    """What to ask for this task; a revision carries the refused draft and the objections along."""
    messages = [{"role": "user", "content": _canonical(structure(task))}]
    if task.revision is not None:
        messages += _revision_messages(task.revision)
    return ModelRequest(
        {
            "model": model,
            "instructions": instructions,
            "input": messages,
            "text": {"format": {"type": "json_schema", "name": "episode", "strict": True, "schema": answer_schema()}},
            "max_output_tokens": max_output_tokens,
            "store": False,
        }
    )


def answer_schema() -> dict[str, Any]:
    """The JSON schema of an answer: a title, and three lists of paragraphs."""
    paragraphs = {"type": "array", "items": {"type": "string"}}
    properties: dict[str, Any] = {"title": {"type": "string"}, **dict.fromkeys(LIST_SECTIONS, paragraphs)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def structure(task: WritingTask) -> dict[str, Any]:
    """What the model is told of the day: ids and words of our own, and the shape of each slot."""
    return {
        "findings": [
            {
                "id": subject["subject"],
                "direction": _one_of(_DIRECTIONS, subject["direction"], "up"),
                "effect": _one_of(_EFFECTS, subject["effect"], "change"),
                "cause": _one_of(_CAUSES, subject["cause"], "unknown"),
                "state": _one_of(_STATES, subject["state"], "suspected"),
                "measures": _measures(subject["subject"], task.sheet),
                "slots": _slots(subject["subject"], task),
            }
            for subject in task.subjects
            if _IDENTIFIER.fullmatch(str(subject["subject"]))
        ],
        "day": _slots("day", task),
    }


def _one_of(known: frozenset[str], value: object, otherwise: str) -> str:
    return str(value) if value in known else otherwise


def _measures(subject: str, sheet: FactSheet) -> str:
    """In which kind of unit the finding is measured."""
    fact = sheet.get(f"{subject}.before")
    unit = fact.spec.unit if fact is not None else ""
    if unit.partition("/")[0] in TIME_UNITS:
        return "time"
    return "rate" if unit.endswith("/s") else "other"


def _slots(subject: str, task: WritingTask) -> dict[str, str]:
    """The subject's slots, each with its shape."""
    names = [slot.partition(".")[2] for slot in task.slots if slot.partition(".")[0] == subject]
    known = [name for name in names if _IDENTIFIER.fullmatch(name)]
    return {f"{{{{{subject}.{name}}}}}": _shape(subject, name, task.sheet) for name in known}


def _shape(subject: str, name: str, sheet: FactSheet) -> str:
    """How a slot reads, with the facts' names in the place of their values."""
    try:
        parts = phrase(subject, name, sheet)
    except UnknownSlot:
        return ""
    return "".join(f"<{part.fact.partition('.')[2]}>" if isinstance(part, Citation) else part for part in parts)


def _revision_messages(revision: Revision) -> list[dict[str, str]]:
    draft = revision.draft
    refused = {"title": draft.title, **{name: draft.sections[name].split("\n\n") for name in LIST_SECTIONS}}
    told = {"refused_because": list(revision.objections)}
    return [
        {"role": "assistant", "content": _canonical(refused)},
        {"role": "user", "content": f"{_canonical(told)}\nWrite the whole entry again, and mend all of that."},
    ]


def told_objections(objections: Sequence[Objection]) -> list[str]:
    """The objections as the writer is told them: bounded, each once."""
    told = [f"{one.where}: {one.code}: {one.message}"[:LONGEST_OBJECTION] for one in objections]
    return list(dict.fromkeys(told))[:MOST_OBJECTIONS]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _sha256(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()
