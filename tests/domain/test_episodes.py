"""The episode as a file, its number, its commit, and a ledger with enough rows to see what a fact says."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from muse_domain.composition import compose, ledger_of
from muse_domain.confidence import LIFTED_BY, Confidence
from muse_domain.episodes import (
    FRONT_MATTER_KEYS,
    LEDGER_ROWS,
    EpisodeFormatError,
    EpisodeHeader,
    EpisodeStatus,
    build_ledger,
    canonical_episode,
    check_front_matter,
    check_sections,
    choose_series,
    commit_message,
    content_sha256,
    decide_status,
    episode_name,
    episode_path,
    number_episode,
    read_front_matter,
    split_front_matter,
    unnumbered,
)
from muse_domain.facts import EvidenceRow, FactSpec, settle
from muse_domain.rendering import SECTIONS, Claim, RenderedEpisode
from muse_domain.settings import PolicySection
from tests.domain.day_story import QUERIES, evidence, inputs

HEADER = EpisodeHeader("banterpacks", date(2026, 9, 18), (), "run", None, None, 0, 0, 0.0, {}, False)
START = datetime(2026, 9, 11, tzinfo=UTC)


def _evidence(*segments: str) -> list[EvidenceRow]:
    return [
        EvidenceRow("bench_runs", f"r{at}", START + timedelta(hours=at), None, "", segment, float(at + 1), None, None)
        for at, segment in enumerate(segments)
    ]


def _kept(reducer: str, rows: Sequence[EvidenceRow]) -> list[tuple[str, str]]:
    """Segment and id of the rows that the ledger keeps of one fact."""
    fact = settle(FactSpec("f1.x", "f1", "series_segments", {}, reducer, "%"), rows)
    rendered = RenderedEpisode("", "", (Claim("f1.x", "body", "x"),), ())
    ledger: dict[str, Any] = build_ledger(
        HEADER,
        rendered,
        {"f1.x": fact},
        {"f1.x": rows},
        {"series_segments": ""},
        Confidence(1, 1, 1, 1),
        None,
        "",
        "templates",
    )
    return [(row["segment"], row["row_id"]) for row in ledger["facts"]["f1.x"]["rows"]]


def test_a_comparison_keeps_rows_of_both_sides() -> None:
    """The first rows of a change would otherwise all lie before it."""
    kept = _kept("change_pct", _evidence(*["before"] * 43, *["after"] * 5))
    assert [segment for segment, _ in kept] == ["before"] * (LEDGER_ROWS // 2) + ["after"] * 5


def test_kept_rows_stay_in_the_order_of_the_query() -> None:
    """Segments may alternate; the ledger leaves rows out, but moves none."""
    kept = _kept("change_pct", _evidence(*["before", "after"] * 20))
    assert [row for _, row in kept] == [f"r{at}" for at in range(LEDGER_ROWS)]


@pytest.mark.parametrize(("reducer", "expected"), [("median:before", "before"), ("median:after", "after")])
def test_a_fact_of_one_segment_keeps_as_many_rows_as_the_ledger_has_room_for(reducer: str, expected: str) -> None:
    """Only rows that the fact was reduced from are its evidence."""
    kept = _kept(reducer, _evidence(*["before"] * 20, *["after"] * 20))
    assert [segment for segment, _ in kept] == [expected] * LEDGER_ROWS


# ---- the file ----------------------------------------------------------------------------------------------


@cache
def composed() -> tuple[str, dict[str, Any]]:
    """The story's day as a canonical episode with its ledger."""
    given = inputs()
    made = compose(given)
    assert made.objections == ()
    return made.canonical, ledger_of(made, given, evidence(), dict.fromkeys(QUERIES, "SELECT 1"))


def headed(**changes: Any) -> EpisodeHeader:
    plain: dict[str, Any] = {
        "series": "chimera", "day": date(2026, 9, 18), "models": ("llama-3.1-8b", "mistral: 7b"),
        "run_id": "0b9ac1de",
        "commit_sha": "a1" * 20, "latency_ms_p95": 0.796, "tokens_in": 1500, "tokens_out": 800, "cost_usd": 0.010335,
        "data_quality": {}, "sample": False,
    }  # fmt: skip
    return EpisodeHeader(**{**plain, **changes})


def filed(title: str = "A title", body: str = "\nBody\n", **changes: Any) -> str:
    return canonical_episode(headed(**changes), RenderedEpisode(title, body, (), ()))


TITLES = (
    "A title", "`code` in it", 'quotes " and \' too', "colon: here", "# no heading", "- no list", "--- no fence ---",
    "episode: null", "2026-09-18", "null", "µ ρ − “quoted”", "{{f1.name}}", "ends with episode: null",
    "x" * 200, "yes", "[a]",
)  # fmt: skip


@pytest.mark.parametrize("title", TITLES)
def test_front_matter_is_read_back_as_it_was_written(title: str) -> None:
    """The eleven keys in their order, values unharmed by YAML, code marks left out of the title."""
    fields = read_front_matter(filed(title))
    assert tuple(fields) == FRONT_MATTER_KEYS
    assert fields["title"] == title.replace("`", "")
    assert fields["models"] == ["llama-3.1-8b", "mistral: 7b"]
    assert fields["latency_ms_p95"] == 0.796 and fields["cost_usd"] == 0.010335
    assert fields["date"] == "2026-09-18T00:00:00Z" and fields["episode"] is None
    assert check_front_matter(filed(title)) == []


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("number", [1, 999, 1000, 12345])
def test_a_number_can_be_given_and_taken_back(title: str, number: int) -> None:
    """The canonical text of a published episode is the one that was judged, byte for byte."""
    canonical = filed(title, "\n[Ledger](ep-NNN.claims.json) ![x](ep-NNN/f1.svg) episode: null\n")
    markdown, ledger = number_episode(canonical, {"episode": {}, "claims": []}, number)
    assert read_front_matter(markdown)["episode"] == number == ledger["episode"]["episode"]
    assert f"]({episode_name(number)}.claims.json)" in markdown and "](ep-NNN" not in markdown
    assert unnumbered(markdown) == canonical


@pytest.mark.parametrize("number", [1, 7, 1000, 123456])
def test_claims_move_with_the_number(number: int) -> None:
    """Every claim after a link stands where the ledger says, however long the number is."""
    canonical, ledger = composed()
    markdown, numbered = number_episode(canonical, ledger, number)
    _, body = split_front_matter(markdown)
    placed = [claim for claim in numbered["claims"] if claim["where"] == "body"]
    assert len(placed) > 60
    for claim in placed:
        assert body[claim["start"] : claim["end"]] == claim["text"]
    assert unnumbered(markdown) == canonical
    assert content_sha256(unnumbered(markdown)) == ledger["episode"]["content_sha256"]


def test_quoted_subjects_may_name_episodes() -> None:
    """A commit called "see ep-001" is not taken for a link to the first episode."""
    canonical, ledger = composed()
    assert "see ep-001" in canonical
    markdown, _ = number_episode(canonical, ledger, 1)
    assert "see ep-001" in markdown and unnumbered(markdown) == canonical
    named = filed(body="\nep-NNN and ep-002 [x](ep-NNN/f1.svg)\n")
    markdown, _ = number_episode(named, {"episode": {}, "claims": []}, 2)
    assert "ep-NNN and ep-002 [x](ep-002/f1.svg)" in markdown and unnumbered(markdown) == named


def test_an_episode_without_a_number_cannot_lose_it() -> None:
    """A canonical text is not a published one."""
    with pytest.raises(EpisodeFormatError, match="no number"):
        unnumbered(filed())


@pytest.mark.parametrize(
    "text", ["", "no fence", "---\nunclosed: 1\n", " ---\na: 1\n---\n", "---\na: [\n---\n", "---\n- x\n---\n"]
)
def test_what_is_no_episode_is_said_to_be_none(text: str) -> None:
    """Files from elsewhere are refused with a reason, never half read."""
    assert len(check_front_matter(text)) == 1
    with pytest.raises(EpisodeFormatError):
        read_front_matter(text)


@pytest.mark.parametrize("key", FRONT_MATTER_KEYS)
def test_every_missing_key_is_named(key: str) -> None:
    """Eleven keys, each of them asked for."""
    lines = [line for line in filed(models=()).splitlines() if not line.startswith(f"{key}:")]
    assert f"{key} is missing" in check_front_matter("\n".join(lines) + "\n")


def test_nulls_need_a_reason() -> None:
    """Only p95 and commit may be null, and then data_quality says why (X-11)."""
    assert check_front_matter(filed(commit_sha=None)) == ["commit_sha is null without a reason in data_quality"]
    assert check_front_matter(filed(commit_sha=None, data_quality={"commit_sha": "no run names it"})) == []
    problems = check_front_matter(filed(latency_ms_p95=None, run_id=None))
    assert problems == ["latency_ms_p95 is null without a reason in data_quality", "run_id is null"]
    assert check_front_matter(filed(series="other")) == ["series is neither chimera nor banterpacks"]


def test_sample_data_says_so_in_every_file() -> None:
    """Nobody shall take the demo for a measurement."""
    assert read_front_matter(filed(sample=True))["sample_data"] is True
    assert "sample_data" not in read_front_matter(filed())


def sectioned(*lines: str) -> list[str]:
    return check_sections(filed(body="\n" + "\n\ntext\n\n".join(lines) + "\n"))


def test_the_five_sections_in_their_order_pass() -> None:
    """S0-061, and deeper headings may stand inside them."""
    assert sectioned(*SECTIONS) == []
    assert sectioned(SECTIONS[0], "### deeper", *SECTIONS[1:]) == []
    assert check_sections(composed()[0]) == []


@pytest.mark.parametrize("missing", SECTIONS)
def test_a_missing_section_is_named(missing: str) -> None:
    """Each of the five must be there."""
    assert sectioned(*(section for section in SECTIONS if section != missing)) == [f"{missing!r} is missing"]


def test_doubled_disordered_and_foreign_sections_are_told() -> None:
    """Once each, in order, and no others."""
    assert sectioned(*SECTIONS, SECTIONS[0]) == ["'## What changed' stands 2 times"]
    assert sectioned(*reversed(SECTIONS)) == ["the sections are out of order"]
    for extra in ("## Extra", "# Extra", " ## Extra", "   # Extra", "##\tExtra"):
        assert sectioned(*SECTIONS, extra) == [f"{extra.strip()!r} is not a section of an episode"]


@pytest.mark.parametrize(
    "fence", ["```\n{}\n```", "~~~\n{}\n~~~", "````\n```\n{}\n```\n````", "~~~ text\n```\n{}\n~~~",
    "  ```python\n{}\n  ```",
              "```\n```python\n{}\n```", "```\n~~~\n{}\n```", "```\n{}\n`````"]
)  # fmt: skip
def test_headings_inside_code_are_no_sections(fence: str) -> None:
    """A fence ends with its own mark, at least as long, and with nothing behind it."""
    inside = fence.format(SECTIONS[4])
    assert sectioned(*SECTIONS[:4], inside) == [f"{SECTIONS[4]!r} is missing"]
    assert sectioned(SECTIONS[0], fence.format("## Extra"), *SECTIONS[1:]) == []


def test_a_closed_fence_hides_nothing_behind_it() -> None:
    """What looks like a fence but is none hides no heading either."""
    for closed in ("```\ncode\n```\n## Extra", "~~~\ncode\n~~~~\n## Extra", "```inline```\n## Extra"):
        assert "'## Extra' is not a section of an episode" in sectioned(*SECTIONS, closed)


# ---- number, status, series, commit ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "series", "number", "path"),
    [
        ("", "chimera", 1, "posts/chimera/ep-001.md"),
        ("banterblogs-nextjs", "banterpacks", 42, "banterblogs-nextjs/posts/banterpacks/ep-042.md"),
        ("/a/b/", "chimera", 1000, "a/b/posts/chimera/ep-1000.md"),
    ],
)
def test_episodes_lie_under_their_series(folder: str, series: str, number: int, path: str) -> None:
    """S1-010: three digits at least, inside the blog's folder."""
    assert episode_path(folder, series, number) == path


POLICY = PolicySection()


@pytest.mark.parametrize(
    ("passed", "confidence", "status"),
    [
        (True, 1.0, EpisodeStatus.APPROVED),
        (True, 0.70, EpisodeStatus.APPROVED),
        (True, 0.6999, EpisodeStatus.DRAFT),
        (True, 0.50, EpisodeStatus.DRAFT),
        (True, 0.4999, EpisodeStatus.HELD),
        (True, 0.0, EpisodeStatus.HELD),
        (False, 1.0, EpisodeStatus.HELD),
    ],
)
def test_confidence_decides_who_publishes(passed: bool, confidence: float, status: EpisodeStatus) -> None:
    """At 0.70 it goes out, from 0.50 a person decides, below it is held; a refused text is always held."""
    decided, reason = decide_status(passed, Confidence(1.0, confidence, 1.0, 1.0), POLICY)
    assert decided is status and reason


@pytest.mark.parametrize("score", [0.3, 0.6])
@pytest.mark.parametrize("part", LIFTED_BY)
def test_an_episode_that_does_not_go_out_says_what_would_lift_it(part: str, score: float) -> None:
    """The lowest part of confidence is named, with what to do about it."""
    shares = {"completeness": 1.0, "recency": 1.0, "data_quality": 1.0, "evidence": 1.0, part: score}
    _, reason = decide_status(True, Confidence(**shares), POLICY)
    assert reason.endswith(f"its lowest part is {part.replace('_', ' ')}: to lift it, {LIFTED_BY[part]}")


@pytest.mark.parametrize(
    ("confidence", "correlation", "series"),
    [
        (0.70, 0.60, "chimera"),
        (0.70, -0.60, "chimera"),
        (0.69, 0.90, "banterpacks"),
        (0.99, 0.59, "banterpacks"),
        (0.99, None, "banterpacks"),
    ],
)
def test_chimera_needs_confidence_and_correlation(confidence: float, correlation: float | None, series: str) -> None:
    """D-027: both thresholds, and the strength counts, not the sign."""
    assert choose_series(confidence, correlation, POLICY) == series


def test_the_commit_message_is_the_required_one() -> None:
    """S1-021 and S1-022, line by line."""
    message = commit_message(
        series="chimera", number=7, title="`decode` is 17.6 % slower", confidence=0.8512, correlation=-0.614,
        draft_cost_usd=0.010335, run_id="0b9ac1de",
    )  # fmt: skip
    assert message.splitlines() == [
        "feat(episode): Generate chimera episode 7",
        "",
        "Title: decode is 17.6 % slower",
        "Confidence: 0.85",
        "Correlation: -0.61",
        "Cost: $0.010335",
        "Run ID: 0b9ac1de",
        "",
        "Generated by Muse Protocol Council Agent",
    ]


def test_what_was_not_measured_is_said_in_the_commit_message() -> None:
    """A correlation that may not be claimed is not zero."""
    message = commit_message(
        series="banterpacks", number=1, title="T", confidence=1.0, correlation=None, draft_cost_usd=0.0, run_id="r"
    )
    assert "Correlation: not measured\n" in message
