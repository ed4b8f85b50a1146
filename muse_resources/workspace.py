"""The workspace: one folder with its `muse.toml`, and the secrets of its environment.

This is the only place that reads the environment. Nothing is read at import.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from muse_domain.settings import Settings, SettingsError, parse_settings
from muse_resources.backup import JOURNAL, StateFolders, finish_restore

SETTINGS_FILE = "muse.toml"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only the environment may hold. None where a variable is unset or empty."""

    hash_key: str | None = None
    clickhouse_user: str | None = None
    clickhouse_password: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: str | None = None
    openai_key: str | None = None
    allow_degraded: bool = False
    slack_webhook_url: str | None = None
    postgres_url: str | None = None

    def __repr__(self) -> str:
        return "Secrets(...)"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder, what its `muse.toml` says, and its secrets. Relative paths are relative to the folder."""

    folder: Path
    settings: Settings
    secrets: Secrets

    def path(self, relative: str) -> Path:
        """A configured path as an absolute one."""
        return (self.folder / Path(relative).expanduser()).resolve()

    @property
    def locks(self) -> Path:
        """Where the processes of this machine tell each other which table they build."""
        return self.own_dagster_folder.parent / "locks"

    @property
    def server_lock(self) -> Path:
        """Held while `muse dev` runs."""
        return self.locks / "server.lock"

    @property
    def allows_degraded(self) -> bool:
        """Whether data that is late, but not too late, may be written about."""
        return self.settings.policy.allow_degraded or self.secrets.allow_degraded

    @property
    def own_dagster_folder(self) -> Path:
        """`dagster.home` of muse.toml."""
        return self.path(self.settings.dagster.home)

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME. One for each storage, so that no process ever finds the settings of the other."""
        return self.own_dagster_folder / "postgres" if self.secrets.postgres_url else self.own_dagster_folder


def load_workspace(folder: Path, environment: Mapping[str, str] | None = None) -> Workspace:
    """Read and validate a workspace. Raises SettingsError naming the file, the key and the remedy."""
    file = folder / SETTINGS_FILE
    try:
        decoded = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"{file} does not exist: run `muse --workspace {folder} init` to write a commented one"
        ) from error
    except OSError as error:
        remedy = "mend its rights, or name another folder"
        raise SettingsError(f"{file} cannot be read ({error.strerror}): {remedy}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    settings = parse_settings(decoded, file=str(file))
    secrets = read_secrets(os.environ if environment is None else environment)
    workspace = Workspace(folder.resolve(), settings, secrets)
    if not settings.warehouse.url and workspace.own_dagster_folder.with_name(JOURNAL).exists():
        finish_restore(state_folders(workspace))
    return workspace


def state_folders(workspace: Workspace) -> StateFolders:
    """What a backup of the workspace holds. Raises PermanentFailure."""
    return StateFolders(workspace.path(workspace.settings.warehouse.folder), workspace.own_dagster_folder)


def workspace_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The folder named by MUSE_WORKSPACE, else the current one."""
    return Path((os.environ if environment is None else environment).get("MUSE_WORKSPACE") or ".")


def read_secrets(environment: Mapping[str, str]) -> Secrets:
    """Secrets from environment variables. Raises SettingsError naming the variable."""
    return Secrets(
        hash_key=environment.get("MUSE_HASH_KEY") or None,
        clickhouse_user=environment.get("CH_USER") or None,
        clickhouse_password=environment.get("CH_PASSWORD") or None,
        s3_access_key=environment.get("AWS_ACCESS_KEY_ID") or None,
        s3_secret_key=environment.get("AWS_SECRET_ACCESS_KEY") or None,
        openai_key=environment.get("OPENAI_API_KEY", "").strip() or None,
        allow_degraded=_flag(environment, "WATCHER_ALLOW_DEGRADED"),
        slack_webhook_url=_web_address(environment, "SLACK_WEBHOOK_URL"),
        postgres_url=_postgres_address(environment, "MUSE_POSTGRES_URL"),
    )


def _postgres_address(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name, "").strip()
    if not value:
        return None
    remedy = "write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with %40 for an @ in the password"
    if not _is_postgres_address(value):
        raise SettingsError(f"environment variable {name} is not the address of a database: {remedy}")
    return value


def _is_postgres_address(value: str) -> bool:
    try:
        address = urlsplit(value)
        host = address.hostname or parse_qs(address.query).get("host")
        port = address.port or 5432
    except ValueError:  # a port that is no number, as after a password with a slash
        return False
    return address.scheme == "postgresql" and bool(host and port and address.username and address.path.strip("/"))


def _web_address(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name, "").strip()
    if value and not value.startswith(("https://", "http://")):
        raise SettingsError(f"environment variable {name} is not an address: it begins with https://")
    return value or None


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value in ("", "0", "false", "no"):
        return False
    if value in ("1", "true", "yes"):
        return True
    raise SettingsError(f"environment variable {name} is {value!r}: use true or false")
