"""Proving what is published: every claim of an episode is run again against the warehouse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muse_domain.episodes import content_sha256, episode_name, split_front_matter, unnumbered
from muse_domain.facts import EvidenceError, EvidenceRow, fact_from_row, recheck
from muse_domain.ports import Warehouse
from muse_resources.adapters import Adapters
from muse_resources.site_deployer import published_episodes
from muse_resources.warehouse import json_text


@dataclass(frozen=True, slots=True)
class BrokenClaim:
    """A claim that no longer holds, and why."""

    fact: str
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class EpisodeProof:
    """One published episode and what came of running its claims again."""

    name: str
    day: str
    claims: int
    facts: int
    broken: tuple[BrokenClaim, ...]


class NothingToVerify(Exception):
    """No published episode answers to the given name."""


def verify(adapters: Adapters, target: str) -> Iterator[EpisodeProof]:
    """Prove `all` episodes, one day's (2026-09-08), or one by name (banterpacks/ep-001). Raises NothingToVerify."""
    head = adapters.publisher.head_commit()
    episodes = published_episodes(adapters.publisher, head) if head else []
    wanted = [
        episode
        for episode in episodes
        if target in ("all", f"{episode.series}/{episode_name(episode.number)}", episode.ledger["episode"]["day"])
    ]
    if not wanted:
        names = ", ".join(f"{one.series}/{episode_name(one.number)}" for one in episodes) or "none"
        raise NothingToVerify(f"no published episode is called {target!r}. Published: {names}.")
    asked: dict[str, list[EvidenceRow]] = {}
    for episode in sorted(wanted, key=lambda one: (one.ledger["episode"]["day"], one.series)):
        broken = [*_text_problems(episode.markdown, episode.ledger)]
        broken += _fact_problems(episode.ledger, adapters.warehouse, asked)
        name = f"{episode.series}/{episode_name(episode.number)}"
        claims = episode.ledger["claims"]
        yield EpisodeProof(
            name, episode.ledger["episode"]["day"], len(claims), len(episode.ledger["facts"]), tuple(broken)
        )


def _text_problems(markdown: str, ledger: Mapping[str, Any]) -> Iterator[BrokenClaim]:
    """Whether the text is the one that was judged, and every claim stands where the ledger says."""
    if content_sha256(unnumbered(markdown)) != ledger["episode"]["content_sha256"]:
        yield BrokenClaim("", "", "the file is not the text that was judged: it was edited after publication")
    _, body = split_front_matter(markdown)
    for claim in ledger["claims"]:
        if claim["where"] == "body" and body[claim["start"] : claim["end"]] != claim["text"]:
            yield BrokenClaim(claim["fact"], claim["text"], "the text does not stand where the ledger says")


def _fact_problems(
    ledger: Mapping[str, Any], warehouse: Warehouse, asked: dict[str, list[EvidenceRow]]
) -> Iterator[BrokenClaim]:
    for fact_id, entry in ledger["facts"].items():
        fact = fact_from_row({**entry, "fact_id": fact_id})
        question = json_text([fact.spec.query, dict(fact.spec.parameters)])
        if question not in asked:
            asked[question] = warehouse.evidence(fact.spec)
        try:
            problem = recheck(fact, asked[question]).problem
        except EvidenceError as error:
            problem = str(error)
        if problem:
            shown = ", ".join(dict.fromkeys(c["text"] for c in ledger["claims"] if c["fact"] == fact_id))
            yield BrokenClaim(fact_id, shown, problem)
