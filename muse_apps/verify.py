"""Proving what is published: every claim of an episode is run again against the warehouse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muse_domain.episodes import content_sha256, episode_name, split_front_matter, unnumbered
from muse_domain.facts import EvidenceError, Fact, fact_from_row, recheck
from muse_domain.ports import Warehouse
from muse_domain.wording import show
from muse_resources.adapters import Adapters
from muse_resources.evidence import Evidence
from muse_resources.site.model import PublishedEpisode
from muse_resources.site_deployer import published_episodes


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
    evidence = Evidence(adapters.warehouse)
    for episode in sorted(wanted, key=lambda one: (one.ledger["episode"]["day"], one.series)):
        broken = [*_text_problems(episode.markdown, episode.ledger), *_record_problems(episode, adapters.warehouse)]
        broken += _fact_problems(episode.ledger, evidence)
        name = f"{episode.series}/{episode_name(episode.number)}"
        claims = episode.ledger["claims"]
        yield EpisodeProof(
            name, episode.ledger["episode"]["day"], len(claims), len(episode.ledger["facts"]), tuple(broken)
        )


def _record_problems(episode: PublishedEpisode, warehouse: Warehouse) -> Iterator[BrokenClaim]:
    """Whether the warehouse remembers publishing exactly this text: a ledger cannot vouch for itself."""
    recorded = warehouse.select("select_publication", {"day": episode.ledger["episode"]["day"]})
    if not recorded:
        yield BrokenClaim("", "", "the warehouse holds no publication of this day")
    elif recorded[0]["content_sha256"] != content_sha256(unnumbered(episode.markdown)):
        yield BrokenClaim("", "", "the text is not the one that the warehouse recorded as published")


def _text_problems(markdown: str, ledger: Mapping[str, Any]) -> Iterator[BrokenClaim]:
    """Whether the text is the one that was judged, and every claim stands where the ledger says."""
    if content_sha256(unnumbered(markdown)) != ledger["episode"]["content_sha256"]:
        yield BrokenClaim("", "", "the file is not the text that was judged: it was edited after publication")
    _, body = split_front_matter(markdown)
    for claim in ledger["claims"]:
        fact = fact_from_row({**ledger["facts"][claim["fact"]], "fact_id": claim["fact"]})
        if claim["text"] != _reads(fact, claim):
            yield BrokenClaim(claim["fact"], claim["text"], f"its fact reads {_reads(fact, claim)!r}")
        if claim["where"] == "body" and body[claim["start"] : claim["end"]] != claim["text"]:
            yield BrokenClaim(claim["fact"], claim["text"], "the text does not stand where the ledger says")


def _reads(fact: Fact, claim: Mapping[str, Any]) -> str:
    """How the fact is shown where the claim stands."""
    if claim["where"] == "front_matter.title":
        return show(fact, claim["style"]).replace("`", "")
    return str(fact.value) if claim["where"].startswith("front_matter.") else show(fact, claim["style"])


def _fact_problems(ledger: Mapping[str, Any], evidence: Evidence) -> Iterator[BrokenClaim]:
    for fact_id, entry in ledger["facts"].items():
        fact = fact_from_row({**entry, "fact_id": fact_id})
        try:
            problem = recheck(fact, evidence.of(fact.spec)).problem
        except EvidenceError as error:
            problem = str(error)
        if problem:
            shown = ", ".join(dict.fromkeys(c["text"] for c in ledger["claims"] if c["fact"] == fact_id))
            yield BrokenClaim(fact_id, shown, problem)
