"""Who downloads: ours, its peers, and the limits; each a command of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data_plane.peers import OURS, SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

ONE, MANY = "one object", "many files"
BUCKET = "models"


@dataclass(frozen=True, kw_only=True)
class Store:
    """An S3 server: its address, and the key that opens it."""

    endpoint: str
    key: str
    secret: str

    def environment(self) -> dict[str, str]:
        """Return what every client reads of it from the environment."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True, kw_only=True)
class Job:
    """One download: the folder *prefix* of the bucket goes below *target*.

    ``copy`` is the same folder on this machine, and ``signed`` an address of the one
    object that anybody may get: what the limits read.
    """

    store: Store
    prefix: str
    target: Path
    environment: Path
    copy: Path
    signed: str = ""

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"s3://{BUCKET}/{self.prefix}"


@dataclass(frozen=True, kw_only=True)
class Client:
    """One program that downloads."""

    name: str
    title: str
    command: Callable[[Job], Sequence[str]]
    cases: frozenset[str] = frozenset({ONE, MANY})
    installed: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    quick: bool = True
    peer: bool = True  # a limit is none
    notes: str = ""

    @property
    def requirements(self) -> Path:
        """The file that pins what is installed for it."""
        return SCRIPTS / f"{self.name.replace('-', '_')}.txt"


def ours(job: Job) -> list[str]:
    """Return the command of the init container, as a pod runs it."""
    return [sys.executable, "-m", "inferry_storage", job.uri, str(job.target)]


def _s5cmd(job: Job) -> list[str]:
    program = str(job.environment / "bin" / "s5cmd")
    return [program, "cp", f"{job.uri}/*", f"{job.target}/"]


def _kserve(job: Job) -> list[str]:
    python = str(job.environment / "bin" / "python")
    script = str(SCRIPTS / "kserve_download.py")
    return [python, script, job.uri, str(job.target)]


def _rclone(job: Job) -> list[str]:
    remote = f":s3,provider=Other,env_auth,endpoint='{job.store.endpoint}'"
    return [
        *(str(job.environment / "bin" / "rclone"), "copy", "--config", ""),
        *("--transfers", "16", "--checkers", "16", "--multi-thread-streams", "8"),
        f"{remote}:{BUCKET}/{job.prefix}",
        str(job.target),
    ]


def _socket(job: Job) -> list[str]:
    script = str(SCRIPTS / "raw_socket.py")
    return [sys.executable, "-I", "-S", script, job.signed, f"{job.target}/one.bin"]


CLIENTS = {
    client.name: client
    for client in (
        Client(
            name=OURS,
            title="Inferry",
            command=ours,
            installed=False,
            notes="`python -m inferry_storage URI FOLDER`, everything that is checked "
            "by default is checked",
        ),
        Client(
            name="s5cmd",
            title="s5cmd",
            command=_s5cmd,
            notes="s5cmd 2.3.0 in Go, checks no bytes",
        ),
        Client(
            name="kserve-storage",
            title="kserve-storage",
            command=_kserve,
            notes="`Storage.download`, as its init container calls it",
        ),
        Client(
            name="rclone",
            title="rclone",
            command=_rclone,
            quick=False,
            notes="16 transfers, 8 streams: faster than its defaults",
        ),
        Client(
            name="cp",
            title="cp -r",
            command=lambda job: ["cp", "-r", f"{job.copy}/.", str(job.target)],
            installed=False,
            peer=False,
            notes="the limit of the disk: the same files from this machine",
        ),
        Client(
            name="socket",
            title="raw socket to file",
            command=_socket,
            cases=frozenset({ONE}),
            installed=False,
            peer=False,
            quick=False,
            notes="the limit of one connection in Python: no check, no part, no retry",
        ),
    )
}
