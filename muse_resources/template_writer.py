"""The writer that needs no account: Jinja templates that write prose with slots."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from muse_domain.drafts import Draft, Empty, WritingOutcome, WritingTask
from muse_resources.templates import template_folder

_SECTIONS = ("title", "what_changed", "why_it_matters", "next_steps")


class TemplateWriter:
    """Writes from `templates/episode/`. Uses no model: no tokens and no cost, truly."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or template_folder("episode")
        self._environment = Environment(
            loader=FileSystemLoader(self._folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            extensions=["jinja2.ext.loopcontrols"],
            # Slots are written {{ }} in the text that comes out, so the templates' own marks differ.
            variable_start_string="<<",
            variable_end_string=">>",
        )

    def write(self, task: WritingTask) -> WritingOutcome:
        """One draft; Empty where there is nothing to write about."""
        if not task.subjects:
            return Empty("no finding to write about")
        title, what_changed, why_it_matters, next_steps = (self._render(name, task) for name in _SECTIONS)
        return Draft(title, what_changed, why_it_matters, next_steps, "templates", prompt_hash=self._prompt_hash())

    def _render(self, section: str, task: WritingTask) -> str:
        template = self._environment.get_template(f"{section}.md.j2")
        return template.render(subjects=task.subjects, offers=set(task.slots), slot=_slot).strip()

    def _prompt_hash(self) -> str:
        texts = [(self._folder / f"{section}.md.j2").read_bytes() for section in _SECTIONS]
        return sha256(b"\0".join(texts)).hexdigest()


def _slot(subject: Mapping[str, Any] | str, name: str) -> str:
    identifier = subject if isinstance(subject, str) else subject["subject"]
    return "{{" + f"{identifier}.{name}" + "}}"
