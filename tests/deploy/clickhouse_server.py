"""The real engine behind HTTP, in which the user of every query has the rights that a file of deploy/ gives to one.

Run as a program it serves until its standard input ends: `clickhouse_server.py FOLDER USERS_FILE USER PASSWORD`.
"""

import contextlib
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from tests.workspaces import ROOT, bare_environment

CONFIG = """<clickhouse>
    <users_config>{users}</users_config>
    <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
</clickhouse>"""


@contextlib.contextmanager
def server_with_rights(folder: Path, users_file: Path, user: str, password: str) -> Iterator[str]:
    """Its address."""
    command = [sys.executable, "-m", "tests.deploy.clickhouse_server", str(folder), str(users_file), user, password]
    process = subprocess.Popen(
        command, cwd=ROOT, env=bare_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        port = process.stdout.readline().strip()
        assert port.isdigit(), port
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(30)


def _config(folder: Path, users_file: Path, user: str) -> Path:
    """The embedded engine serves one user, `default`: it gets the grants and the profile of `user`."""
    users = ET.parse(users_file).getroot().find("users")
    profiles = ET.parse(users_file).getroot().find("profiles")
    assert users is not None and profiles is not None
    found = users.find(user)
    assert found is not None
    found.tag = "default"
    for password in found.findall("password_sha256_hex"):
        found.remove(password)
    ET.SubElement(found, "password")
    root = ET.Element("clickhouse")
    kept = ET.SubElement(root, "users")
    kept.append(found)
    ET.SubElement(ET.SubElement(root, "quotas"), "default")
    ET.SubElement(profiles, "default")
    root.append(profiles)
    (folder / "users.xml").write_bytes(ET.tostring(root))
    (folder / "config.xml").write_text(CONFIG.format(users=folder / "users.xml"))
    return folder / "config.xml"


def main(folder: Path, users_file: Path, user: str, password: str) -> None:
    """Serve."""
    from muse_resources.embedded.engine import Engine
    from muse_resources.embedded.query_service import QueryService
    from muse_resources.embedded.server import Server

    folder.mkdir(parents=True)
    (folder / "spool").mkdir()
    config = _config(folder, users_file, user)
    engine = Engine(Path(f"{folder / 'store'}?config-file={config}"))
    server = Server(QueryService(engine, folder / "spool"), password, lambda: None)
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    # The engine's own threads would hold up an ordinary end; nothing of it is looked at afterwards.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
