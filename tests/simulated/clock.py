"""Simulated time that many processes share: it runs faster than the real one, or stands."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """Its state lies in a file: real seconds (monotonic, of the machine), the instant then, and the rate since."""

    file: Path

    def now(self) -> datetime:
        """The simulated instant, aware, UTC."""
        began, instant, rate = map(float, self.file.read_text(encoding="ascii").split())
        return datetime.fromtimestamp(instant + (time.monotonic() - began) * rate, UTC)

    def set(self, instant: datetime, rate: float) -> None:
        """From now on it is this instant, and time runs at this rate."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{time.monotonic()} {instant.timestamp()} {rate}", encoding="ascii")
        draft.replace(self.file)
