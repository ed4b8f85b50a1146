"""The configuration of one workspace: what `muse.toml` may say, and what each wrong value is answered with.

Parsing is pure: `parse_settings` takes the decoded TOML. Reading the file, the environment and the
disk is the business of `muse_resources.workspace`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from muse_domain.event_formats.event_format import EventFields, EventFormat, path_parts
from muse_domain.event_formats.registry import event_format
from muse_domain.spending import Price

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SettingsError(ValueError):
    """One or more keys of `muse.toml` are wrong; the message names each key and its remedy."""


class _Section(BaseModel):
    # The input stays out of pydantic's own message: it may hold a password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MuseSection(_Section):
    """`[muse]`: the name of the log and the days it covers."""

    title: str = "Muse"
    start_date: date
    end_date: date | None = None
    sample: bool = False

    @model_validator(mode="after")
    def _days_in_order(self) -> "MuseSection":
        if self.end_date and self.end_date < self.start_date:
            raise ValueError("end_date lies before start_date: set it to the same day or later, or remove it")
        return self


class WarehouseSection(_Section):
    """`[warehouse]`: an empty url means the embedded engine in `folder`.

    With `cluster`, every table is made on each of its nodes and replicated; `url` names one of them.
    """

    url: str = ""
    cluster: str = ""
    database: str = "chimera_metrics"
    folder: str = ".muse/warehouse"
    ca_certificate: str = ""

    @field_validator("database", "cluster")
    @classmethod
    def _plain_identifier(cls, value: str, info: ValidationInfo) -> str:
        is_left_out = info.field_name == "cluster" and not value
        if not is_left_out and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("use letters, digits and underscores, not starting with a digit")
        return value

    @model_validator(mode="after")
    def _a_cluster_is_of_servers(self) -> "WarehouseSection":
        if self.cluster and not self.url:
            raise PydanticCustomError(
                "field_missing", 'is empty, but cluster is not: name a node of it, "https://host:8443"', {"key": "url"}
            )
        return self

    @field_validator("url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        if _names_a_password(value):
            raise ValueError("leave the password out: set CH_USER and CH_PASSWORD in the environment")
        if value and not re.match(r"https?://[^/\s]+", value):
            raise ValueError('use "https://host:8443" (or leave it empty for the embedded engine)')
        return value


def _names_a_password(url: str) -> bool:
    return re.match(r"\w+://[^@]*:[^@]*@|.*[?&]password=", url, re.IGNORECASE) is not None


class RepositorySection(_Section):
    """`[repositories.<role>]`: a local git clone whose commits Muse follows."""

    path: str
    branch: str = "main"
    grace_minutes: Annotated[int, Field(gt=0)] = 5
    # How long a commit waits for the next measurement anyway: 24 for benchmarks that run once a night.
    cadence_hours: Annotated[float, Field(ge=0, le=24 * 14)] = 0.0


def _known_place(value: str) -> str:
    """Folders of this machine, or objects of a store."""
    scheme = re.match(r"(\w+)://", value)
    if scheme and not re.match(r"s3://[^/\s*?{\[]+/.", value):
        raise ValueError('use a path of this machine, or "s3://bucket/folder/*.json"')
    if scheme and "[" in value:
        raise ValueError("names of objects are matched by *, ?, ** and {a,b}: use these instead of [...]")
    return value


Files = Annotated[str, AfterValidator(_known_place)]


class ReportSource(_Section):
    """`[[reports]]`: files that hold benchmark results.

    `pattern` is a regular expression over the path, whose groups `ts` and `commit` date reports that
    do not date themselves; `dated_by = "git"` takes the time of the commit that last changed the file.
    """

    files: Files
    repository: str = "hearts"
    pattern: str = ""
    dated_by: Literal["report", "git"] = "report"

    @field_validator("pattern")
    @classmethod
    def _known_groups(cls, value: str) -> str:
        if not value:
            return value
        try:
            groups = set(re.compile(value).groupindex)
        except re.error as error:
            raise ValueError(f"is not a regular expression ({error})") from error
        if not groups or groups - {"ts", "commit"}:
            raise ValueError("name its groups (?P<ts>...) and/or (?P<commit>...)")
        return value

    @model_validator(mode="after")
    def _in_git_to_be_dated_by_it(self) -> "ReportSource":
        if self.dated_by == "git" and self.files.startswith("s3://"):
            raise ValueError("objects of a store have no git history: give their pattern a (?P<ts>...) instead")
        return self


def _texts(value: object) -> object:
    """One may be written as a text, several as a list of texts."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class EventMapping(_Section):
    """`[events.mapping]`: which field of an event holds what; the first stated of several wins.

    Dots descend into objects, quotes hold a name with dots together: `attributes."session.id"`. What is not named here
    is as the format has it.
    """

    ts: Texts = ()
    event_type: Texts = ()
    event_id: Texts = ()
    session: Texts = ()
    actor: Texts = ()
    commit: Texts = ()
    latency: Texts = ()
    user_agent: Texts = ()
    metadata: Texts = ()
    latency_unit: Literal["ns", "us", "ms", "s"] | None = None
    error_types: Texts = ()
    start_types: Texts = ()
    completion_types: Texts = ()

    @field_validator("ts", "event_type", "event_id", "session", "actor", "commit", "latency", "user_agent", "metadata")
    @classmethod
    def _readable_paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            path_parts(path)
        return value


class EventSource(_Section):
    """`[[events]]`: files of user-interface events, in one of the formats of docs/formats.md."""

    files: Files
    repository: str = "packs"
    format: str = "json_lines"
    mapping: EventMapping = EventMapping()

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        try:
            return event_format(value).name
        except LookupError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _dated_and_named(self) -> "EventSource":
        for name in ("ts", "event_type"):
            if not getattr(self.fields, name):
                raise PydanticCustomError(
                    "field_missing",
                    "is missing: add it, and say which field of an event holds it",
                    {"key": f"mapping.{name}"},
                )
        return self

    @property
    def fields(self) -> EventFields:
        """The format's fields, with those that the mapping names instead."""
        stated = {name: value for name, value in self.mapping if value}
        return replace(self.known_format.fields, **stated)

    @property
    def known_format(self) -> EventFormat:
        """The format that `format` names."""
        return event_format(self.format)


class S3Section(_Section):
    """`[s3]`: where `files = "s3://bucket/..."` are. An empty endpoint means AWS."""

    endpoint: str = ""

    @field_validator("endpoint")
    @classmethod
    def _http_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/\s@?#]+/?", value):
            raise ValueError('use "https://host:9000", without a password: the keys belong in the environment')
        return value


class AnalysisSection(_Section):
    """`[analysis]`: what counts as a finding."""

    window_days: Annotated[int, Field(ge=7, le=365)] = 28
    minimum_segment: Annotated[int, Field(ge=3)] = 5
    false_discovery_rate: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    minimum_change_pct: Annotated[float, Field(ge=0)] = 2.0
    minimum_widths: Annotated[float, Field(ge=0)] = 1.0
    better: Mapping[str, Literal["lower", "higher", "none"]] = Field(default_factory=dict)


class PolicySection(_Section):
    """`[policy]`: the thresholds of publication and freshness."""

    publish_at: Share = 0.70
    hold_below: Share = 0.50
    chimera_confidence: Share = 0.70
    chimera_correlation: Share = 0.60
    maximum_lag_hours: Annotated[float, Field(gt=0)] = 4.0
    live_days: Annotated[int, Field(ge=1)] = 2
    allow_degraded: bool = False

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> "PolicySection":
        if self.hold_below > self.publish_at:
            raise ValueError("hold_below is above publish_at: lower it")
        return self


class WatchSection(_Section):
    """`[watch]`: when Muse does what by itself."""

    build_at: time = time(2)
    digest_at: time = time(4, 30)
    verify_at: time = time(5)
    every_minutes: Annotated[float, Field(ge=0.1, le=60)] = 10
    poll_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    again_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 10
    catch_up_days: Annotated[int, Field(ge=1, le=31)] = 7

    @field_validator("build_at", "digest_at", "verify_at")
    @classmethod
    def _a_minute_of_the_day(cls, value: time) -> time:
        if value.tzinfo or value.second or value.microsecond:
            raise ValueError('give hours and minutes in UTC: "02:00"')
        return value


# The longest look back of a day that is built: what is younger is never given up.
_LEAST_KEPT_DAYS = 35
KeptDays = Annotated[int, Field(ge=_LEAST_KEPT_DAYS)]


class RetentionSection(_Section):
    """`[retention]`: what `muse prune` removes when it is older than so many days; what is not named is kept."""

    runs_days: KeptDays | None = None
    logs_days: KeptDays | None = None
    ui_events_days: KeptDays | None = None


class BlogSection(_Section):
    """`[blog]`: the git repository that episodes are committed to."""

    path: str = ".muse/blog"
    branch: str = "main"
    folder: str = ""
    author_name: str = "Muse"
    author_email: str = "muse@localhost"


class SiteSection(_Section):
    """`[site]`: where the static pages go and under which address they are served."""

    folder: str = ".muse/site"
    base_url: str = ""
    description: str = "What changed, measured."


class LanguagesSection(_Section):
    """`[languages]`: the targets of translation; the source is always English."""

    targets: tuple[str, ...] = ()


class DagsterSection(_Section):
    """`[dagster]`: the folder of Dagster's own state (DAGSTER_HOME), and the UI's address for links in messages."""

    home: str = ".muse/dagster"
    url: str = ""


# More digits than a price list has; so a cost is exact with the twelve that the warehouse keeps.
Dollars = Annotated[Decimal, Field(ge=0, lt=100_000, decimal_places=6)]

OPENAI_URL = "https://api.openai.com/v1"


class PriceSection(_Section):
    """`[[writer.prices]]`: dollars for a million tokens of a model, from a day on."""

    model: str
    starts: date = Field(alias="from")
    input_per_1m: Dollars
    cached_input_per_1m: Dollars | None = None
    output_per_1m: Dollars

    @property
    def price(self) -> Price:
        """As it is reckoned with. Cached input costs as much as any unless the table says otherwise."""
        cached = self.input_per_1m if self.cached_input_per_1m is None else self.cached_input_per_1m
        return Price(self.model, self.starts, self.input_per_1m, cached, self.output_per_1m)


class WriterSection(_Section):
    """`[writer]`: who writes the episode.

    `rewrites` is how often a draft that the verdict refused may be written again. `daily_budget_usd` holds for a UTC
    day. `timeout_s` is the longest that one answer may take.
    """

    kind: Literal["templates", "openai"] = "templates"
    model: str = ""
    base_url: str = OPENAI_URL
    max_output_tokens: Annotated[int, Field(ge=256, le=100_000)] = 6000
    rewrites: Annotated[int, Field(ge=0, le=5)] = 2
    daily_budget_usd: Dollars | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 120.0
    prices: tuple[PriceSection, ...] = ()

    @field_validator("base_url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s@?#]+(?:/[^\s@?#]*)?", value):
            raise ValueError('use "https://host/v1", without a key: it belongs in OPENAI_API_KEY')
        return value

    @model_validator(mode="after")
    def _knows_what_it_costs(self) -> "WriterSection":
        if self.kind == "templates":
            return self
        if not self.model:
            raise ValueError('model is missing: name the model that writes, or set kind = "templates"')
        if self.daily_budget_usd is None:
            raise ValueError("daily_budget_usd is missing: say how many dollars a UTC day may cost")
        if all(price.model != self.model for price in self.prices):
            raise ValueError(f"prices holds none for {self.model!r}: add [[writer.prices]] from the provider's list")
        return self

    @property
    def needs_key(self) -> bool:
        """Whether the server asks for a key; one of your own may not."""
        return self.base_url.rstrip("/") == OPENAI_URL


class Settings(_Section):
    """Everything `muse.toml` may hold, validated."""

    muse: MuseSection
    repositories: Mapping[str, RepositorySection]
    reports: tuple[ReportSource, ...] = ()
    events: tuple[EventSource, ...] = ()
    s3: S3Section = S3Section()
    warehouse: WarehouseSection = WarehouseSection()
    analysis: AnalysisSection = AnalysisSection()
    policy: PolicySection = PolicySection()
    watch: WatchSection = WatchSection()
    retention: RetentionSection = RetentionSection()
    writer: WriterSection = WriterSection()
    languages: LanguagesSection = LanguagesSection()
    blog: BlogSection = BlogSection()
    site: SiteSection = SiteSection()
    dagster: DagsterSection = DagsterSection()

    @model_validator(mode="after")
    def _sources_name_known_repositories(self) -> "Settings":
        unknown = set(self.repositories) - {"hearts", "packs"}
        if unknown:
            raise ValueError(f"repositories.{min(unknown)}: the roles are hearts (measured) and packs (used)")
        sources: tuple[ReportSource | EventSource, ...] = (*self.reports, *self.events)
        for source in sources:
            if source.repository not in self.repositories:
                raise ValueError(
                    f"a source of {source.files!r} names repository {source.repository!r}: "
                    f"add [repositories.{source.repository}] or change the source's repository key"
                )
            role = "hearts" if isinstance(source, ReportSource) else "packs"
            if source.repository != role:
                raise ValueError(
                    f"a source of {source.files!r} names repository {source.repository!r}: reports measure hearts, "
                    f"events are of packs: name {role} (two roles may have the same path)"
                )
        return self


def parse_settings(decoded: Mapping[str, Any], *, file: str = "muse.toml") -> Settings:
    """Validate decoded TOML. Raises SettingsError naming the file, every wrong key and what to do."""
    try:
        return Settings.model_validate(decoded)
    except ValidationError as error:
        lines = [f"  {_key(_location(e))}: {_remedy(e)}" for e in error.errors(include_url=False)]
        raise SettingsError("\n".join([f"{file} is not valid:", *lines])) from error


def _location(error: Any) -> tuple[int | str, ...]:
    # A rule over a whole table names the key that it misses in its context: pydantic only knows the table.
    missing = error.get("ctx", {}).get("key") if error["type"] == "field_missing" else None
    return (*error["loc"], missing) if missing else tuple(error["loc"])


def _key(location: tuple[int | str, ...]) -> str:
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key or "(whole file)"


def _remedy(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing: add it (`muse init` writes a commented example)"
    if error["type"] == "extra_forbidden":
        return "is not a key of Muse: remove it or mend its spelling (`muse init` lists every key)"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "tuple_type":
        message = "write a list of texts"
    is_secret = isinstance(error["input"], str) and re.search(r"://.*@|password=", error["input"]) is not None
    shown = "" if is_secret or isinstance(error["input"], dict) else f" (it is {error['input']!r})"
    return f"{message}{shown}"
