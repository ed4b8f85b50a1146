"""What the watcher has told, and when it speaks again: once for each change of a source's status."""

from collections.abc import Mapping, Sequence

from muse_domain.notices import Notice, Severity
from muse_domain.watch import FreshnessVerdict, WatchStatus, worst

_SEVERITIES: Mapping[WatchStatus, Severity] = {WatchStatus.VALID: "info", WatchStatus.DEGRADED: "warning"}

_SAID: Mapping[WatchStatus, str] = {
    WatchStatus.DEGRADED: "is late",
    WatchStatus.LAG_EXCEEDED: "is stale",
    WatchStatus.MISSING_HEARTS: "has no rows",
    WatchStatus.MISSING_PACKS: "has no rows",
    WatchStatus.ERROR: "cannot be read",
}


def source_statuses(verdicts: Sequence[FreshnessVerdict]) -> dict[str, WatchStatus]:
    """The worst status of each source over the days under watch; sources that are valid are left out."""
    names = sorted({name for verdict in verdicts for name in verdict.statuses})
    found = {name: worst(v.statuses[name] for v in verdicts if name in v.statuses) for name in names}
    return {name: status for name, status in found.items() if status is not WatchStatus.VALID}


def change_notice(
    told: Mapping[str, str], statuses: Mapping[str, WatchStatus], verdicts: Sequence[FreshnessVerdict]
) -> Notice | None:
    """What people are to be told now that the statuses are these; None when nothing has changed since `told`."""
    if dict(told) == {name: str(status) for name, status in statuses.items()}:
        return None
    key = "watcher:" + ",".join(f"{name}={status}" for name, status in sorted(statuses.items()))
    recovered = ", ".join(sorted(told.keys() - statuses.keys()))
    if not statuses:
        return Notice(
            key, f"Fresh again: {recovered}", "Episodes of the days under watch can be written again.", "info"
        )
    status = worst(statuses.values())
    reasons = dict.fromkeys(
        v.reasons[name] for name, one in sorted(statuses.items()) for v in verdicts if v.statuses.get(name) is one
    )
    passes = "Episodes wait, unless degraded data is allowed." if status is WatchStatus.DEGRADED else "Episodes wait."
    title = ", ".join(f"{name} {_SAID[one]}" for name, one in sorted(statuses.items()))
    title += f"; fresh again: {recovered}" if recovered else ""
    return Notice(key, title, f"{'; '.join(reasons)}. {passes}", _SEVERITIES.get(status, "error"))
