"""An episode's body as HTML: a section for each heading, tables that fold on phones, charts with their data."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, cast

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from muse_resources.site.claims import Claims, mark_body, place, unmarked
from muse_resources.site.model import SiteError
from muse_resources.site.tables import table_of

OTHER_POST = re.compile(r"\.\./(?P<series>[a-z0-9_-]+)/(?P<name>ep-\d+)\.md")
NUMBER_CELL = re.compile(r"[\[(+\u2212-]?\d|[\u2013\u2014-]?$|n/a$|null$")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the text under it; text before the first heading has an empty one."""

    anchor: str
    heading: Markup
    html: Markup


def sections(
    body: str, claims: Claims, name: str, charts: Mapping[str, str], tables: Mapping[str, Markup]
) -> list[Section]:
    """The body's sections with their claims placed, their charts inlined and the charts' data folded below.

    `name` is the episode's ("ep-001"): its links name a folder of that name. Raises SiteError.
    """
    markdown = _markdown()
    tokens = markdown.parse(mark_body(body, claims))
    _localise_links(tokens, name)
    _label_cells(tokens)
    tokens = list(_with_figures(tokens, claims.address, name, charts))

    def html(part: Sequence[Token]) -> Markup:
        return _with_charts(place(markdown.renderer.render(part, markdown.options, {}), claims), charts, tables)

    return [_section(part, html) for part in _split_at_headings(tokens)]


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.add_render_rule("image", _render_image)
    return markdown


def _render_image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A picture that is no chart of the episode becomes a link: pages load nothing from elsewhere."""
    token = tokens[index]
    alt = self.renderInlineAsText(token.children, options, env)
    return str(Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(token.attrGet("src"), alt))


def _split_at_headings(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    starts = [at for at, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    for start, end in pairwise([*([] if starts[:1] == [0] else [0]), *starts, len(tokens)]):
        if start < end:
            yield list(tokens[start:end])


def _section(tokens: Sequence[Token], html: Callable[[Sequence[Token]], Markup]) -> Section:
    if tokens[0].type != "heading_open":
        return Section("", Markup(""), html(tokens))
    heading = html([tokens[1]])
    anchor = re.sub(r"[^a-z0-9]+", "-", heading.striptags().lower()).strip("-")
    return Section(anchor, heading, html(tokens[3:]))


def _localise_links(tokens: Iterable[Token], name: str) -> None:
    """On the site an episode's files lie beside its page, not in a folder of its name; another post is a page."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                href = str(child.attrGet("href") or "")
                child.attrSet("href", _local_address(href, name))
                child.attrSet("rel", "noopener noreferrer")


def _local_address(href: str, name: str) -> str:
    if post := OTHER_POST.fullmatch(href):
        return f"../../{post['series']}/{post['name']}/index.html"
    return "claims.json" if href == f"{name}.claims.json" else href.removeprefix(f"{name}/")


def _label_cells(tokens: Sequence[Token]) -> None:
    """Gives each cell its column's name, for phones, where a row becomes a small list."""
    for start, token in enumerate(tokens):
        if token.type == "table_open":
            end = next(at for at in range(start, len(tokens)) if tokens[at].type == "table_close")
            _label_table(tokens[start:end])


def _label_table(tokens: Sequence[Token]) -> None:
    rows = list(_rows(tokens))
    heads = [_cell_text(text) for _, text in rows[0]]
    columns = range(len(heads))
    is_number = [all(NUMBER_CELL.match(_cell_text(row[at][1])) for row in rows[1:]) for at in columns]
    for row in rows:
        for at, (cell, _) in enumerate(row):
            cell.attrs.pop("style", None)
            cell.attrSet("role", "columnheader" if cell.tag == "th" else "cell")
            cell.attrSet("data-label", heads[at])
            if is_number[at]:
                cell.attrSet("class", "number")
    for token in tokens:
        role = {"table": "table", "tr": "row", "thead": "rowgroup", "tbody": "rowgroup"}.get(token.tag)
        if role and token.nesting == 1:
            token.attrSet("role", role)


def _rows(tokens: Sequence[Token]) -> Iterator[list[tuple[Token, str]]]:
    """The cells of each row, each with its text."""
    row: list[tuple[Token, str]] = []
    for token, following in pairwise(tokens):
        if token.type in ("th_open", "td_open"):
            row.append((token, following.content))
        elif token.type == "tr_close":
            yield row
            row = []


def _cell_text(text: str) -> str:
    return unmarked(text).strip().strip("*`")


def _with_figures(tokens: Sequence[Token], address: str, name: str, charts: Mapping[str, str]) -> Iterator[Token]:
    """Lifts chart images out of their paragraphs: a figure cannot stand inside one."""
    skip = 0
    for at, token in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        images = _chart_images(tokens[at + 1], name) if token.type == "paragraph_open" else []
        for image in images:
            yield _figure(image, address, name, charts)
        if images:
            skip = 2
        else:
            yield token


def _chart_images(inline: Token, name: str) -> list[Token]:
    """The images of a paragraph that holds nothing but charts of this episode."""
    children = [child for child in inline.children or () if child.type != "softbreak" and child.content.strip()]
    prefix = f"{name}/"
    is_chart = [child.type == "image" and str(child.attrGet("src")).startswith(prefix) for child in children]
    return children if children and all(is_chart) else []


def _figure(image: Token, address: str, name: str, charts: Mapping[str, str]) -> Token:
    chart = str(image.attrGet("src")).removeprefix(f"{name}/")
    if chart not in charts:
        raise SiteError(f"{address}: shows the chart {chart!r}, which it does not have")
    markdown = _markdown()
    renderer = cast(RendererHTML, markdown.renderer)
    caption = renderer.renderInlineAsText(image.children or [], markdown.options, {})
    # The chart itself and its data come after the claims are placed: their text is not the author's.
    filled = Markup('<figure class="chart"><!--{}--><figcaption>{}</figcaption></figure>\n<!--{}-->').format(
        chart, caption, table_of(chart)
    )
    return Token("html_block", "", 0, content=str(filled), block=True)


def _with_charts(html: Markup, charts: Mapping[str, str], tables: Mapping[str, Markup]) -> Markup:
    # Nothing but a figure can bring a comment here, since HTML in Markdown is off. Older charts have no table.
    placed = {**tables, **charts}
    return Markup(re.sub(r"<!--(.*?)-->", lambda match: placed.get(match[1], ""), html))
