"""Which adapter fills each port of a workspace, and why: decided by configuration alone, never by a failure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from clickhouse_connect.driver.client import Client

from muse_domain.drafts import Writer
from muse_domain.notices import Notifier
from muse_domain.ports import Clock, Deployer, OnFile, SourceRepository, Warehouse
from muse_resources.dagster_storage import POSTGRES_VARIABLE, ping_postgres
from muse_resources.file_ledger import ignore
from muse_resources.git_publisher import LocalGitPublisher
from muse_resources.git_repository import LocalGitRepository
from muse_resources.input_files import find_files, is_remote
from muse_resources.llm_ledger import LlmLedger
from muse_resources.notifiers import LogNotifier, SlackNotifier
from muse_resources.object_store import ObjectStore
from muse_resources.openai_writer import OpenAIWriter
from muse_resources.site.model import SiteSettings
from muse_resources.site_deployer import StaticSiteDeployer
from muse_resources.template_writer import TemplateWriter
from muse_resources.warehouse import ClickHouseWarehouse
from muse_resources.workspace import Workspace


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Choice:
    """One port: the adapter that fills it, and the configuration that chose it."""

    port: str
    adapter: str
    reason: str
    answers: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Adapters:
    """A workspace's adapters. Nothing is opened or started before its first use."""

    workspace: Workspace
    warehouse: Warehouse
    repositories: Mapping[str, SourceRepository]
    writer: Writer
    publisher: LocalGitPublisher
    deployer: Deployer
    clock: Clock
    notifier: Notifier
    on_file: OnFile = ignore
    # What writes where the writer's text may not go out; the writer itself where none other is configured.
    template_writer: Writer = field(default_factory=TemplateWriter)

    def _where(self, pattern: str) -> tuple[str, str, Callable[[], str]]:
        """Adapter, reason and answer of one source of files."""
        if is_remote(pattern):
            return "S3 through the engine", f"files = {pattern!r}", _objects(self.warehouse, pattern)
        return "files", f"files = {pattern!r}", _count_of(self.workspace.folder, pattern)

    def choices(self) -> list[Choice]:
        """What `muse status` shows."""
        settings = self.workspace.settings
        remote = bool(settings.warehouse.url)
        rows = [
            Choice(
                "warehouse",
                "ClickHouse server" if remote else "embedded ClickHouse",
                f"warehouse.url is {settings.warehouse.url!r}" if remote else "warehouse.url is empty",
                lambda: f"ClickHouse {self.warehouse.ping()}",
            )
        ]
        rows += [
            Choice(f"repository {name}", "local git", f"repositories.{name}.path", _head_of(repository))
            for name, repository in self.repositories.items()
        ]
        rows += [
            Choice(what, *self._where(source.files))
            for what, sources in (("reports", settings.reports), ("events", settings.events))
            for source in sources
        ]
        return [
            *rows,
            self._writer_choice(),
            Choice("translator", "none", "no translator is configured", _languages(settings.languages.targets)),
            Choice("publisher", "local git", f"blog.path is {settings.blog.path!r}", lambda: _blog(self.publisher)),
            Choice("deployer", "static site", f"site.folder is {settings.site.folder!r}", lambda: "a folder"),
            self._notifier_choice(),
            self._storage_choice(),
        ]

    def _writer_choice(self) -> Choice:
        kind = self.workspace.settings.writer.kind
        reason, writer = f"writer.kind is {kind!r}", self.writer
        if not isinstance(writer, OpenAIWriter):
            return Choice("writer", "templates", reason, lambda: "no account needed")

        def answer() -> str:
            self.warehouse.migrate()  # of a workspace that holds nothing yet, too
            return writer.state()

        return Choice("writer", "OpenAI", reason, answer)

    def _notifier_choice(self) -> Choice:
        is_slack = self.workspace.secrets.slack_webhook_url is not None
        reason = f"SLACK_WEBHOOK_URL is {'set' if is_slack else 'not set'}"
        return Choice("notifier", "Slack" if is_slack else "log", reason, self.notifier.ping)

    def _storage_choice(self) -> Choice:
        url, home = self.workspace.secrets.postgres_url, self.workspace.dagster_home
        if url is None:
            return Choice("dagster storage", "SQLite", f"{POSTGRES_VARIABLE} is not set", lambda: f"in {home}")
        return Choice("dagster storage", "PostgreSQL", f"{POSTGRES_VARIABLE} is set", lambda: ping_postgres(url))


def _objects(warehouse: Warehouse, pattern: str) -> Callable[[], str]:
    return lambda: _counted(len(warehouse.list_objects(pattern)), "object", pattern)


def _counted(count: int, what: str, where: object) -> str:
    if count == 0:
        raise FileNotFoundError(f"no {what} matches: mend the pattern, or wait for the first one (from {where})")
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def _head_of(repository: SourceRepository) -> Callable[[], str]:
    def answer() -> str:
        head = repository.head()
        return f"head {head.sha[:7]} of {head.committed_at:%Y-%m-%d %H:%M} UTC" if head else "no commit yet"

    return answer


def _count_of(folder: Path, pattern: str) -> Callable[[], str]:
    def answer() -> str:
        return _counted(sum(1 for _ in find_files(folder, pattern)), "file", folder)

    return answer


def _languages(targets: tuple[str, ...]) -> Callable[[], str]:
    shown = ", ".join(targets)
    return lambda: f"{shown}: not translated, no translator is configured" if targets else "English only"


def _blog(publisher: LocalGitPublisher) -> str:
    count = len(publisher.published_days())
    return f"{count} {'episode' if count == 1 else 'episodes'} published"


def build_adapters(workspace: Workspace) -> Adapters:
    """The adapters that a workspace's configuration asks for."""
    settings = workspace.settings
    blog = settings.blog
    publisher = LocalGitPublisher(
        workspace.path(blog.path), blog.branch, blog.folder, blog.author_name, blog.author_email
    )
    warehouse = ClickHouseWarehouse(
        warehouse_connector(workspace),
        settings.warehouse.database,
        shares_files=not settings.warehouse.url,
        objects=object_store(workspace),
        cluster=settings.warehouse.cluster,
    )
    templates, clock = TemplateWriter(), SystemClock()
    return Adapters(
        workspace=workspace,
        warehouse=warehouse,
        repositories={
            name: LocalGitRepository(name, workspace.path(one.path), one.branch, workspace.secrets.hash_key)
            for name, one in settings.repositories.items()
        },
        writer=_writer(workspace, templates, LlmLedger(warehouse, clock)),
        template_writer=templates,
        publisher=publisher,
        deployer=StaticSiteDeployer(publisher, _site_settings(workspace), workspace.path(settings.site.folder)),
        clock=clock,
        notifier=_notifier(workspace.secrets.slack_webhook_url),
    )


def _writer(workspace: Workspace, templates: TemplateWriter, ledger: LlmLedger) -> Writer:
    configured = workspace.settings.writer
    if configured.kind == "templates":
        return templates
    return OpenAIWriter(configured, workspace.secrets.openai_key, ledger)


def _notifier(webhook_url: str | None) -> Notifier:
    return SlackNotifier(webhook_url) if webhook_url else LogNotifier()


def _site_settings(workspace: Workspace) -> SiteSettings:
    site, muse = workspace.settings.site, workspace.settings.muse
    return SiteSettings(muse.title, site.base_url, site.description, muse.sample)


def object_store(workspace: Workspace) -> ObjectStore:
    """Where the workspace's buckets are, and who asks for them."""
    secrets = workspace.secrets
    return ObjectStore(workspace.settings.s3.endpoint, secrets.s3_access_key, secrets.s3_secret_key)


def warehouse_connector(workspace: Workspace) -> Callable[[str | None], Client]:
    """How to reach the warehouse: an HTTP client of the embedded owner, or of a server."""
    configured = workspace.settings.warehouse
    if configured.url:
        return lambda database: _server_client(workspace, database)

    def embedded(database: str | None) -> Client:
        # Imported here: nothing of the engine is needed to load the definitions.
        from muse_resources.embedded.connect import owner_client

        return owner_client(workspace.path(configured.folder), database=database)

    return embedded


def _server_client(workspace: Workspace, database: str | None) -> Client:
    import clickhouse_connect

    configured, secrets = workspace.settings.warehouse, workspace.secrets
    address = urlsplit(configured.url)
    secure = address.scheme == "https"
    return clickhouse_connect.get_client(
        host=address.hostname or "localhost",
        port=address.port or (8443 if secure else 8123),
        username=secrets.clickhouse_user or address.username or "default",
        password=secrets.clickhouse_password or "",
        secure=secure,
        verify=True,
        ca_cert=str(workspace.path(configured.ca_certificate)) if configured.ca_certificate else None,
        database=database or "default",
        autogenerate_session_id=False,
        tz_mode="aware",
    )
