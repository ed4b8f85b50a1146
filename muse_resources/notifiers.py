"""Telling people: into the log, or into a Slack channel through an incoming webhook."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import urllib3

from muse_domain.failures import is_transient_http_status
from muse_domain.notices import Notice

# A sensor's tick ends after 60 seconds, whatever it is doing: telling stays well below, and the next tick tries again.
LONGEST_S = 15.0
_ATTEMPTS = 3
_TIMEOUT = urllib3.Timeout(connect=3.0, read=4.0)
_MARKS = {"info": ":white_check_mark:", "warning": ":warning:", "error": ":rotating_light:"}
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class LogNotifier:
    """Notices as lines of the log `muse.notices`, which Dagster's daemon and code server write out."""

    def __init__(self) -> None:
        self._log = logging.getLogger("muse.notices")

    def tell(self, notice: Notice) -> str:
        """Log one notice."""
        self._log.log(_LEVELS[notice.severity], "%s: %s %s", notice.title, notice.text, notice.link)
        return ""

    def ping(self) -> str:
        """Where notices go."""
        return "the log of Dagster's code server"


@dataclass(slots=True)
class SlackNotifier:
    """Notices as messages of a Slack incoming webhook. The address is a secret: it never stands in a message."""

    url: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False))

    def tell(self, notice: Notice) -> str:
        """Post one notice; a passing failure is tried again as long as a tick has time for it."""
        give_up_at = self.clock() + LONGEST_S
        problem = ""
        for attempt in range(_ATTEMPTS):
            problem, wait_s = self._post(notice, default_wait_s=2.0**attempt)
            if not problem or wait_s is None or self.clock() + wait_s >= give_up_at:
                break
            if attempt + 1 < _ATTEMPTS:
                self.sleep(wait_s)
        return problem

    def ping(self) -> str:
        """Where notices go."""
        return "a Slack channel; the address is not tried before there is something to tell"

    def _post(self, notice: Notice, default_wait_s: float) -> tuple[str, float | None]:
        """What went wrong, empty for nothing; and how long to wait before another try, None when none can help."""
        try:
            answer = self._pool.request(
                "POST", self.url, body=json.dumps(_message(notice)), headers={"Content-Type": "application/json"}
            )
        except urllib3.exceptions.LocationValueError:
            return "SLACK_WEBHOOK_URL is not an address", None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return f"Slack did not answer ({type(error).__name__})", default_wait_s
        if 200 <= answer.status < 300:
            return "", None
        said = answer.data[:80].decode(errors="replace").strip()
        problem = f"Slack answered {answer.status}" + (f" ({said})" if said else "")
        if not is_transient_http_status(answer.status):
            return problem, None
        return problem, _seconds(answer.headers.get("Retry-After")) or default_wait_s


def _seconds(stated: str | None) -> float | None:
    """Retry-After in seconds; its form as a date is not used by Slack."""
    return float(stated) if stated and stated.strip().isdigit() else None


def _message(notice: Notice) -> dict[str, str]:
    link = f"\n<{notice.link}|Open it in Dagster>" if notice.link else ""
    title, text = (_escaped(part) for part in (notice.title, notice.text))
    return {"text": f"{_MARKS[notice.severity]} *{title}*\n{text}{link}"}


def _escaped(text: str) -> str:
    """Text as Slack shows it and does not read it: no mention of everybody, no link, from a commit's subject."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
