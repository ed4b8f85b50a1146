"""Where an episode's claims stand: each is found where its ledger says, and becomes a link to its source.

Claims are marked in the text before it is rendered and placed in the HTML after: `mark_body` and
`mark_title` put each between two characters that Markdown does not read, `place` turns these into
elements. A claim that finds no place is an error, never left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from muse_resources.site.model import SiteError

# A claim of more characters (a benchmark's name) may break over lines; a number or an instant never does.
LONG_CLAIM = 22
# One private-use character opens each claim (it also says which), another closes it. Markdown sees
# neither space nor punctuation in them, so they change nothing about how the text around them is read.
CLAIM_OPEN, CLAIM_CLOSE = 0xF0000, "\U00100000"
MOST_CLAIMS = 0xFFF0
RESERVED = re.compile(f"[\\U{CLAIM_OPEN:08x}-\\U000ffffd{CLAIM_CLOSE}]")
CLAIM = re.compile(f"([\\U{CLAIM_OPEN:08x}-\\U000ffffd])([^{CLAIM_CLOSE}]*){CLAIM_CLOSE}")
LINK = re.compile(r"(<a [^>]*>)(.*?)</a>", re.DOTALL)
TAG = re.compile(r"<(/?\w+)[^>]*>")


@dataclass(slots=True)
class Claims:
    """The claims of one episode, and which of them have already found their place on the page.

    `numbers` gives each cited fact its source's number.
    """

    address: str
    claims: Sequence[Mapping[str, Any]]
    numbers: Mapping[str, int]
    placed: set[int] = field(default_factory=set)

    def error(self, index: int, problem: str) -> SiteError:
        """An error that names the claim."""
        claim = self.claims[index]
        named = f"claim {index} ({claim.get('fact')!r}, {claim.get('text')!r} in {claim.get('where')!r})"
        return SiteError(f"{self.address}: {named} {problem}")

    def at(self, where: str) -> list[tuple[int, Mapping[str, Any]]]:
        """The claims that the ledger puts there, each with its index."""
        return [(index, claim) for index, claim in enumerate(self.claims) if claim["where"] == where]

    def element(self, index: int, text: Markup, classes: str = "claim") -> Markup:
        """The link from the claim's text to its source; the claim is then placed."""
        self.placed.add(index)
        fact = self.claims[index]["fact"]
        if len(text.striptags()) > LONG_CLAIM:
            classes += " long"
        return Markup('<a class="{}" id="claim-{}" href="#source-{}" data-source="{}" data-fact="{}">{}</a>').format(
            classes, index + 1, self.numbers[fact], self.numbers[fact], fact, text
        )

    def reference(self, index: int) -> Markup:
        """A link with the source's number, for text that cannot be a link itself."""
        number = self.numbers[self.claims[index]["fact"]]
        return self.element(index, Markup("{}").format(number), "claim reference")

    def require_all_placed(self) -> None:
        """Raises SiteError for the first claim that the page does not show."""
        for index in range(len(self.claims)):
            if index not in self.placed:
                raise self.error(index, "has no place on the page where it could be shown")


def read_claims(ledger: Mapping[str, Any], address: str) -> Claims:
    """The ledger's claims; facts are numbered in the order in which the text cites them. Raises SiteError."""
    claims: Sequence[Mapping[str, Any]] = ledger["claims"]
    facts: Iterable[str] = dict.fromkeys(claim["fact"] for claim in claims)
    found = Claims(address, claims, {fact: number for number, fact in enumerate(facts, 1)})
    if len(claims) > MOST_CLAIMS:
        raise SiteError(f"{address}: has {len(claims)} claims; {MOST_CLAIMS} are the most a page can hold")
    for index, claim in enumerate(claims):
        if claim["fact"] not in ledger["facts"]:
            raise found.error(index, "names a fact that the ledger does not hold")
    return found


def mark_body(body: str, claims: Claims) -> str:
    """The body with each claim between its marks. Raises SiteError for one that stands elsewhere."""
    spans = sorted((claim["start"], claim["end"], index) for index, claim in claims.at("body"))
    for start, end, index in spans:
        if not 0 <= start < end or body[start:end] != claims.claims[index]["text"]:
            raise claims.error(index, f"does not stand at {start}..{end}: {body[max(start, 0) : end]!r} does")
    for (_, end, _), (start, _, index) in pairwise(spans):
        if start < end:
            raise claims.error(index, "overlaps the claim before it")
    return _insert(body, spans)


def mark_title(title: str, claims: Claims) -> str:
    """The title with each of its claims between its marks, in the ledger's order. Raises SiteError."""
    spans, done = [], 0
    for index, claim in claims.at("front_matter.title"):
        # Not inside a longer number: "7.3 %" is no part of "17.3 %".
        pattern = rf"(?<![\d.,]){re.escape(claim['text'])}(?!\d|[.,]\d)"
        match = re.compile(pattern).search(title, done) if claim["text"] else None
        if not match:
            raise claims.error(index, f"does not stand in the title {title!r}")
        spans.append((match.start(), match.end(), index))
        done = match.end()
    return _insert(title, spans)


def _insert(text: str, spans: Iterable[tuple[int, int, int]]) -> str:
    parts, done = [], 0
    for start, end, index in spans:
        # A mark between a backslash and what it escapes would bring the backslash back to light.
        before = start - (text[:start].endswith("\\") and not text[:start].endswith("\\\\"))
        parts += [_clean(text[done:before]), chr(CLAIM_OPEN + index), _clean(text[before:end]), CLAIM_CLOSE]
        done = end
    return "".join([*parts, _clean(text[done:])])


def _clean(text: str) -> str:
    return RESERVED.sub("\ufffd", text)


def unmarked(text: str) -> str:
    """Marked text without its marks."""
    return RESERVED.sub("", text)


def place(html: str, claims: Claims) -> Markup:
    """Turns marks in HTML into elements. `html` must be trusted: rendered Markdown or escaped text."""
    with_links = LINK.sub(lambda match: _with_references(match, claims), html)
    return Markup(CLAIM.sub(lambda match: _element(match, claims), with_links))


def _with_references(link: re.Match[str], claims: Claims) -> str:
    """A link cannot hold another: a claim in one is followed by a reference to its source."""
    references = [claims.reference(ord(match[1]) - CLAIM_OPEN) for match in CLAIM.finditer(link[2])]
    return "".join([link[1], CLAIM.sub(r"\2", link[2]), "</a>", *references])


def _element(match: re.Match[str], claims: Claims) -> str:
    index, html, start = ord(match[1]) - CLAIM_OPEN, match.string, match.start()
    # In trusted HTML, < and > stand for nothing but the ends of tags.
    if html.rfind("<", 0, start) > html.rfind(">", 0, start):
        raise claims.error(index, "has no place on the page: it stands in an attribute")
    if [tag for tag in TAG.findall(match[2]) if tag.startswith("/")] != _closing(match[2]):
        raise claims.error(index, "begins and ends in different elements")
    return claims.element(index, Markup(match[2]))


def _closing(html: str) -> list[str]:
    """The closing tags that the elements opened in `html` need, if none holds another of its kind."""
    return [f"/{tag}" for tag in reversed(TAG.findall(html)) if not tag.startswith("/")]


def place_value(key: str, value: object, claims: Claims) -> Markup:
    """A value of the front matter as the page shows it, as a claim where the ledger has one for it."""
    plain = ", ".join(map(str, value)) if isinstance(value, list) else written(value)
    for index, claim in claims.at(f"front_matter.{key}"):
        if not _is_same(plain, claim["text"]):
            raise claims.error(index, f"does not stand in the front matter, which says {plain!r}")
        return claims.element(index, escape(claim["text"]))
    return escape(plain)


def _is_same(plain: str, text: str) -> bool:
    try:
        return float(plain) == float(text.replace(",", ""))
    except ValueError:
        return plain == text


def written(value: object) -> str:
    """A value with every digit it has, up to what a float holds reliably."""
    if value is None:
        return "null"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
