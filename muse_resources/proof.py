"""Proving what is published: every claim of an episode is run again against the warehouse."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from muse_domain.digests import digest_name
from muse_domain.episodes import DIGEST_SERIES, content_sha256, episode_name, split_front_matter, unnumbered
from muse_domain.facts import EvidenceError, Fact, facts_of_ledger, recheck
from muse_domain.ports import Publisher, Warehouse
from muse_domain.proofs import BrokenClaim, EpisodeProof
from muse_domain.wording import show
from muse_resources.evidence import Evidence
from muse_resources.site.model import PublishedEpisode
from muse_resources.site_deployer import published_episodes


class NothingToVerify(Exception):
    """No published episode answers to the given name."""


def verify(publisher: Publisher, warehouse: Warehouse, target: str) -> list[EpisodeProof]:
    """Prove `all` that is published, one day's episode (2026-09-08), one by name (banterpacks/ep-001), or a month's
    digest (digest-2026-09). Raises NothingToVerify."""
    episodes = _published(publisher)
    wanted = [episode for episode in episodes if target in ("all", _name(episode), _alias(episode))]
    if not wanted:
        names = ", ".join(map(_name, episodes)) or "none"
        raise NothingToVerify(f"no published episode is called {target!r}. Published: {names}.")
    return [_prove(episode, warehouse) for episode in wanted]


def prove_all(publisher: Publisher, warehouse: Warehouse) -> Iterator[EpisodeProof]:
    """Prove every published episode, one after the other; nothing published is nothing to prove."""
    return (_prove(episode, warehouse) for episode in _published(publisher))


def _published(publisher: Publisher) -> list[PublishedEpisode]:
    head = publisher.head_commit()
    episodes = published_episodes(publisher, head) if head else []
    return sorted(episodes, key=lambda one: (one.ledger["episode"]["day"], one.series))


def _name(episode: PublishedEpisode) -> str:
    return f"{episode.series}/{episode_name(episode.number)}"


def _day(episode: PublishedEpisode) -> date:
    return date.fromisoformat(episode.ledger["episode"]["day"])


def _alias(episode: PublishedEpisode) -> str:
    """The day that an episode tells of; for a digest, which tells of no day, its month."""
    day = _day(episode)
    return digest_name(day) if episode.series == DIGEST_SERIES else day.isoformat()


def _prove(episode: PublishedEpisode, warehouse: Warehouse) -> EpisodeProof:
    ledger = episode.ledger
    broken = [*_text_problems(episode.markdown, ledger), *_record_problems(episode, warehouse)]
    # Episodes share few questions: to keep the rows of all of them would fill the memory for nothing.
    broken += _fact_problems(ledger, Evidence(warehouse))
    claims, facts = len(ledger["claims"]), len(ledger["facts"])
    return EpisodeProof(episode.series, episode.number, _day(episode), claims, facts, tuple(broken))


def _record_problems(episode: PublishedEpisode, warehouse: Warehouse) -> Iterator[BrokenClaim]:
    """Whether the warehouse remembers publishing exactly this text: a ledger cannot vouch for itself."""
    if episode.series == DIGEST_SERIES:
        recorded = warehouse.select("select_digest_publication", {"day": _day(episode).replace(day=1)})
    else:
        recorded = warehouse.select("select_publication", {"day": _day(episode)})
    if not recorded:
        yield BrokenClaim("", "", f"the warehouse holds no publication of {_alias(episode)}")
    elif recorded[0]["content_sha256"] != content_sha256(unnumbered(episode.markdown)):
        yield BrokenClaim("", "", "the text is not the one that the warehouse recorded as published")


def _text_problems(markdown: str, ledger: Mapping[str, Any]) -> Iterator[BrokenClaim]:
    """Whether the text is the one that was judged, and every claim stands where the ledger says."""
    if content_sha256(unnumbered(markdown)) != ledger["episode"]["content_sha256"]:
        yield BrokenClaim("", "", "the file is not the text that was judged: it was edited after publication")
    _, body = split_front_matter(markdown)
    facts = facts_of_ledger(ledger)
    for claim in ledger["claims"]:
        fact = facts[claim["fact"]]
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
    for fact_id, fact in facts_of_ledger(ledger).items():
        try:
            problem = recheck(fact, evidence.of(fact.spec)).problem
        except EvidenceError as error:
            problem = str(error)
        if problem:
            shown = ", ".join(dict.fromkeys(c["text"] for c in ledger["claims"] if c["fact"] == fact_id))
            yield BrokenClaim(fact_id, shown, problem)
