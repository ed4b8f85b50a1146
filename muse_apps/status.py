"""What `muse status` finds out: whether each configured adapter answers."""

from dataclasses import dataclass

from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import SourceUnreachable
from muse_resources.adapters import Adapters, Choice
from muse_resources.embedded.connect import OwnerError
from muse_resources.git_command import GitError

_FAILURES = (PermanentFailure, TransientFailure, SourceUnreachable, OwnerError, GitError, OSError)


@dataclass(frozen=True, slots=True)
class PortStatus:
    """One port's answer."""

    choice: Choice
    answer: str
    is_well: bool

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row for people."""
        mark = "[green]ok[/] " if self.is_well else "[bold red]no[/] "
        return self.choice.port, self.choice.adapter, self.choice.reason, mark + self.answer


def answers(adapters: Adapters) -> list[PortStatus]:
    """Every port, asked once."""
    return [_ask(choice) for choice in adapters.choices()]


def _ask(choice: Choice) -> PortStatus:
    try:
        return PortStatus(choice, choice.answers(), True)
    except _FAILURES as error:
        return PortStatus(choice, str(error), False)


def table_rows(adapters: Adapters) -> list[tuple[str, int]]:
    """Rows of every table of the warehouse."""
    adapters.warehouse.migrate()
    return [(row["table"], row["rows"]) for row in adapters.warehouse.select("select_table_counts")]
