"""The verdict against a writer that wants to lie: every trick is refused, and honest texts pass."""

import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from muse_domain.drafts import Draft
from muse_domain.fact_sheet import subjects_of
from muse_domain.lexicon import WORDS, Sense, sense_of
from muse_domain.rendering import Claim, RenderedEpisode, render_episode
from muse_domain.subjects import Subject
from muse_domain.tracing import trace_episode
from muse_domain.verdicts import Objection, is_numeral, judge_draft, verdict_summary
from muse_domain.wording import SLOT
from tests.domain.day_story import findings, inputs, sheet, subjects, template_draft

SEED = 20260908
SECTIONS = ("title", "what_changed", "why_it_matters", "next_steps")

# (name of the class, objection code, the lying draft)
Attack = tuple[str, str, Draft]


def codes(draft: Draft) -> set[str]:
    return {objection.code for objection in judge_draft(draft, sheet(), subjects())}


def with_text(section: str, text: str, draft: Draft | None = None) -> Draft:
    changes: dict[str, Any] = {section: text}
    return replace(draft or template_draft(), **changes)


def changed(section: str, old: str, new: str) -> Draft:
    text = template_draft().sections[section]
    assert old in text, (old, text)
    return with_text(section, text.replace(old, new, 1))


# A short honest draft to hide a lie in.
SHORT = Draft("{{f1.name}} moved", "{{f1.name}} moved", "{{f2.name}} moved", "- Profile {{f3.name}}.", writer="test")


def with_paragraph(text: str, section: str = "why_it_matters") -> Draft:
    return with_text(section, f"{SHORT.sections[section]}\n\n{text}", SHORT)


# ---- what an honest writer may say -------------------------------------------------------------------------

HONEST = [
    "{{f1.name}} takes longer: its {{f1.metric}} rose {{f1.shift}}.",
    "{{f1.name}} got slower by {{f1.change}}, and the shift lies {{f1.interval}}.",
    "{{f1.name}} regressed: {{f1.shift}} ({{f1.significance}}).",
    "{{f1.name}} is slower than before, by {{f1.change}}.",
    "The {{f1.metric}} of {{f1.name}} climbed {{f1.shift}} — the interval is {{f1.interval}}.",
    "A regression in {{f1.name}}’s {{f1.metric}}: it worsened by {{f1.change}} with {{f1.runs}}.",
    "The window of {{f1.name}} holds {{f1.suspects}}, and commit {{f1.commit}} is where the new level begins.",
    "For {{f1.name}}, users’ latency and the benchmark moved together: {{f1.relation}}.",
    "{{f2.name}} needs a smaller machine: its {{f2.metric}} fell {{f2.shift}}.",
    "{{f2.name}} improved: its {{f2.metric}} dropped by {{f2.change}}.",
    "An improvement in {{f2.name}}, {{f2.change}} down, with {{f2.runs}}.",
    "{{f3.name}} is {{f3.change}} faster.",
    "{{f3.name}} improved: its {{f3.metric}} rose {{f3.shift}} ({{f3.significance}}).",
    "Good news for {{f3.name}}, up {{f3.change}}: the shift lies {{f3.interval}}.",
    "On {{day.date}} the reports gave {{day.runs}} in {{day.series_checked}}.",
    "The interface served {{day.sessions}}; their median latency was {{day.user_latency}}.",
    "- Profile {{f1.name}} from commit {{f1.commit}} on.\n- Look at {{f2.name}} next, measured since {{f2.since}}.",
    "* Run {{f3.name}} on an idle machine, and compare with {{f3.runs}}.",
    "Both levels of {{f1.name}} are stated: {{f1.shift}}.",
    "Whoever runs {{f1.name}} pays {{f1.change}} more for a call, so it should be looked at.",
    "{{f1.name}} grew slower, {{f1.change}} over {{f1.runs}}.",
    "- Bisect {{f2.name}} between the levels: there lie {{f2.suspects}}, the first to read is {{f2.suspect}}.",
    "Commit {{f1.commit}} is where the new level of {{f1.name}} starts.",
    "- Read {{f1.suspect_commit}}, the only commit known between both levels of {{f1.name}}.",
    "The shift of {{f3.name}} so far rests on {{f3.runs}}, and is {{f3.state}}.",
    "On {{day.date}} there were {{day.commits}}, and {{day.runs}} to compare.",
    "The median latency of {{day.sessions}} was {{day.user_latency}}, against {{day.user_latency_before}}.",
    "Over the trailing week the latency that users felt moved together with {{f1.name}}: {{f1.relation}}.",
]


def test_the_template_writers_draft_passes() -> None:
    """The text that needs no account is held to the same rules."""
    assert judge_draft(template_draft(), sheet(), subjects()) == []


@pytest.mark.parametrize("text", HONEST)
def test_honest_sentences_pass(text: str) -> None:
    """The verdict is a sieve, not a wall."""
    assert judge_draft(with_paragraph(text), sheet(), subjects()) == []


# ---- lies about numbers, units, dates, commits -------------------------------------------------------------

NUMBERS = (
    "7", "12.1", "17,6", "1e3", "٣", "१२", "１２", "Ⅷ", "ⅻ", "¹", "²", "½", "⅔", "①", "⑫", "❼", "㊿", "一", "万",
    "𝟟", "៣",
    "twelve", "Twenty-one", "twentyone", "two hundred", "a dozen", "half", "twice", "threefold", "tenfold",
    "doubled",
    "tripled", "quadrupled", "halved", "a third", "seventh", "zero", "nought", "a pair", "several", "a couple",
    "thousands",
    "umpteen", "XII", "IV", "xxi", "MCMXC", "a hundredth", "five times", "minus", "twofold", "many", "a few",
    "most",
)  # fmt: skip
UNITS = ("%", "％", "‰", "$", "€", "£", "¥", "₹", "×", "°", "ms", "milliseconds", "seconds", "a second", "GB",
         "MB", "s",
         "bytes", "dollars", "cents", "x", "kHz", "hours", "weeks", "years", "qps", "USD")  # fmt: skip
DATES = ("Monday", "in March", "September", "yesterday", "today", "tomorrow", "last week", "in May", "Sept",
         "an hour",
         "this week", "tonight", "midnight", "christmas")  # fmt: skip
COMMITS = ("deadbeef", "DEADBEEF", "abcdefabcdef", "facadefacade", "effaced", "dead-beefs")


def attacks_with_numbers(rng: random.Random) -> Iterator[Attack]:
    slots = SLOT.findall(template_draft().what_changed)
    for number in NUMBERS:
        code = "forbidden_character" if number in "一万" and not is_numeral(number) else "naked_number"
        yield "number beside a slot", code, changed("what_changed", "The shift lies", f"The shift of {number} lies")
        subject, name = rng.choice(slots)
        lie = changed("what_changed", f"{{{{{subject}.{name}}}}}", number)
        yield "number instead of a slot", code, lie
    for section in SECTIONS:
        text = template_draft().sections[section]
        for _ in range(6):
            at = rng.choice([m.start() for m in re.finditer(r"(?<=[a-z}]) (?=[a-z{])", text)])
            yield "digit anywhere", "naked_number", with_text(section, f"{text[:at]} {rng.randint(0, 999)}{text[at:]}")


def attacks_with_units_dates_commits(rng: random.Random) -> Iterator[Attack]:
    for unit in UNITS:
        section = rng.choice(("what_changed", "why_it_matters"))
        yield "unit", "naked_unit", with_paragraph(f"{{{{f1.name}}}} took {{{{f1.change}}}} {unit}.", section)
    for dated in DATES:
        yield "date", "naked_date", with_paragraph(f"{{{{f1.name}}}} was measured {dated} with {{{{f1.runs}}}}.")
    for commit in COMMITS:
        code = "naked_commit" if "-" not in commit else "claim_without_slot"
        yield "commit", code, with_paragraph(f"{{{{f1.name}}}} began at {commit} {{{{f1.change}}}}. See {commit}.")


# ---- lies about slots --------------------------------------------------------------------------------------


def attacks_on_slots(rng: random.Random) -> Iterator[Attack]:
    known = sorted({slot for text in template_draft().sections.values() for slot in SLOT.findall(text)})
    for subject, name in rng.sample(known, 8):
        slot = f"{{{{{subject}.{name}}}}}"
        section = next(s for s, text in template_draft().sections.items() if slot in text)
        for invented in (f"f9.{name}", f"{subject}.cost", f"{subject}.before", f"{subject}.low", "day.secret", "x.y"):
            yield "unknown slot", "unknown_slot", changed(section, slot, f"{{{{{invented}}}}}")
        for broken in (slot[1:], slot[:-1], slot[2:-2] + "}}", f"{{% {name} %}}",
                       f"{{{{ {subject} . {name} }}}}", "{{}}",
                       f"{{{{{subject}.\n{name}}}}}", f"{{{{{subject.upper()}.{name}}}}}",
                       f"${{{name}}}"):  # fmt: skip
            yield "broken slot", "broken_slot", changed(section, slot, broken)
        for glued in (f"-{slot}", f"– {slot}", f"non{slot}", f"{slot}fold", f"{slot}{slot}", f".{slot}", f"{slot}s"):
            yield "glued slot", "glued_slot", changed(section, slot, glued)
    for name in ("change", "shift", "metric", "runs", "interval", "significance", "since", "commit"):
        for one, other in (("f1", "f2"), ("f2", "f3"), ("f3", "f1")):
            lie = changed("what_changed", f"{{{{{one}.{name}}}}}", f"{{{{{other}.{name}}}}}")
            yield "slot of another finding", "mixed_findings", lie
    for one, other in (("f1", "f2"), ("f2", "f1"), ("f2", "f3"), ("f3", "f2")):
        text = template_draft().what_changed
        first, second = f"{{{{{one}.", f"{{{{{other}."
        swapped = text.replace(first, "<>").replace(second, first).replace("<>", second)
        yield "all slots of two findings swapped", "wrong_direction", with_text("what_changed", swapped)
    yield "day's value in a finding", "mixed_findings", with_paragraph("{{f1.name}} rose to {{day.user_latency}}.")
    yield "day's value in a finding", "mixed_findings", with_paragraph("{{day.sessions}} met {{f1.name}}.")
    yield "two findings", "mixed_findings", with_paragraph("{{f1.name}} and {{f2.name}} moved.")
    yield "two findings", "mixed_findings", with_text("title", "{{f1.name}} rose\n\n{{f2.name}} fell")
    yield "two findings", "mixed_findings", with_paragraph("{{f1.name}} rose\n    - {{f2.name}} fell")
    yield "unnamed finding", "unnamed_finding", with_paragraph("It rose by {{f1.change}}.")


# ---- lies about directions and causes ----------------------------------------------------------------------

SENTENCES = {
    "f1": "{{{{f1.name}}}} {} {{{{f1.change}}}}.",
    "f2": "{{{{f2.name}}}} {} {{{{f2.change}}}}.",
    "f3": "{{{{f3.name}}}} {} {{{{f3.change}}}}.",
}
# f1: latency up, a regression; f2: memory down, an improvement; f3: throughput up, an improvement.
WRONG = {
    "f1": {Sense.DOWN, Sense.BETTER},
    "f2": {Sense.UP, Sense.WORSE},
    "f3": {Sense.DOWN, Sense.WORSE},
}


def attacks_with_directions(rng: random.Random) -> Iterator[Attack]:
    stems = {"increased": Sense.UP, "increasing": Sense.UP, "decreased": Sense.DOWN, "reduced": Sense.DOWN,
             "declining": Sense.DOWN, "slower": Sense.WORSE, "slowing": Sense.WORSE, "regressed": Sense.WORSE,
             "worsened": Sense.WORSE, "degraded": Sense.WORSE, "faster": Sense.BETTER, "improved": Sense.BETTER,
             "improvements": Sense.BETTER, "accelerated": Sense.BETTER, "quicker": Sense.BETTER}  # fmt: skip
    for word, sense in sorted({**WORDS, **stems}.items()):
        for subject, wrong in WRONG.items():
            if sense in wrong:
                spelled = rng.choice((word, word.upper(), word.capitalize()))
                yield "wrong direction", "wrong_direction", with_paragraph(SENTENCES[subject].format(spelled))
        if sense in {Sense.UP, Sense.DOWN, Sense.WORSE, Sense.BETTER} and rng.random() < 0.25:
            yield "no finding", "direction_without_fact", with_paragraph(f"On {{{{day.date}}}} it {word}.")
    for word in ("faster", "quicker", "sped up", "swifter", "longer", "shorter"):
        yield "speed of memory", "wrong_direction", with_paragraph(SENTENCES["f2"].format(word))
    for word in ("longer", "takes longer"):
        yield "length of a rate", "wrong_direction", with_paragraph(SENTENCES["f3"].format(word))


def attacks_on_changes(rng: random.Random) -> Iterator[Attack]:
    for denied in ("did not rise", "didn't rise", "didn’t rise", "never rose", "rose, or not,", "hardly rose",
                   "no longer rose",
                   "failed to rise", "is anything but slower", "stopped rising", "neither rose nor moved",
                   "isnt slower",
                   "rose without rising", "avoided a rise", "un-regressed", "is unregressed", "non-slower",
                   "is less slow", "cannot have risen", "refused to rise", "is the opposite of slower",
                   "can not rise"):  # fmt: skip
        yield "denied direction", "negation", with_paragraph(SENTENCES["f1"].format(denied))
    for still in (
        "stayed at",
        "remained at",
        "is unchanged at",
        "is stable at",
        "held at",
        "is flat at",
        "plateaued at",
    ):
        yield "denied change", "denied_change", with_paragraph(SENTENCES["f1"].format(still))
    for turned in ("was faster before, by", "used to be faster by", "was once faster by",
                   "is faster than {{{{f2.name}}}}",
                   "previously improved by", "was faster until", "is faster than PostgreSQL by",
                   "formerly improved"):  # fmt: skip
        lie = with_paragraph(SENTENCES["f3"].format(turned.replace("{{{{f2.name}}}}", "the rest")))
        yield "direction of an earlier time", "turned_direction", lie
    for metric in ("memory", "throughput", "cost", "latency", "median latency", "speed", "tokens", "accuracy"):
        text = f"The {metric} of {{{{f1.name}}}} moved {{{{f1.shift}}}}."
        yield "another metric", "naked_metric", with_paragraph(text)
    yield "another metric", "naked_metric", with_paragraph("On {{day.date}} the memory was {{day.user_latency}}.")


CAUSES = ("because of", "caused by", "due to", "thanks to", "leading to", "triggered by", "owing to",
          "which proves", "hence",
          "as a result of", "a consequence of", "blamed on", "the reason being", "explained by", "introduced by",
          "broken by", "be-cause of", "to be cause of", "fixed by", "made by")  # fmt: skip


def attacks_with_causes(rng: random.Random) -> Iterator[Attack]:
    for cause in CAUSES:
        if cause == "leading to":
            continue
        yield "cause", "claimed_cause", with_paragraph(f"{{{{f1.name}}}} moved {cause} the cache, {{{{f1.change}}}}.")
    for sentence in ("{{f1.commit}} slowed {{f1.name}}.", "{{f1.name}} regressed with {{f1.commit}}.",
                     "{{f1.name}} rose with {{f1.suspects}}.",
                     "{{f1.commit_subject}}: {{f1.name}} got slower."):  # fmt: skip
        yield "cause by neighbourhood", "claimed_cause", with_paragraph(sentence)
    for users in ("Users of {{f1.name}} wait {{f1.change}}.",
                  "{{f1.name}} moved together with the disk, {{f1.change}}.",
                  "{{f1.name}} correlates with the weather, {{f1.change}}.",
                  "People felt {{f1.name}}."):  # fmt: skip
        yield "relation without its fact", "unproven_relation", with_paragraph(users)
    for more in ("will rise", "is the slowest ever", "probably rose", "seems slower", "recovered", "rose again",
                 "rose dramatically", "is slightly slower", "always rose", "allegedly rose", "is back",
                 "rose as expected",
                 "rose in every way", "has its worst day"):  # fmt: skip
        yield "more than the rows show", "unproven_claim", with_paragraph(SENTENCES["f1"].format(more))


# Words that the lists once lacked, of the wrong way of f1 (up, a regression) and of f2 (down, an improvement).
NOT_OF_F1 = """
    slashed chopped crashed collapsed cratered nosedived tanked sagged slipped eroded melted curtailed squeezed pared
    whittled tapered faded vanished disappeared minimised minimized depleted crumbled downturn downtick abated softened
    shrivelled deflated undershot shortened rapid rapidly brisk zippy superior progress upgraded healthy success triumph
    boon streamlined nippy optimal favourable cheap lean strengthened"""
NOT_OF_F2 = """
    crept inched edged ticked exploded mushroomed bloated widened stretched lengthened ramped uptick upswing hiked
    bumped accumulated accrued overshot intensified magnified snowballed piled advanced enlarged prolonged extended
    crawled dragged choked hampered hindered impaired crippled painful penalty inferior expensive costly inefficient
    lethargic laggy stalled stuttered unhealthy"""
# (class, objection code, a sentence, what stands in it in the place of the star)
OTHER_WORDS = (
    ("a synonym of the wrong way", "wrong_direction", "{{f1.name}} * {{f1.change}}.", NOT_OF_F1.split()),
    ("a synonym of the wrong way", "wrong_direction", "{{f2.name}} * {{f2.change}}.", NOT_OF_F2.split()),
    ("a number in rare words", "naked_number", "{{f1.name}} moved * with {{f1.runs}}.",
     "trio solo sole lone treble quartered septupled eleventy magnitudes squared exponentially halfway grand".split()),
    ("a date in vague words", "naked_date", "{{f1.name}} moved * with {{f1.runs}}.",
     ("this morning", "overnight", "lately", "recently", "in the evening", "at dawn")),
    ("another metric that rose", "naked_metric", "The * of {{f1.name}} rose by {{f1.change}}.",
     "performance responsiveness efficiency pace rate allocations CPU energy overhead errors delay wait".split()),
    ("people without a fact", "unproven_relation", "* of {{f1.name}} bear {{f1.runs}}.",
     "Developers Guests Subscribers Viewers Tenants Folks".split()),
    ("denied by a verb", "negation", "{{f1.name}} * a rise of {{f1.change}}.",
     ("is devoid of", "escaped", "is immune to", "dodged")),
    ("a possibility", "unproven_claim", "{{f1.name}} * by {{f1.change}}.",
     ("could rise", "may rise", "almost rose", "nearly rose", "is supposed to be slower", "tends to rise")),
    ("a direction as a possibility", "turned_direction", "{{f1.name}} * by {{f1.change}}.",
     ("can rise", "should rise", "must be slower", "is, if slower, so", "is far from slower", "is free of a rise")),
    ("a size without its way", "size_without_direction", "{{f1.name}} * by {{f1.change}}.",
     ("moved", "changed", "shifted", "differs", "vacillated", "was touched")),
    ("a size bent before it", "bent_size", "{{f1.name}} rose by * {{f1.change}}.",
     ("over", "under", "about", "roughly", "exactly", "only", "just", "merely", "another", "a further", "up to",
      "as much as", "close to", "in excess of", "upwards of")),
    ("a size bent behind it", "bent_size", "{{f1.name}} rose by {{f1.change}} *.",
     ("per run", "per commit", "each run", "a call", "points", "apiece", "of the runs")),
    ("a commit that does", "claimed_cause", "{{f1.commit}} * {{f1.name}}.",
     ("moved", "did this to", "changed", "turned", "created the new level of", "hit", "put", "is behind",
      "is the source of", "is at the root of")),
    ("a commit as the source", "claimed_cause", "The shift of {{f1.name}} * {{f1.commit}}.",
     ("comes from", "follows from", "is the doing of", "can be traced to", "is pinned on", "went {{f1.shift}} with")),
    ("a cause in rare words", "claimed_cause", "{{f1.name}} moved * the new cache, {{f1.runs}}.",
     ("sparked by", "fuelled by", "induced by", "provoked by", "inflicted by", "via", "courtesy of", "in the wake of",
      "on account of", "produced by", "inspired by")),
    ("values of two times swapped", "turned_direction",
     "{{day.sessions}} had a median latency of {{day.user_latency_before}}, against {{day.user_latency}} *.",
     ("over the week before", "the day before", "in the week before {{day.date}}")),
    ("a value of another time", "naked_date", "The median latency was {{day.user_latency}} *.",
     ("over the week", "of the day")),
    ("the day's value of an earlier time", "turned_direction", "* the median latency was {{day.user_latency}}.",
     ("Before {{day.date}}", "Until {{day.date}}", "Previously")),
    ("a benchmark's p95 as the users'", "unproven_relation", "* {{day.latency_p95}}.",
     ("The interface served {{day.sessions}} at a latency of", "Users of {{day.sessions}} bore",
      "Against {{day.user_latency}} stands")),
    ("everything that was counted moved", "direction_without_fact", "On {{day.date}} {{day.series_checked}} *.",
     "moved changed shifted differed drifted crashed collapsed regressed varied".split()),
)  # fmt: skip


def attacks_with_other_words(rng: random.Random) -> Iterator[Attack]:
    for kind, code, sentence, words in OTHER_WORDS:
        for word in words:
            yield kind, code, with_paragraph(sentence.replace("*", word))


# ---- lies about form ---------------------------------------------------------------------------------------

MARKUP = (
    "[{{f1.name}}](http://evil.example)", "{{f1.name}} <b>bold</b>", "<!-- {{f1.name}} -->",
    "![x](y.svg) {{f1.name}}",
    "{{f1.name}} <https://evil.example>", "# {{f1.name}}", "## What changed\n{{f1.name}}", "{{f1.name}}\n===",
    "{{f1.name}}\n---", "{{f1.name}}\n-", "***\n{{f1.name}}", "```\n{{f1.name}}\n```", "~~~\n{{f1.name}}\n~~~",
    "`{{f1.name}}`", "    {{f1.name}} is code", "\t{{f1.name}}", "| {{f1.name}} |\n|---|", "~~{{f1.name}}~~",
    "{{f1.name}} is **bold**", "{{f1.name}} is *slanted*", "{{f1.name}} is __bold__", "> {{f1.name}}",
    "{{f1.name}} &half;",
    "{{f1.name}} \\[x\\]", "- - {{f1.name}}", "-     {{f1.name}}", "+ {{f1.name}}", "[^a] {{f1.name}}",
    "{{f1.name}} a/b",
    "ris*es*: {{f1.name}}", "{{f1.name}} a@b", "{{f1.name}} $x$ ^y^",
)  # fmt: skip
ADDRESSES = ("evil.example", "www.evil.example", "https://evil.example", "mailto:someone", "javascript:alert")
TRICKS = (
    "ro\u00adse", "f\u0430ster", "twen\u200bty", "fas\u2060ter", "ｆａｓｔｅｒ", "fаsтеr", "𝐟𝐚𝐬𝐭𝐞𝐫", "ﬁve",
    "fa\u0301ster",
    "im\u2011proved", "fas\u00a0ter", "\u202eretsaf", "be\ufeffcause", "pеrcent", "ⓕⓐⓢⓣ", "fast\u034fer", "naïve",
    "\x00", "died \x00 ", "\x01", "\x7f", "\ud800",
    "schnеller", "\u2028", "\r", "\x0b", "\u2063", "ｔｗｅｎｔｙ", "ꜰaster",
    "fas\u0335ter", "🚀", "\u3164", "ʻ", "‚", "…",
)  # fmt: skip
# Spelled with plain letters only, so that the words themselves must be seen through.
DISGUISES = (
    ("fas ter", "wrong_direction"), ("im-proved", "wrong_direction"), ("im- proved", "wrong_direction"),
    ("fas-\nter", "wrong_direction"), ("fas'ter", "wrong_direction"), ("fasster", "wrong_direction"),
    ("faaaster", "wrong_direction"), ("irnproved", "wrong_direction"), ("lmproved", "wrong_direction"),
    ("dropp ed", "wrong_direction"), ("decIined", "wrong_direction"), ("f a s t e r", "naked_unit"),
    ("twen ty", "naked_number"), ("twennty", "naked_number"), ("per cent", "naked_number"), ("se venty",
    "naked_number"),
    ("thirtyseven", "naked_number"), ("onehundred", "naked_number"), ("miilions", "naked_number"),
    ("mill ion", "naked_number"), ("there fore", "claimed_cause"), ("be-cause", "claimed_cause"),
    ("fas.ter", "broken_word"), ("fas(t)er", "broken_word"), ('fas"ter', "broken_word"), ("fas,ter", "broken_word"),
    ("slovver-not", "negation"), ("yester day", "naked_date"), ("Mon-day", "naked_date"),
)  # fmt: skip


def attacks_on_form(rng: random.Random) -> Iterator[Attack]:
    for text in MARKUP:
        yield "markup", "markup", with_paragraph(text, rng.choice(SECTIONS[1:]))
    for address in ADDRESSES:
        code = "markup" if "/" in address else "broken_word"
        yield "address", code, with_paragraph(f"{{{{f1.name}}}} {address}.")
    for trick in TRICKS:
        code = "naked_number" if any(map(is_numeral, trick)) else "forbidden_character"
        text = f"{{{{f1.name}}}} is {trick} by {{{{f1.change}}}}."
        yield "characters that look alike or hide", code, with_paragraph(text)
    for disguise, code in DISGUISES:
        yield "disguised word", code, with_paragraph(SENTENCES["f1"].format(disguise))


def attacks_without_facts(rng: random.Random) -> Iterator[Attack]:
    for section in SECTIONS:
        for nothing in ("", " ", "\n\n"):
            yield "empty section", "empty_section", with_text(section, nothing)
    for idle in ("The database was lost.", "Nobody was hurt", "Is it safe?", "A pity: ", "and so forth;"):
        for text in (f"{{{{f1.name}}}} moved. {idle}", f"{idle} {{{{f1.name}}}} moved.\n\n{idle}"):
            yield "claim without a slot", "claim_without_slot", with_paragraph(text)
    for idle in (": the disk died.", ". The disk died.", " (the disk died),", " — the disk died —",
                 "; the disk died;",
                 " - the disk died -", " – the disk died –", "! The disk died?"):  # fmt: skip
        text = f"{{{{f1.name}}}} moved{idle} {{{{f1.change}}}}."
        yield "claim without a slot", "claim_without_slot", with_paragraph(text)
    rambling = "and the team went home and ate and sang and slept and woke and ate and sang and slept"
    yield "claim without a slot", "claim_without_slot", with_paragraph(f"{{{{f1.name}}}} moved {rambling}.")
    for section in SECTIONS:
        yield "claim without a slot", "claim_without_slot", with_text(section, "The engine got a rest")


MAKERS: tuple[Callable[[random.Random], Iterator[Attack]], ...] = (
    attacks_with_numbers, attacks_with_units_dates_commits, attacks_on_slots, attacks_with_directions,
    attacks_on_changes, attacks_with_causes, attacks_on_form, attacks_without_facts,
    attacks_with_other_words,
)  # fmt: skip


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_every_attack_on_a_draft_is_refused_for_its_reason(maker: Callable[[random.Random], Iterator[Attack]]) -> None:
    """A writer that wants to lie finds no way around the slots."""
    attacks = list(maker(random.Random(SEED)))
    assert len(attacks) >= 25
    refused = [(kind, code, codes(draft), draft) for kind, code, draft in attacks]
    through = [f"{kind}: {code} not in {found}: {draft}" for kind, code, found, draft in refused if code not in found]
    assert not through, "\n".join(through)


def test_there_are_more_than_two_hundred_attacks() -> None:
    """The claim about attacks is a claim about a number."""
    assert sum(len(list(maker(random.Random(SEED)))) for maker in MAKERS) >= 200


def test_a_random_word_of_the_lists_is_seen_in_every_spelling() -> None:
    """Capitals, stretched letters, soft spellings and splits are the same word."""
    rng = random.Random(SEED)
    for word, sense in rng.sample(sorted(WORDS.items()), 200):
        if len(word) < 5:
            continue
        at = rng.randrange(1, len(word))
        stretched = word[:at] + word[at - 1] * 2 + word[at:]
        for spelling in (word.upper(), word.capitalize(), stretched, word.replace("i", "l"), word + "'s"):
            found = sense_of(spelling)
            assert found is not None and found.sense in (sense, *_same_shape(word)), (word, spelling, found)


def _same_shape(word: str) -> set[Sense]:
    """Senses of other listed words that look the same, such as fails and falls."""
    found = sense_of(word.replace("i", "l"))
    return {found.sense} if found else set()


def test_direction_words_are_licensed_by_the_facts_of_today() -> None:
    """A finding whose rows have turned round since licenses nothing."""
    change = sheet()["f1.change"]
    turned = {**sheet(), "f1.change": replace(change, value=-4.0)}
    assert [o.code for o in judge_draft(template_draft(), turned, subjects())] == ["stale_direction"]


def test_a_change_without_a_good_direction_is_neither_better_nor_worse() -> None:
    """Where neither direction is better, no word of praise or blame is licensed."""
    licences = [replace(one, effect="change") for one in subjects()]
    for word in ("improved", "faster", "regressed", "slower", "worse"):
        draft = with_paragraph(SENTENCES["f3"].format(word))
        assert "wrong_direction" in {o.code for o in judge_draft(draft, sheet(), licences)}


@pytest.mark.parametrize(
    ("unit", "direction", "effect", "speed"),
    [("ms", "up", "regression", "slower"), ("ms", "down", "improvement", "faster"),
     ("MB/s", "up", "improvement", "faster"), ("MB/s", "down", "regression", "slower"),
     ("s", "down", "regression", ""), ("s", "up", "improvement", ""),
     ("errors/s", "up", "regression", ""), ("errors/s", "down", "improvement", "")],
)  # fmt: skip
def test_only_what_is_better_by_being_quick_is_slower_or_faster(
    unit: str, direction: str, effect: str, speed: str
) -> None:
    """More seconds until a failure are not slower, and fewer errors a second are not slower either."""
    moved = {**sheet(), "f1.change": replace(sheet()["f1.change"], value=4.0 if direction == "up" else -4.0)}
    licences = [replace(subjects()[0], unit=unit, direction=direction, effect=effect), *subjects()[1:]]
    for word in ("slower", "faster"):
        draft = with_paragraph(f"{{{{f1.name}}}} got {word}, {{{{f1.runs}}}}.")
        found = {o.code for o in judge_draft(draft, moved, licences)}
        assert ("wrong_direction" in found) == (word != speed), (word, found)


def test_the_only_commit_is_told_where_there_is_no_other() -> None:
    """A finding with four suspects has no only one, whichever of them a sentence names."""
    draft = with_paragraph("- Profile {{f2.name}} at {{f2.suspect_commit}}, the only commit known between both levels.")
    for suspects, found in ((1.0, set()), (4.0, {"unproven_claim"}), (None, {"unproven_claim"})):
        given = {**sheet(), "f2.suspects": replace(sheet()["f2.suspects"], value=suspects)}
        assert {o.code for o in judge_draft(draft, given, subjects())} == found


def test_a_time_that_fell_by_half_is_not_half_as_fast_again() -> None:
    """ "45 % faster" of a time that fell by 45 % is wrong by as much again; of a rate that rose it is right."""
    down = {**sheet(), "f1.change": replace(sheet()["f1.change"], value=-45.0)}
    licences = [replace(subjects()[0], direction="down", effect="improvement"), *subjects()[1:]]
    for text, refused in (("{{f1.name}} is {{f1.change}} faster.", True), ("{{f1.name}} fell by {{f1.change}}.", False),
                          ("{{f1.name}} is faster, {{f1.shift}}.", False)):  # fmt: skip
        found = {o.code for o in judge_draft(with_paragraph(text), down, licences) if o.where == "why_it_matters"}
        assert found == ({"bent_size"} if refused else set()), text


def test_a_refuted_finding_licenses_no_direction() -> None:
    """It was told, and did not hold: whatever its estimate of today is, it went neither up nor down."""
    refuted = [replace(one, direction="none", effect="change") for one in subjects()]
    assert judge_draft(template_draft(), sheet(), refuted) != []
    for word in ("rose", "fell", "slower", "faster", "improved", "regressed"):
        draft = with_paragraph(SENTENCES["f3"].format(word))
        assert "wrong_direction" in {o.code for o in judge_draft(draft, sheet(), refuted)}
    for value in (4.0, -4.0):
        either = {**sheet(), "f1.change": replace(sheet()["f1.change"], value=value)}
        assert "stale_direction" not in {o.code for o in judge_draft(template_draft(), either, refuted)}


def test_absent_facts_fill_no_slot() -> None:
    """What was not measured cannot be told."""
    absent = replace(sheet()["day.sessions"], value=None, text=None)
    found = judge_draft(template_draft(), {**sheet(), "day.sessions": absent}, subjects())
    assert [objection.code for objection in found] == ["unknown_slot"]


def test_only_plain_letters_and_few_marks_may_stand_in_a_word() -> None:
    """Of all characters there are, a writer needs the English alphabet, spaces, dashes and apostrophes."""
    rng = random.Random(SEED)
    others = rng.sample(range(sys.maxunicode + 1), 1500)
    numbers = [point for point in range(0x80, 0x3300) if is_numeral(chr(point))]
    for point in {*range(0x250), *others, *rng.sample(numbers, 300)}:
        if chr(point) not in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n-–—'’":
            draft = replace(SHORT, title=f"{{{{f1.name}}}} is at re{chr(point)}st")
            assert codes(draft) or chr(point).isspace(), f"U+{point:04X}"


def test_numerals_of_every_script_are_numerals() -> None:
    """A digit is a digit in any script."""
    assert all(map(is_numeral, "7٣११½²Ⅷ①㊿一𝟟"))
    assert not any(map(is_numeral, "aZ.,;-–’ "))


def test_objections_are_stored_as_plain_rows() -> None:
    """A verdict can be read without this program."""
    assert verdict_summary([Objection("a", "b", "c")]) == [{"code": "a", "where": "b", "message": "c", "fact": ""}]


# ---- the finished text -------------------------------------------------------------------------------------


@cache
def rendered() -> RenderedEpisode:
    names = [finding.finding_id for finding in findings()]
    return render_episode(template_draft(), sheet(), names, {"latency_ms_p95": "day.latency_p95"})


def trace(episode: RenderedEpisode, licences: list[Subject] | None = None) -> set[str]:
    found = trace_episode(episode, sheet(), licences or subjects(), allowed_links=rendered().links)
    return {objection.code for objection in found}


def with_body(body: str) -> RenderedEpisode:
    return replace(rendered(), body=body)


def edited(old: str, new: str, count: int = 1) -> RenderedEpisode:
    """The body with a piece changed, the claims behind it moved along: what a careful forger would do."""
    episode = rendered()
    at = episode.body.index(old)
    shift = len(new) - len(old)
    claims = tuple(
        replace(c, start=(c.start or 0) + shift, end=(c.end or 0) + shift)
        if c.where == "body" and (c.start or 0) >= at + len(old)
        else c
        for c in episode.claims
    )
    return replace(episode, body=episode.body[:at] + new + episode.body[at + len(old) :], claims=claims)


def test_the_rendered_draft_traces() -> None:
    """An honest text, rendered by the real renderer, has nothing against it."""
    assert trace(rendered()) == set()


@pytest.mark.parametrize("text", HONEST)
def test_honest_sentences_trace(text: str) -> None:
    """Turning the finished text back into slots gives the draft that was judged."""
    names = [finding.finding_id for finding in findings()]
    episode = render_episode(with_paragraph(text), sheet(), names, {})
    assert trace_episode(episode, sheet(), subjects(), allowed_links=episode.links) == []


def test_every_changed_digit_is_refused() -> None:
    """There is no digit in an episode that could be another one."""
    episode, rng = rendered(), random.Random(SEED)
    for text, field in ((episode.body, "body"), (episode.title, "title")):
        for at in (i for i, c in enumerate(text) if c.isdigit()):
            other = rng.choice([d for d in "0123456789" if d != text[at]])
            changes: dict[str, Any] = {field: text[:at] + other + text[at + 1 :]}
            forged = replace(episode, **changes)
            assert trace(forged), (at, text[max(0, at - 20) : at + 20])


def test_every_changed_digit_is_refused_with_its_claim_changed_too() -> None:
    """A forged ledger entry does not help: the fact says otherwise."""
    episode = rendered()
    for index, claim in enumerate(episode.claims):
        if claim.where != "body" or not any(c.isdigit() for c in claim.text):
            continue
        lie = re.sub(r"\d", lambda m: str((int(m.group()) + 1) % 10), claim.text)
        body = episode.body[: claim.start] + lie + episode.body[claim.end :]
        claims = (*episode.claims[:index], replace(claim, text=lie), *episode.claims[index + 1 :])
        assert trace(replace(episode, body=body, claims=claims)) & {"wrong_value", "claim_moved"}


def test_every_moved_span_is_refused() -> None:
    """A claim stands where the ledger says, not near it."""
    episode = rendered()
    for index, claim in enumerate(episode.claims):
        if claim.start is None or claim.end is None:
            continue
        for start, end in ((1, 1), (-1, -1), (0, 1), (1, 0), (0, -1), (-claim.start, -claim.start - 1)):
            moved = replace(claim, start=claim.start + start, end=claim.end + end)
            claims = (*episode.claims[:index], moved, *episode.claims[index + 1 :])
            assert "claim_moved" in trace(replace(episode, claims=claims)), claim
        for nowhere in (replace(claim, start=None, end=None), replace(claim, where="nowhere")):
            claims = (*episode.claims[:index], nowhere, *episode.claims[index + 1 :])
            assert "claim_moved" in trace(replace(episode, claims=claims)), claim


def test_every_claim_dropped_from_the_ledger_is_refused() -> None:
    """What is shown is claimed: values, names, metrics, commits, quotes and dates alike."""
    episode = rendered()
    for index, claim in enumerate(episode.claims):
        if claim.where.startswith("front_matter."):
            continue  # the composition holds the front matter against its claims
        claims = (*episode.claims[:index], *episode.claims[index + 1 :])
        assert trace(replace(episode, claims=claims)), claim


def test_every_claim_given_to_another_fact_is_refused() -> None:
    """A value that happens to be shown elsewhere proves nothing."""
    episode, rng = rendered(), random.Random(SEED)
    facts = sorted(fact.fact_id for fact in sheet().values())
    for index, claim in enumerate(episode.claims):
        other = rng.choice([fact for fact in facts if fact != claim.fact])
        claims = (*episode.claims[:index], replace(claim, fact=other), *episode.claims[index + 1 :])
        assert trace(replace(episode, claims=claims)), (claim, other)
        gone = (*episode.claims[:index], replace(claim, fact="f1.invented"), *episode.claims[index + 1 :])
        assert "unknown_fact" in trace(replace(episode, claims=gone))


@pytest.mark.parametrize(("unit", "other"), [(" ms", " s"), (" %", " ‰"), (" MB", " GB"), (" tokens/s", " requests/s")])
def test_every_changed_unit_is_refused(unit: str, other: str) -> None:
    """12 ms and 12 s differ by more than a letter."""
    body = rendered().body
    places = [match.start() for match in re.finditer(rf"\d{unit}", body)]
    assert places
    for at in places:
        assert trace(with_body(body[: at + 1] + other + body[at + 1 + len(unit) :])), at


def _with_swapped_claims(one: str, other: str) -> RenderedEpisode:
    """Two neighbouring facts swapped in the text, and in the ledger, everywhere."""
    episode = rendered()
    body, claims, position, length = [], [], 0, 0
    swap = {one: other, other: one}
    texts = {(c.fact, c.style): c.text for c in episode.claims}
    placed = sorted((c for c in episode.claims if c.where == "body"), key=lambda c: c.start or 0)
    for claim in placed:
        between = episode.body[position : claim.start]
        fact = swap.get(claim.fact, claim.fact)
        text = texts.get((fact, claim.style), claim.text)
        start = length + len(between)
        claims.append(replace(claim, fact=fact, text=text, start=start, end=start + len(text)))
        body += [between, text]
        length, position = start + len(text), claim.end or 0
    rest = tuple(c for c in episode.claims if c.where != "body")
    return replace(episode, body="".join([*body, episode.body[position:]]), claims=(*claims, *rest))


@pytest.mark.parametrize(("one", "other"), [("before", "after"), ("low", "high"), ("n_before", "n_after")])
def test_swapped_values_are_refused_though_each_is_true(one: str, other: str) -> None:
    """ "From 14 ms to 12 ms" holds two true values and is a lie."""
    forged = _with_swapped_claims(f"f1.{one}", f"f1.{other}")
    assert forged.body != rendered().body
    assert "altered_text" in trace(forged)


def test_values_of_two_findings_swapped_are_refused() -> None:
    """Each finding keeps its own values, in the prose and in its row."""
    for name in ("change", "before", "name", "metric", "low"):
        assert trace(_with_swapped_claims(f"f1.{name}", f"f2.{name}")), name


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("rose by", "fell by", "wrong_direction"),
        ("fell by", "rose by", "wrong_direction"),
        (" higher, a", " lower, a", "wrong_direction"),
        (" lower, an", " higher, an", "wrong_direction"),
        (", a regression", ", an improvement", "wrong_direction"),
        ("moved together with", "was caused by", "claimed_cause"),
        ("rose by", "did not rise by", "negation"),
        ("The shift lies", "The shift of twelve lies", "naked_number"),
        ("The shift lies", "The shift of 12 lies", "stray_number"),
        ("The shift lies", "The shift of ½ lies", "stray_number"),
        ("\n\n## Why", " It was the disk.\n\n## Why", "claim_without_slot"),
        ("\n\n## Why", "\n\n## Extra\n\n## Why", "markup"),
        ("## Next steps", "## Steps", "sections"),
        ("| Before | After |", "| After | Before |", "altered_text"),
        (" then ", " before ", "altered_text"),
        ("every run of the window", "some runs of the window", "altered_text"),
        ("(ep-NNN/f1.svg)", "(ep-NNN/f2.svg)", "altered_text"),
        ("(ep-NNN/f1.svg)", "(https://evil.example)", "unknown_link"),
        ("[Claim ledger](ep-NNN.claims.json)", "[Claim ledger](other.json)", "unknown_link"),
        ("[Claim ledger](ep-NNN.claims.json)", "Claim ledger", "altered_text"),
        ("The shift lies", "[a[b]c](//evil.example) The shift lies", "unknown_link"),
        ("The shift lies", "[x][y] The shift lies", "markup"),
        ("The shift lies", "<b>The</b> shift lies", "markup"),
        ("The shift lies", "https://evil.example The shift lies", "markup"),
        ("The shift lies", "`code` The shift lies", "markup"),
        ("The shift lies", "{{f1.name}} The shift lies", "markup"),
        ("The shift lies", "\x01f1.name\x02 The shift lies", "markup"),
        ("- Check it yourself", "- Trust it", "altered_text"),
        (" checked on ", " found faulty on ", "altered_text"),
    ],
)
def test_every_edit_between_the_claims_is_refused(old: str, new: str, code: str) -> None:
    """The words between the claims are held to the same rules as the draft's."""
    assert code in trace(edited(old, new))


def test_lying_claims_over_each_other_are_refused() -> None:
    """One place of the text is one claim."""
    episode = rendered()
    first = next(claim for claim in episode.claims if claim.where == "body")
    assert "claim_moved" in trace(replace(episode, claims=(*episode.claims, first)))


def test_a_rows_missing_finding_is_refused() -> None:
    """Every finding of the day stands in the table."""
    row = next(line for line in rendered().body.splitlines(keepends=True) if line.startswith("| `load_pack"))
    claims = tuple(c for c in rendered().claims if not _inside(c, rendered().body.index(row), len(row)))
    at = rendered().body.index(row)
    moved = tuple(
        replace(c, start=(c.start or 0) - len(row), end=(c.end or 0) - len(row))
        if c.where == "body" and (c.start or 0) > at
        else c
        for c in claims
    )
    forged = replace(rendered(), body=rendered().body.replace(row, "", 1), claims=moved)
    assert trace(forged) == {"altered_text"}


def _inside(claim: Claim, at: int, length: int) -> bool:
    return claim.where == "body" and at <= (claim.start or 0) < at + length


def test_front_matter_claims_are_the_facts_value() -> None:
    """A number in the front matter is a claim like any other."""
    episode = rendered()
    forged = tuple(replace(c, text="9.9") if c.where.startswith("front_matter.") else c for c in episode.claims)
    assert trace(replace(episode, claims=forged)) == {"wrong_value"}


def test_licences_follow_the_findings() -> None:
    """Direction, effect and unit come from the finding, and nothing else."""
    assert [(s.subject, s.direction, s.effect, s.unit) for s in subjects_of(inputs().findings)] == [
        ("f1", "up", "regression", "ms"),
        ("f2", "down", "improvement", "MB"),
        ("f3", "up", "improvement", "tokens/s"),
    ]
