"""What the words of a text claim: numbers, units, dates, causes, directions, denials.

The lists err on the side of refusing: a writer that may not say "doubled" can still use a slot. Words are also
found when they are split, joined, stretched or spelled with letters that look alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Sense(StrEnum):
    """What a word claims."""

    UP = "up"
    DOWN = "down"
    WORSE = "worse"
    BETTER = "better"
    NUMBER = "number"
    UNIT = "unit"
    DATE = "date"
    CAUSE = "cause"
    NEGATION = "negation"
    STILL = "still"
    UNPROVEN = "unproven"
    METRIC = "metric"
    USERS = "users"
    RELATION = "relation"
    EARLIER = "earlier"


DIRECTIONS = frozenset({Sense.UP, Sense.DOWN, Sense.WORSE, Sense.BETTER})

_LISTS: dict[Sense, str] = {
    Sense.UP: """
        rose rise rises risen rising grew grow grows growing grown growth climbed climb climbs climbing high higher
        highly up upward upwards upped gained gain gains gaining long longer larger bigger greater raised raise raises
        raising lifted lift lifts lifting soared soar soars soaring surged surge surges surging jumped jump jumps
        jumping spiked spike spikes spiking leapt leap leaps leaping swelled swell swells swelling swollen expanded
        expand expands expanding expansion ballooned ballooning rocketed elevated elevates elevation boosted boost
        boosts boosting peaked heightened amplified amplifies inflated inflates inflation outgrew exceeded exceeds
        exceed surpassed surpasses topped ascended more extra additional above mounted mounting
        crept creep creeps creeping inched inches edged edges ticked shot exploded explodes mushroomed bloated bloats
        widened widens stretched stretches lengthened lengthens ramped ramps uptick upticks upswing upturn upsurge hiked
        hike hikes bumped bump bumps accumulated accrued outpaced overshot intensified magnified burgeoned snowballed
        piled heaped northward ascends uplifted advanced advances enlarged enlarges prolonged prolongs extended
        extends""",
    Sense.DOWN: """
        fell fall falls fallen falling dropped drop drops dropping shrank shrink shrinks shrinking shrunk low lower
        lowered lowers lowering down downward downwards lost lose loses losing loss losses short shorter smaller sank
        sink sinks sinking sunk dipped dip dips dipping tumbled tumble tumbles tumbling slid slide slides sliding
        slumped slump slumps slumping dived dive dives diving dove cut cuts cutting trimmed trim trims trimming shaved
        shave shaves shed sheds shedding contracted contracts contraction narrowed narrows lessened lessens below
        beneath eased eases ebbed waned dwindled dwindles subsided receded retreated
        dwindling subsides recedes slashed slash slashes slashing chopped crashed crash crashes collapsed collapse
        collapses cratered nosedived tanked sagged sags slipped slips eroded erodes melted melts compressed curtailed
        squeezed pared whittled clipped pruned tapered tapers faded fades vanished vanishes disappeared disappears
        minimised minimized depleted crumbled backslid downturn downtick abated abates slackened softened toppled
        lightened shrivelled shriveled deflated undershot shortened shortens abbreviated caved eliminated""",
    Sense.WORSE: """
        slower slows slowed slowing slowly slowdown slowdowns sluggish sluggishly
        bad badly poor poorer poorly weak weaker weakened weakens suffer suffers suffered
        suffering setback setbacks lag lags lagged lagging heavier costlier pricier dearer wasteful
        crawled crawls dragged drags choked bogged hampered hampers hindered hinders impaired crippled painful pain
        penalty penalties inferior expensive costly inefficient lethargic laggy stalled stalls stuttered stutters
        unhealthy spoiled ailing""",
    Sense.BETTER: """
        better faster quicker
        sped speedup speedups speedier speedy good great excellent leaner lighter cheaper snappier snappy
        swifter swift swiftly smoother nimbler efficient efficiently win wins won winning healthier saved saves save
        saving savings benefit benefits benefited stronger
        rapid rapidly brisk briskly zippy zippier superior progress upgrade upgraded upgrades healthy nicer success
        successful triumph victory boon streamlined nippy optimal favourable favorable cheap lean turbocharged
        strengthened""",
    Sense.NUMBER: """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety ones tens
        third thirds fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths tenth
        tenths eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
        twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth
        dozen dozens half halves twice thrice quarter quarters permille permil pct couple several pair pairs
        single umpteen zillion zillions gazillion bunch handful plenty score scores many few numerous countless
        myriad majority minority most mostly multiple fraction fractions nought naught nil null nada zilch
        minus plus negative times fold lakh crore googol
        trio duo solo sole lone treble trebled quartered quartet quintet octupled sextupled septupled decupled eleventy
        grand gross magnitude magnitudes exponential exponentially squared cubed halfway
        multiplied multiplies""",
    Sense.UNIT: """
        second seconds sec secs minute minutes min mins hours hrs hr millis msec msecs usec ms ns byte bytes kb mb gb
        tb kib mib gib tib bit bits hertz hz khz mhz ghz dollar dollars cent cents euro euros pound pounds usd eur gbp
        bps ppm qps rps tps fps watt watts joule joules celsius degree degrees kilo mega giga milli micro nano pico
        days weeks month months year years fortnight decade century""",
    Sense.DATE: """
        monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri
        january february march april june july august september october november december
        jan feb apr jun jul aug sep sept oct nov dec yesterday today tomorrow tonight noon midnight
        weekend christmas easter summer autumn winter
        morning mornings evening evenings afternoon afternoons overnight nightly dawn dusk lately recently nowadays
        fortnightly""",
    Sense.CAUSE: """
        due thanks lead leads led result results resulted resulting therefore hence thus owing prove proves proven
        proved proof attributable attributed attributes attribute blame blamed blames culprit guilty responsible
        trigger triggers triggered triggering introduced introduces introduce introducing broke breaks broken break
        breaking ruined ruins hurt hurts hurting harm harms harmed damaged damages help helps helped helping fix fixes
        fixed fixing affect affects affected affecting impact impacts impacted influence influences influenced make
        makes made making drove drives driven drive enabled enables forced forces consequence consequences
        consequently reason reasons explains explain explained explanation why stems stemmed arises arose yields
        yielded prompted brought brings origin fault
        courtesy rooted root roots source sources behind did doing created creates produced produces
        sparked sparks spurred fuelled fueled induced induces provoked provokes inflicted delivered delivers ascribed
        born symptom symptoms generated generates contributed contributes contributing stirred wrought effected inspired
        thereby accordingly via offender offending perpetrator accounts accounted wake""",
    Sense.NEGATION: """
        not no never neither nor without none cannot hardly barely scarcely seldom rarely nothing nobody nowhere
        dont doesnt didnt isnt arent wasnt werent hasnt havent hadnt wont wouldnt cant couldnt shouldnt aint
        less lesser least fewer non un anti opposite contrary reverse reversed reverses instead rather except unlike
        fail fails failed failing failure refuse refuses refused stop stops stopped stopping cease ceases ceased avoid
        avoids avoided lack lacks lacked lacking deny denies denied false falsely wrong wrongly untrue myth hoax
        absent absence unlikely anything pseudo quasi
        devoid spared immune escaped escapes dodged dodges resisted resists missed misses""",
    Sense.STILL: """
        unchanged unaffected stable stabilised stabilized stability steady steadily flat flatlined constant constantly
        stayed stay stays staying remained remain remains remaining held stagnant stagnated plateau plateaued static
        identical equal equals unmoved levelled leveled""",
    Sense.UNPROVEN: """
        will shall would soon projected likely probably possibly perhaps maybe might seem seems seemed seemingly
        appear appears appeared apparent apparently allegedly supposedly reportedly rumoured rumored rumours rumors
        believed believe believes assumed assume assumes presumably again still resumed resumes continue continues
        continued continuing back restored restores revert reverts reverted
        all every everything everyone everybody always ever forever whole entire entirely complete completely totally
        fully slowest fastest quickest highest lowest best worst largest smallest biggest longest shortest greatest
        poorest could may nearly almost supposed supposedly threatens threatened tends tended pretends verge
        record unprecedented historic guarantee guarantees guaranteed certain certainly definitely undoubtedly
        surely obvious obviously clear clearly
        slightly slight marginally marginal massively massive hugely huge enormously enormous dramatically dramatic
        drastically drastic significantly significant substantially substantial considerably considerable sharply
        sharp steeply steep noticeably noticeable vastly vast immense immensely tiny minor major negligible modest
        modestly small large big""",
    Sense.METRIC: """
        latency latencies throughput memory ram cost costs price prices speed speeds bandwidth accuracy percentile
        percentiles duration durations runtime tokens token mean median average
        performance responsiveness efficiency pace velocity rate rates allocation allocations heap cpu gpu disk network
        energy power footprint overhead error errors delay delays wait waits waiting capacity output utilisation
        utilization storage quality""",
    Sense.USERS: """
        user users visitor visitors customer customers client clients people audience reader readers session sessions
        felt feel feels developer developers operator operators guest guests member members shopper shoppers subscriber
        subscribers consumer consumers player players viewer viewers tenant tenants folks humans traffic""",
    Sense.RELATION: "together tandem lockstep coincided coincides coincide mirrored mirrors tracked tracks",
    Sense.EARLIER: """
        before until till previously previous formerly former earlier used once originally ago past prior old older
        initially beforehand""",
}
WORDS: dict[str, Sense] = {word: sense for sense, words in _LISTS.items() for word in words.split()}

# Beginnings that carry the claim whatever ending follows.
_STEMS: dict[str, Sense] = {
    "increas": Sense.UP, "escalat": Sense.UP, "skyrocket": Sense.UP,
    "decreas": Sense.DOWN, "reduc": Sense.DOWN, "declin": Sense.DOWN, "diminish": Sense.DOWN,
    "plummet": Sense.DOWN, "plung": Sense.DOWN,
    "slow": Sense.WORSE, "regress": Sense.WORSE, "worse": Sense.WORSE, "degrad": Sense.WORSE,
    "deteriorat": Sense.WORSE, "decelerat": Sense.WORSE,
    "fast": Sense.BETTER, "quick": Sense.BETTER, "improv": Sense.BETTER, "accelerat": Sense.BETTER,
    "optimi": Sense.BETTER, "enhanc": Sense.BETTER,
    "caus": Sense.CAUSE,
    "percent": Sense.NUMBER, "hundred": Sense.NUMBER, "thousand": Sense.NUMBER, "million": Sense.NUMBER,
    "billion": Sense.NUMBER, "trillion": Sense.NUMBER, "doubl": Sense.NUMBER, "tripl": Sense.NUMBER,
    "quadrup": Sense.NUMBER, "quintup": Sense.NUMBER, "halv": Sense.NUMBER,
    "second": Sense.UNIT, "byte": Sense.UNIT,
    "predict": Sense.UNPROVEN, "expect": Sense.UNPROVEN, "forecast": Sense.UNPROVEN, "recover": Sense.UNPROVEN,
    "rebound": Sense.UNPROVEN,
    "correlat": Sense.RELATION,
}  # fmt: skip
_STEM = re.compile("|".join(sorted(_STEMS, key=len, reverse=True)))
_DENYING_PREFIXES = ("un", "non", "dis", "in", "anti", "de", "mis")

_DIGIT_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|and|half"
)
_RUN_TOGETHER = re.compile(rf"(?:{_DIGIT_WORDS}){{2,}}(?:s|th|fold)?|[a-z]+(?<!scaf)(?<!un)fold")
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_LONGEST_SHORT = 3

TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_POSSESSIVE = re.compile(r"(?<=\x00)['’]s\b")
# Neither a slot (\x00) nor the end of a sentence stands between the parts of a word that was split.
_INSIDE_A_WORD = re.compile(r"[^\x00.!?]{1,3}")
_MOST_PARTS = 4
_SPLIT_SENSES = DIRECTIONS | {Sense.NUMBER, Sense.CAUSE, Sense.DATE}
_DATED = re.compile(
    r"\b(?:May|MAY)\b|\b(?i:in|of|on|since|until|by|last|next|early|late|mid)[ -]may\b"
    r"|\b(?i:an?|last|next|previous|this|coming|per|another)\s+(?i:hour|day|week)\b"
)
_DERIVED = re.compile(
    r"\b(?:comes?|came|coming|follow(?:s|ed)?)\s+(?:\w+\s+)?from\b"
    r"|\b(?:traced|tracked|pinned|put|owed|answers?)\s+(?:down\s+|back\s+)?(?:to|on|for)\b|\bon account of\b",
    re.IGNORECASE,
)
# Shorter words have too many honest neighbours.
_SHORTEST_DISGUISE = 5
_LOOKS_ALIKE_HONESTLY = frozenset({"sides"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word as it stands in the text, what it claims, and the word of the lists that it was taken for."""

    text: str
    sense: Sense
    word: str


def spoken(prose: str) -> Iterator[Spoken]:
    """Every word of the prose that claims something. Slots must be replaced by NUL characters."""
    prose = _POSSESSIVE.sub("", prose)
    tokens = list(TOKEN.finditer(prose))
    for token in tokens:
        if (found := sense_of(token.group())) is not None:
            yield found
    yield from _split_words(prose, tokens)
    for match in _DATED.finditer(prose):
        yield Spoken(match.group(), Sense.DATE, match.group().lower())
    for match in _DERIVED.finditer(prose):
        yield Spoken(match.group(), Sense.CAUSE, match.group().lower())


@lru_cache(maxsize=8192)
def sense_of(token: str) -> Spoken | None:
    """What one word claims, if anything; also in disguise."""
    word = token.lower().replace("’", "'")
    if word.endswith("n't"):
        return Spoken(token, Sense.NEGATION, word)
    for reading in (word, word.replace("'", ""), word.partition("'")[0]):
        if reading in WORDS:
            return Spoken(token, WORDS[reading], reading)
    plain = word.replace("'", "")
    if _is_lone_letter(token):
        return Spoken(token, Sense.UNIT, word)
    if _is_number(plain, token):
        return Spoken(token, Sense.NUMBER, plain)
    # A whole word in disguise says more than the stem that it begins with: "quickkest" is no "quicker".
    return _by_shape(token) or _by_stem(token, plain) or _by_stem_shape(token)


def _is_lone_letter(token: str) -> bool:
    return len(token) == 1 and token not in ("a", "A", "I")


def _is_number(plain: str, token: str) -> bool:
    if _RUN_TOGETHER.fullmatch(plain):
        return True
    if len(token) < 2 or not (token.isupper() or set(plain) <= set("ivx")):
        return False
    # Short ones with other letters are abbreviations, such as CI and CD.
    return _ROMAN.fullmatch(token.upper()) is not None and (set(plain) <= set("ivx") or len(token) > _LONGEST_SHORT)


def _by_stem(token: str, plain: str) -> Spoken | None:
    if (match := _STEM.search(plain)) is None:
        return None
    if plain[: match.start()] in _DENYING_PREFIXES:
        return Spoken(token, Sense.NEGATION, plain)
    return Spoken(token, _STEMS[match.group()], plain)


def shape(token: str) -> str:
    """What a word looks like at a glance: l, I and i alike, rn as m, repeated letters once."""
    alike = token.replace("I", "l").lower().replace("i", "l").replace("rn", "m")
    return re.sub(r"(.)\1+", r"\1", alike)


_SHAPES: dict[str, str] = {shape(word): word for word in WORDS if len(word) >= _SHORTEST_DISGUISE}
_STEM_SHAPES: dict[str, str] = {shape(stem): stem for stem in _STEMS if len(stem) >= _SHORTEST_DISGUISE}


def _by_shape(token: str) -> Spoken | None:
    if len(token) < _SHORTEST_DISGUISE or token.lower() in _LOOKS_ALIKE_HONESTLY:
        return None
    word = next((_SHAPES[seen] for seen in _seen(token) if seen in _SHAPES), None)
    return None if word is None else Spoken(token, WORDS[word], word)


def _by_stem_shape(token: str) -> Spoken | None:
    if len(token) < _SHORTEST_DISGUISE:
        return None
    found = (stem for seen in _seen(token) for alike, stem in _STEM_SHAPES.items() if seen.startswith(alike))
    stem = next(found, None)
    return None if stem is None else Spoken(token, _STEMS[stem], stem)


def _seen(token: str) -> tuple[str, str]:
    return shape(token), shape(token.lower().replace("vv", "w"))


def _split_words(prose: str, tokens: list[re.Match[str]]) -> Iterator[Spoken]:
    """Words of the lists that were cut in parts: `fas ter`, `im-proved`, `per cent`."""
    for first in range(len(tokens)):
        joined = tokens[first].group()
        for last in range(first + 1, min(first + _MOST_PARTS, len(tokens))):
            if not _INSIDE_A_WORD.fullmatch(prose, tokens[last - 1].end(), tokens[last].start()):
                break
            joined += tokens[last].group()
            sense = _sense_of_joined(joined.lower(), len(tokens[first].group()))
            if sense in _SPLIT_SENSES:
                yield Spoken(prose[tokens[first].start() : tokens[last].end()], sense, joined.lower())


def _sense_of_joined(joined: str, first_part: int) -> Sense | None:
    """What the parts claim as one word; a stem that lies whole in the first part was found already."""
    stem = _STEM.match(joined)
    return WORDS.get(joined) or (_STEMS[stem.group()] if stem and stem.end() > first_part else None)
