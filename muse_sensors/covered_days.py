"""Which days a sensor may start."""

from collections.abc import Iterable
from datetime import date, timedelta

from muse_domain.settings import Settings


def buildable(days: Iterable[date], settings: Settings, today: date) -> list[date]:
    """Those of the days, oldest first, that muse.toml covers and that are young enough to be built unasked."""
    first = max(settings.muse.start_date, today - timedelta(days=settings.watch.catch_up_days))
    last = min(today, settings.muse.end_date or today)
    return sorted({day for day in days if first <= day <= last})
