"""Who owns a warehouse folder: the files beside it, the owner's address, and the proof that the owner
answers.

The state lies in ``<folder>.owner/`` (mode 0700), beside the folder because the engine rules inside it.
Nothing here loads the engine, so every process may import it.
"""

import contextlib
import hashlib
import http.client
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

# Always a lock of the kernel's, which a killed process loses; FileLock may fall back to another kind.
from filelock import UnixFileLock

HOST = "127.0.0.1"
PROOF_HEADER = "X-Muse-Owner"
PING_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class OwnerAddress:
    """Where the owner of a folder listens. ``token`` is its password; keep it out of logs."""

    host: str
    port: int
    token: str
    pid: int
    idle_seconds: float = 120

    def __repr__(self) -> str:
        return f"OwnerAddress(host={self.host!r}, port={self.port}, pid={self.pid})"


@dataclass(frozen=True)
class OwnerFiles:
    """The files of one folder's owner. Two spellings of a folder have the same files."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> "OwnerFiles":
        return cls(Path(os.path.realpath(folder)))

    @property
    def state(self) -> Path:
        return self.folder.with_name(self.folder.name + ".owner")

    @property
    def address(self) -> Path:
        return self.state / "owner.json"

    @property
    def log(self) -> Path:
        return self.state / "owner.log"

    @property
    def spool(self) -> Path:
        return self.state / "spool"

    def spawn_lock(self, timeout_s: float) -> UnixFileLock:
        """Held while somebody starts an owner."""
        return UnixFileLock(self.state / "spawn.lock", timeout=timeout_s)

    def life_lock(self) -> UnixFileLock:
        """Held by the owner from before it opens the engine until its process ends, however it ends."""
        return UnixFileLock(self.state / "life.lock")

    def create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(mode=0o700, exist_ok=True)


def proof_of(token: str) -> str:
    """What only a holder of the token can say without telling the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def write_address(files: OwnerFiles, address: OwnerAddress) -> None:
    """Replaces the address file in one step, readable by this user only."""
    draft = files.address.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(address), file)
    draft.replace(files.address)


def read_address(files: OwnerFiles) -> OwnerAddress | None:
    """What the address file says, true or stale; None if there is no valid one."""
    try:
        return OwnerAddress(**json.loads(files.address.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def remove_address(files: OwnerFiles, address: OwnerAddress) -> None:
    """Removes the address file if it is still this owner's."""
    if read_address(files) == address:
        with contextlib.suppress(OSError):
            files.address.unlink()


def live_address(files: OwnerFiles) -> OwnerAddress | None:
    """The address if its owner answers. A file left by a killed owner never passes, whoever has its pid or
    port now: the answer must prove knowledge of the token, which is not sent.
    """
    address = read_address(files)
    return address if address is not None and answers(address) else None


def answers(address: OwnerAddress, timeout_s: float = PING_TIMEOUT_S) -> bool:
    """Whether the owner at ``address`` is there and taking requests; an answer restarts its idle time."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request("GET", "/ping")
        response = connection.getresponse()
        response.read()
        return response.status == 200 and response.getheader(PROOF_HEADER) == proof_of(address.token)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
