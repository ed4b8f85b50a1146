"""The configuration of one workspace: what `muse.toml` may say, and what each wrong value is answered with.

Parsing is pure: `parse_settings` takes the decoded TOML. Reading the file, the environment and the
disk is the business of `muse_resources.workspace`.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

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
    """`[warehouse]`: an empty url means the embedded engine in `folder`."""

    url: str = ""
    database: str = "chimera_metrics"
    folder: str = ".muse/warehouse"
    ca_certificate: str = ""

    @field_validator("database")
    @classmethod
    def _plain_identifier(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("use letters, digits and underscores, not starting with a digit")
        return value

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


class ReportSource(_Section):
    """`[[reports]]`: files that hold benchmark results.

    `pattern` is a regular expression over the path, whose groups `ts` and `commit` date reports that
    do not date themselves; `dated_by = "git"` takes the time of the commit that last changed the file.
    """

    files: str
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


class EventMapping(_Section):
    """`[events.mapping]`: which field of an event line holds what. Dots descend into objects."""

    ts: str
    event_type: str
    event_id: str = ""
    session: str = ""
    commit: str = ""
    latency_ms: str = ""
    user_agent: str = ""
    error_types: tuple[str, ...] = ("error",)
    start_types: tuple[str, ...] = ()
    completion_types: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()


class EventSource(_Section):
    """`[[events]]`: JSON-lines files of user-interface events."""

    files: str
    repository: str = "packs"
    mapping: EventMapping


class AnalysisSection(_Section):
    """`[analysis]`: what counts as a finding."""

    window_days: Annotated[int, Field(ge=7, le=365)] = 28
    minimum_segment: Annotated[int, Field(ge=3)] = 5
    false_discovery_rate: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    minimum_change_pct: Annotated[float, Field(ge=0)] = 2.0
    better: Mapping[str, Literal["lower", "higher", "none"]] = Field(default_factory=dict)


class PolicySection(_Section):
    """`[policy]`: the thresholds of publication and freshness (rulings X-03, X-05, D-027)."""

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
    """`[dagster]`: the folder of Dagster's own state (DAGSTER_HOME)."""

    home: str = ".muse/dagster"


class WriterSection(_Section):
    """`[writer]`: who writes the episode."""

    kind: Literal["templates"] = "templates"


class Settings(_Section):
    """Everything `muse.toml` may hold, validated."""

    muse: MuseSection
    repositories: Mapping[str, RepositorySection]
    reports: tuple[ReportSource, ...] = ()
    events: tuple[EventSource, ...] = ()
    warehouse: WarehouseSection = WarehouseSection()
    analysis: AnalysisSection = AnalysisSection()
    policy: PolicySection = PolicySection()
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
        return self


def parse_settings(decoded: Mapping[str, Any], *, file: str = "muse.toml") -> Settings:
    """Validate decoded TOML. Raises SettingsError naming the file, every wrong key and what to do."""
    try:
        return Settings.model_validate(decoded)
    except ValidationError as error:
        lines = [f"  {_key(e['loc'])}: {_remedy(e)}" for e in error.errors(include_url=False)]
        raise SettingsError("\n".join([f"{file} is not valid:", *lines])) from error


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
    is_secret = isinstance(error["input"], str) and _names_a_password(error["input"])
    shown = "" if is_secret or isinstance(error["input"], dict) else f" (it is {error['input']!r})"
    return f"{message}{shown}"
