"""What people are told, and the port through which they are."""

from dataclasses import dataclass
from typing import Literal, Protocol

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `key` names what happened: who asks for the same key twice wants it told once."""

    key: str
    title: str
    text: str
    severity: Severity
    link: str = ""


class Notifier(Protocol):
    """Tells people. It never raises: a message that did not arrive must not stop what it was about."""

    def tell(self, notice: Notice) -> str:
        """Tell one notice; returns why it could not be told, empty when it was."""

    def ping(self) -> str:
        """Where notices go, in words."""
