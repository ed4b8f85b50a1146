"""What came of running a published episode's claims again, and which episodes that marks for correction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from muse_domain.episodes import episode_name
from muse_domain.notices import Notice

Row = Mapping[str, Any]

# Episodes that one message lists; how many there are besides is said.
MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class BrokenClaim:
    """A claim that no longer holds, and why. Without a fact it is the text itself that is another one."""

    fact: str
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class EpisodeProof:
    """One published episode and what came of running its claims again."""

    series: str
    number: int
    day: date
    claims: int
    facts: int
    broken: tuple[BrokenClaim, ...]

    @property
    def name(self) -> str:
        """The episode as `muse verify` takes it."""
        return f"{self.series}/{episode_name(self.number)}"


def correction_rows(proofs: Iterable[EpisodeProof], known: Sequence[Row], now: datetime) -> list[dict[str, Any]]:
    """A row of `corrections` for every broken claim. What was marked before keeps when it was found and told."""
    before = {_key(row): row for row in known}
    rows = []
    for proof in proofs:
        for claim in proof.broken:
            row = {
                "day": proof.day,
                "series": proof.series,
                "episode": proof.number,
                "fact_id": claim.fact,
                "claim": claim.text,
                "problem": claim.problem,
                "found_at": now,
                "told": False,
            }
            kept = before.get(_key(row), row)
            rows.append(row | {"found_at": kept["found_at"], "told": kept["told"]})
    return rows


def _key(row: Row) -> tuple[Any, ...]:
    """The same claim of the same episode; what a row says of its value may change from day to day."""
    about = (row["fact_id"], row["claim"]) if row["fact_id"] else row["problem"]
    return row["day"], row["series"], row["episode"], about


def changed_days(rows: Sequence[Row], known: Sequence[Row]) -> list[date]:
    """The days whose marks are others than before, those without any now included."""
    marks, before = _by_day(rows), _by_day(known)
    return sorted(day for day in marks.keys() | before.keys() if marks.get(day) != before.get(day))


def _by_day(rows: Iterable[Row]) -> dict[date, list[list[tuple[str, Any]]]]:
    found: dict[date, list[list[tuple[str, Any]]]] = {}
    for row in rows:
        found.setdefault(row["day"], []).append(sorted(row.items()))
    return {day: sorted(marks, key=repr) for day, marks in found.items()}


def correction_notice(rows: Sequence[Row], known: Sequence[Row]) -> Notice | None:
    """What people do not know yet: claims that no longer hold, and episodes whose claims hold again."""
    broken = _episodes(row for row in rows if not row["told"])
    mended = sorted(_episodes(row for row in known if row["told"]).keys() - _episodes(rows).keys())
    if broken:
        first = [f"{name} of {day}: {_first(claims)}" for (day, name), claims in sorted(broken.items())[:MOST_LISTED]]
        more = f"; and {len(broken) - MOST_LISTED} more" if len(broken) > MOST_LISTED else ""
        title = f"Published claims no longer hold: {_counted(len(broken))} to correct"
        text = f"{'; '.join(first)}{more}. `muse verify all` lists them; a day that is built again is corrected."
        return Notice(f"corrections:{sorted(broken)}", title, text, "error")
    if mended:
        names = ", ".join(f"{name} of {day}" for day, name in mended[:MOST_LISTED])
        return Notice(f"mended:{mended}", f"No longer marked for correction: {_counted(len(mended))}", names, "info")
    return None


def _episodes(rows: Iterable[Row]) -> dict[tuple[date, str], list[Row]]:
    found: dict[tuple[date, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["day"], f"{row['series']}/{episode_name(row['episode'])}"), []).append(row)
    return found


def _counted(episodes: int) -> str:
    return "one episode" if episodes == 1 else f"{episodes} episodes"


def _first(claims: Sequence[Row]) -> str:
    first = claims[0]
    said = f"{first['fact_id']} {first['problem']}".strip()[:160]
    return said + (f", and {len(claims) - 1} more" if len(claims) > 1 else "")
