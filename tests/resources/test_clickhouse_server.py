"""A ClickHouse server as the warehouse: reached by configuration alone, over TLS, through every failure of a network.

What the warehouse promises is tested in test_warehouse.py, over both transports.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from muse_domain.failures import PermanentFailure, TransientFailure
from muse_resources.adapters import build_adapters
from muse_resources.warehouse import ClickHouseWarehouse
from muse_resources.workspace import load_workspace
from tests.clickhouse_server import (
    CUT_AFTER,
    CUT_BEFORE,
    FAULTS,
    PASSWORD,
    SLOW,
    TOO_MANY,
    UNAVAILABLE,
    USER,
    ServedEngine,
    clickhouse_server,
)
from tests.resources.loaders import DAY, ROWS, commit_rows

SPAN = {"repository": "hearts", "first": DAY, "last": DAY}
ROUNDS = 60


@pytest.fixture
def served(warehouse_folder: Path, engine: Client) -> Iterator[ServedEngine]:
    with clickhouse_server(warehouse_folder) as server:
        yield server


@pytest.fixture
def remote(served: ServedEngine, tmp_path: Path) -> Iterator[ClickHouseWarehouse]:
    """The warehouse as muse.toml and the environment name it."""
    yield from _configured(tmp_path, f"url = '{served.url}'")


def _configured(folder: Path, warehouse: str, password: str = PASSWORD) -> Iterator[ClickHouseWarehouse]:
    text = f"[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = '.'\n[warehouse]\n{warehouse}\n"
    (folder / "muse.toml").write_text(text, encoding="utf-8")
    workspace = load_workspace(folder, {"CH_USER": USER, "CH_PASSWORD": password})
    store = build_adapters(workspace).warehouse
    assert isinstance(store, ClickHouseWarehouse)
    yield store
    store.close()


def _contents(engine: Client) -> dict[str, int]:
    return dict(engine.query("SELECT subject, count() FROM commits GROUP BY subject").result_rows)


def _once(fault: str) -> "Iterator[str | None]":
    yield fault
    while True:
        yield None


@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_AFTER, SLOW, TOO_MANY, UNAVAILABLE])
def test_a_question_that_fails_once_is_asked_again_or_told(
    remote: ClickHouseWarehouse, served: ServedEngine, fault: str
) -> None:
    """Reading twice is harmless: the answer is right, or the failure says that another try may help."""
    remote.replace_days("commits", [DAY], commit_rows(1))
    faults = _once(fault)
    served.fault = lambda _: next(faults)
    try:
        assert len(remote.select("select_commits", SPAN)) == ROWS
    except TransientFailure as error:
        assert "select_commits" in str(error)
    assert len(remote.select("select_commits", SPAN)) == ROWS


@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_AFTER, TOO_MANY, UNAVAILABLE])
def test_a_server_that_goes_on_failing_is_a_transient_failure(
    remote: ClickHouseWarehouse, served: ServedEngine, fault: str
) -> None:
    """It is told as such, after a bounded number of tries."""
    remote.ping()
    before = served.requests
    served.fault = lambda _: fault
    with pytest.raises(TransientFailure, match="select_commits"):
        remote.select("select_commits", SPAN)
    assert served.requests - before <= 5


def test_whatever_fails_while_a_day_is_replaced_it_is_one_version_or_the_other(
    remote: ClickHouseWarehouse, served: ServedEngine, engine: Client
) -> None:
    """One request in eight fails in one of five ways; a load that said that it succeeded did."""
    draws = random.Random(20260921)
    remote.replace_days("commits", [DAY], commit_rows(0))
    stands, failed = 0, 0
    served.fault = lambda _: draws.choice(FAULTS[:2] + FAULTS[3:]) if draws.random() < 0.125 else None
    for version in range(1, ROUNDS):
        try:
            remote.replace_days("commits", [DAY], commit_rows(version))
            may_stand = {version}
        except TransientFailure:
            failed += 1
            may_stand = {stands, version}
        [(subject, count)] = _contents(engine).items()
        stands = int(subject.removeprefix("content "))
        assert count == ROWS
        assert stands in may_stand
    assert ROUNDS / 10 < failed < ROUNDS
    served.fault = lambda _: None
    remote.replace_days("commits", [DAY], commit_rows(ROUNDS))
    assert _contents(engine) == {f"content {ROUNDS}": ROWS}


def test_a_wrong_password_is_a_permanent_failure_that_does_not_tell_it(served: ServedEngine, tmp_path: Path) -> None:
    """Trying again cannot help."""
    for store in _configured(tmp_path, f"url = '{served.url}'", password="a wrong secret"):
        with pytest.raises(PermanentFailure, match="CH_USER and CH_PASSWORD") as told:
            store.ping()
        assert "a wrong secret" not in str(told.value)


def test_a_certificate_is_verified(warehouse_folder: Path, engine: Client, tmp_path: Path) -> None:
    """One of an authority that nobody knows is refused, until muse.toml names that authority."""
    certificate = _self_signed(tmp_path / "server.pem")
    with clickhouse_server(warehouse_folder, certificate) as server:
        for store in _configured(tmp_path, f"url = '{server.url}'"):
            with pytest.raises(PermanentFailure, match="ca_certificate"):
                store.ping()
        assert server.requests == 0
        for store in _configured(tmp_path, f"url = '{server.url}'\nca_certificate = 'server.pem'"):
            assert store.ping()


def _self_signed(file: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
