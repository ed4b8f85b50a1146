"""What the owner has to know about a statement before it can run it: its first word, its FORMAT, where its
data starts.

Not a parser: the engine judges the SQL. Strings, quoted names, comments and brackets are skipped so that a
word inside them is never taken for a clause.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
      (?P<blank>  \s+ | --[^\n]* | \#[ !][^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<quoted> '(?:[^'\\]|\\.)*(?:'|\Z) | `(?:[^`\\]|\\.)*(?:`|\Z) | "(?:[^"\\]|\\.)*(?:"|\Z)
                  | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<word>   [A-Za-z_]\w* )
    | (?P<open>   [(\[{] )
    | (?P<close>  [)\]}] )
    | (?P<other>  . )
    """,
    re.VERBOSE | re.DOTALL,
)

_WORDS_AFTER_A_COLUMN = frozenset({"FROM", "ASC", "DESC"})
_STREAMED_KEYWORDS = frozenset({"SELECT", "WITH", "FROM"})


@dataclass(frozen=True)
class Statement:
    """The shape of one statement.

    ``head_end`` and ``tail_start`` are the offsets at which its FORMAT clause starts and ends (both the
    statement's end if it has none), ``data_start`` the offset of the rows after an ``INSERT ... FORMAT x``;
    None for other statements.
    """

    keyword: str
    format: str | None
    head_end: int
    tail_start: int
    data_start: int | None = None
    has_totals: bool = False

    @property
    def is_streamed(self) -> bool:
        """Whether the engine may hand out the result block by block (it refuses that for SHOW, EXISTS,
        DDL...).
        """
        return self.keyword in _STREAMED_KEYWORDS

    @property
    def is_upload(self) -> bool:
        """Whether rows in an input format follow the statement. Inline VALUES are part of the statement
        instead.
        """
        return self.data_start is not None


def read_statement(text: bytes) -> Statement:
    """The shape of ``text``. Reading an INSERT stops at its data, which may be binary and of any size."""
    keyword = ""
    for depth, word, _ in _words(text):
        if not keyword:
            keyword = word
            if keyword == "INSERT":
                return _read_insert(text)
        elif depth == 0:
            break
    return _read_query(text, keyword)


def _words(text: bytes) -> Iterator[tuple[int, str, re.Match[bytes]]]:
    """Every bare word with its bracket depth."""
    depth = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "word":
            yield depth, token.group().decode("ascii").upper(), token
        elif token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            depth -= 1


def _read_insert(text: bytes) -> Statement:
    format_word: re.Match[bytes] | None = None
    for depth, word, token in _words(text):
        if depth != 0:
            continue
        if format_word is not None:
            name = token.group().decode("ascii")
            if word == "VALUES":
                break
            return Statement("INSERT", name, format_word.start(), token.end(), _data_start(text, token.end()))
        if word in ("VALUES", "SELECT", "WITH", "INFILE", "WATCH"):
            break
        if word == "FORMAT":
            format_word = token
    return Statement("INSERT", None, len(text), len(text))


def _data_start(text: bytes, position: int) -> int:
    """As the server does it: blanks after the format's name, then one line end, belong to the statement."""
    blanks = re.compile(rb"[ \t\f]*\r?\n?").match(text, position)
    return blanks.end() if blanks else position


def _read_query(text: bytes, keyword: str) -> Statement:
    """FORMAT is a clause only if nothing but SETTINGS follows its name; else it is a column called so."""
    found: tuple[str, int, int] | None = None
    format_word: re.Match[bytes] | None = None
    is_in_settings = has_totals = False
    for depth, word, token in _words(text):
        if depth != 0:
            continue
        if format_word is not None:
            if word not in _WORDS_AFTER_A_COLUMN:
                found = (token.group().decode("ascii"), format_word.start(), token.end())
            format_word = None
        elif found is not None and (is_in_settings or word == "SETTINGS"):
            is_in_settings = True
        else:
            found = None
            format_word = token if word == "FORMAT" else None
            has_totals |= word == "TOTALS"
    if found is None:
        end = len(text.rstrip(b"; \t\r\n"))
        return Statement(keyword, None, end, end, has_totals=has_totals)
    return Statement(keyword, *found, has_totals=has_totals)
