"""What lies in deploy/ cannot be started here: each file is held to its schema, the house's rules and the code."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from muse_resources.run_launcher import WatchedRunLauncher
from muse_resources.workspace import read_secrets
from tests.workspaces import ROOT

DEPLOY = ROOT / "deploy"
OF_MUSE = {"migrate", "code", "daemon", "webserver"}
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
VALUES: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
INSTANCE: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text())
SECRET = re.compile(r"(PASSWORD|SECRET|_KEY|TOKEN)(_SHA256)?$", re.IGNORECASE)


def _instructions() -> list[tuple[str, str]]:
    """Instruction and arguments of each line of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in lines)]


def _arguments(name: str) -> list[str]:
    return [rest for word, rest in _instructions() if word == name]


def _images() -> Iterator[str]:
    yield from (image.split(" ")[0] for image in _arguments("FROM"))
    yield from (service["image"] for service in COMPOSE["services"].values())
    yield from (f"{part['image']['repository']}:{part['image']['tag']}" for part in _pods())


def _pods() -> list[dict[str, Any]]:
    return [VALUES["dagsterWebserver"], VALUES["dagsterDaemon"], *VALUES["dagster-user-deployments"]["deployments"]]


def test_every_image_has_a_version() -> None:
    """Tomorrow's start is today's program."""
    for image in _images():
        tag = image.rpartition(":")[2]
        assert re.search(r"\d", tag) and "latest" not in tag, image


def test_the_image_runs_as_an_ordinary_user_and_says_whether_it_is_well() -> None:
    """The last stage names a user by number, so that Kubernetes can see that it is not root."""
    last = max(place for place, (word, _) in enumerate(_instructions()) if word == "FROM")
    final = _instructions()[last:]
    [user] = [rest for word, rest in final if word == "USER"]
    assert all(int(number) > 0 for number in user.split(":"))
    assert "HEALTHCHECK" in {word for word, _ in final}
    # JSON form: a signal reaches the process, not a shell.
    assert all(rest.startswith("[") for word, rest in final if word in ("CMD", "ENTRYPOINT"))


def test_the_image_is_built_from_the_lock_and_holds_no_secret() -> None:
    """Every package by its hash; nothing is added from an address; no variable of the build is a secret."""
    installs = [rest for rest in _arguments("RUN") if "pip install" in rest and "uv==" not in rest]
    assert len(installs) == 2
    assert "--require-hashes -c requirements.lock" in installs[0] and "--no-deps" in installs[1]
    assert not _arguments("ADD")
    assert not [
        name
        for rest in _arguments("ENV") + _arguments("ARG")
        for name in re.findall(r"(\w+)=", rest)
        if SECRET.search(name)
    ]
    [makefile_uv] = re.findall(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())
    assert f"uv=={makefile_uv} " in " ".join(_arguments("RUN"))


def test_all_that_the_image_copies_reaches_the_builder_and_nothing_else_does() -> None:
    """.dockerignore lets through exactly the sources of COPY: no .env, no workspace, no history."""
    copied = {part for rest in _arguments("COPY") if "--from" not in rest for part in rest.split()[:-1]}
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_compose_file_keeps_to_its_schema() -> None:
    """The schema of the Compose Specification, as check-jsonschema carries it."""
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_the_compose_file_listens_to_the_world() -> None:
    """One port, of the webserver, on the machine itself; the stores are reached from inside only."""
    ports = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"]}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "clickhouse", "daemon", "migrate"):
        assert COMPOSE["services"][name]["networks"] == ["inside"], name


def test_the_compose_file_asks_for_every_password() -> None:
    """None is written down, and one that is missing stops the start."""
    for name, service in COMPOSE["services"].items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable) or variable == "MUSE_POSTGRES_URL":
                assert re.search(r"\$\{\w+:[?-]", str(value)), f"{name}: {variable}"
    required = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "compose.env.example").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    assert required <= set(example) and not any(example.values())


def test_muse_reads_the_variables_that_the_compose_file_sets() -> None:
    """A misspelt variable would be a setting that nobody reads."""
    given = {**COMPOSE["x-muse"]["environment"], "MUSE_POSTGRES_URL": "postgresql://muse:word@postgres:5432/muse"}
    given = {name: value.replace("${SLACK_WEBHOOK_URL:-}", "https://example.org") for name, value in given.items()}
    for name in given:
        assert read_secrets({name: given[name]}) != read_secrets({}), name


def test_the_parts_of_muse_run_from_one_image_without_rights() -> None:
    """Read-only, no capability, and each says whether it is well."""
    assert OF_MUSE | {"postgres", "clickhouse"} == set(COMPOSE["services"])
    for name in OF_MUSE:
        service = COMPOSE["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["image"] == COMPOSE["x-muse"]["image"]
    for name in {"code", "daemon", "postgres", "clickhouse"}:
        assert COMPOSE["services"][name]["healthcheck"]["test"], name


@pytest.mark.parametrize(
    "command",
    [
        ["dagster-webserver", "--host", "--port", "--workspace"],
        ["dagster-daemon", "run", "--workspace"],
        ["dagster-daemon", "liveness-check"],
        ["dagster", "api", "grpc", "--host", "--port", "--module-name"],
        ["dagster", "api", "grpc-health-check", "--port"],
        ["muse", "migrate"],
    ],
    ids=" ".join,
)
def test_the_commands_of_the_containers_are_known(command: list[str]) -> None:
    """The installed programs have these commands and options, and the files use them."""
    words = [word for word in command if not word.startswith("--")]
    said = subprocess.run(
        [Path(sys.executable).with_name(words[0]), *words[1:], "--help"], capture_output=True, text=True, check=True
    )
    assert all(option in said.stdout for option in command if option.startswith("--"))
    flat = re.sub(r"[\[\]\",]", " ", (DEPLOY / "compose.yaml").read_text() + (DEPLOY / "Dockerfile").read_text())
    assert " ".join(words) in " ".join(flat.split())


def test_the_code_location_has_one_name_and_port_everywhere() -> None:
    """With another name in one place, schedules that were switched on would be off."""
    [local] = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    [server] = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    name = local["python_module"]["location_name"]
    assert server["grpc_server"] == {"host": "code", "port": 4000, "location_name": name}
    [deployment] = VALUES["dagster-user-deployments"]["deployments"]
    assert (deployment["name"], deployment["port"]) == (name, 4000)
    assert deployment["dagsterApiGrpcArgs"] == ["--module-name", local["python_module"]["module_name"]]


def test_a_killed_command_is_recognised_when_its_container_is_made_anew() -> None:
    """Its runs name the machine: the container for commands has one name, which no other container has."""
    names = {name: service.get("hostname") for name, service in COMPOSE["services"].items()}
    assert names["code"] and set(names.values()) == {names["code"], None}
    assert [name for name, hostname in names.items() if hostname] == ["code"]


def _instance_of_the_chart() -> dict[str, Any]:
    """What the chart writes into the dagster.yaml of its pods (templates/configmap-instance.yaml)."""
    daemon, launcher = VALUES["dagsterDaemon"], VALUES["runLauncher"]
    assert (launcher["type"], daemon["runCoordinator"]["type"]) == ("CustomRunLauncher", "CustomRunCoordinator")
    monitoring, retries = daemon["runMonitoring"], daemon["runRetries"]
    return {
        "run_launcher": launcher["config"]["customRunLauncher"],
        "run_coordinator": daemon["runCoordinator"]["config"]["customRunCoordinator"],
        "run_monitoring": {
            "enabled": monitoring["enabled"],
            "start_timeout_seconds": monitoring["startTimeoutSeconds"],
            "poll_interval_seconds": monitoring["pollIntervalSeconds"],
        },
        "run_retries": {
            "enabled": retries["enabled"],
            "max_retries": retries["maxRetries"],
            "retry_on_asset_or_op_failure": retries["retryOnAssetOrOpFailure"],
        },
        "sensors": {"use_threads": daemon["sensors"]["useThreads"], "num_workers": daemon["sensors"]["numWorkers"]},
    }


def _runs_by(settings: str, folder: Path) -> dict[str, Any]:
    """How Dagster starts, limits, watches and repeats runs with these settings."""
    folder.mkdir()
    (folder / "dagster.yaml").write_text(settings)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        return {
            "launcher": type(instance.run_launcher),
            "coordinator": type(instance.run_coordinator),
            "queue": instance.get_concurrency_config().run_queue_config,
            "monitoring": instance.run_monitoring_enabled,
            "poll_interval": instance.run_monitoring_poll_interval_seconds,
            "start_timeout": instance.run_monitoring_start_timeout_seconds,
            "cancel_timeout": instance.run_monitoring_cancel_timeout_seconds,
            "retries": instance.run_retries_enabled and instance.run_retries_max_retries,
            "retries_steps": instance.run_retries_retry_on_asset_or_op_failure,
            "sensors": instance.get_settings("sensors"),
        }


def test_kubernetes_runs_as_dagster_yaml_does(tmp_path: Path) -> None:
    """The chart writes an instance of its own: with the launcher, limits, monitoring and retries that all else was
    tried with, in Dagster's own eyes."""
    of_the_chart = _runs_by(yaml.safe_dump(_instance_of_the_chart()), tmp_path / "chart")
    assert of_the_chart == _runs_by((ROOT / "dagster.yaml").read_text(), tmp_path / "own")
    assert of_the_chart["launcher"] is WatchedRunLauncher and of_the_chart["queue"].max_user_code_failure_retries


def test_kubernetes_keeps_ticks_as_dagster_yaml_does() -> None:
    """And removes them after the same days."""
    for kind in ("schedule", "sensor"):
        assert VALUES["retention"][kind]["purgeAfterDays"] == INSTANCE["retention"][kind]["purge_after_days"]


def test_kubernetes_runs_nothing_as_root_and_opens_no_door() -> None:
    """No ingress, no password in the file, no rights in the pods."""
    for pod in _pods():
        assert pod["podSecurityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert VALUES["ingress"] == {"enabled": False}
    assert VALUES["dagsterWebserver"]["service"]["type"] == "ClusterIP"
    assert "postgresqlPassword" not in VALUES["postgresql"]


def test_dagster_yaml_is_valid_in_dagsters_own_eyes(tmp_path: Path) -> None:
    """Dagster checks every key when it opens the instance."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_coordinator is not None


def test_clickhouse_files_are_whole_and_hold_no_password() -> None:
    """Well-formed, every secret from the environment, the all-powerful user taken away."""
    for file in sorted((DEPLOY / "clickhouse").rglob("*.xml")):
        root = ET.parse(file).getroot()
        assert root.tag == "clickhouse", file
        for element in root.iter():
            if "password" in element.tag or element.tag == "secret":
                assert element.get("from_env") and not element.text, file
    users = ET.parse(DEPLOY / "clickhouse" / "users.d" / "muse.xml").getroot().find("users")
    assert users is not None
    default = users.find("default")
    assert default is not None and default.get("remove")


def test_the_cluster_has_one_name_and_an_odd_number_of_keepers() -> None:
    """Keepers decide by majority; the nodes name all of them."""
    cluster, macros, keeper = (
        ET.parse(DEPLOY / "clickhouse" / "cluster" / f"{name}.xml").getroot()
        for name in ("cluster", "macros", "keeper")
    )
    nodes = {node.findtext("host") for node in cluster.iter("node")}
    raft = {server.findtext("hostname") for server in keeper.iter("server")}
    assert nodes == raft and len(raft) == 3
    assert cluster.find(f"remote_servers/{macros.findtext('macros/cluster')}") is not None
    replicas = {replica.findtext("host") for replica in cluster.iter("replica")}
    assert macros.findtext("macros/replica") in replicas
