"""A real image registry, Debian's `docker-registry`, and what is pushed to it.

Images are made here, byte by byte, so that tests can push what no tool would.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from environments import FOLDER
from storage.servers import free_port, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PACKAGE = "docker-registry"
USER, PASSWORD = "ada", "open sesame"
# What `htpasswd -nbB` makes of them.
_HTPASSWD = "ada:$2b$05$zm7/2RYIym8SrEmaSJb/z.eXGeutWrR4mSTvfeNsJ0iTMlVA99Bkm\n"
_CONFIG = {
    "version": "0.1",
    "log": {"level": "error"},
    "storage": {"filesystem": {}, "delete": {"enabled": True}},
    "http": {},
}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
TITLE = "org.opencontainers.image.title"


class Registry:
    """Pushes to the registry at *address*."""

    def __init__(self, address: str, login: tuple[str, str] | None = None) -> None:
        self.address = address
        self.client = httpx.Client(base_url=f"http://{address}", auth=login)

    def uri(self, name: str) -> str:
        return f"oci://{self.address}/{name}"

    def blob(self, repository: str, data: bytes, kind: str) -> dict[str, Any]:
        """Push *data* and return its descriptor."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        begun = self.client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
        place = httpx.URL(begun.headers["location"])
        self.client.put(
            place.copy_merge_params({"digest": digest}), content=data
        ).raise_for_status()
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def manifest(
        self, repository: str, version: str, content: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Push a manifest under a tag, or its digest if there is none."""
        body = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        kind = str(content["mediaType"])
        self.client.put(
            f"/v2/{repository}/manifests/{version or digest}",
            content=body,
            headers={"Content-Type": kind},
        ).raise_for_status()
        return {"mediaType": kind, "digest": digest, "size": len(body)}

    def image(self, name: str, *layers: tuple[bytes, str]) -> dict[str, Any]:
        """Push an image of *layers*, each with the ending of its media type."""
        repository, _, tag = name.partition(":")
        empty = self.blob(repository, b'{"architecture":"amd64","os":"linux"}', CONFIG)
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": empty,
            "layers": [
                self.blob(repository, data, LAYER + ending) for data, ending in layers
            ],
        }
        return self.manifest(repository, tag, content)

    def artifact(self, name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Push plain *files* as ORAS does."""
        repository, _, tag = name.partition(":")
        empty = self.blob(repository, b"{}", "application/vnd.oci.empty.v1+json")
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.example.model",
            "config": empty,
            "layers": [
                {
                    **self.blob(repository, data, "application/octet-stream"),
                    "annotations": {TITLE: path},
                }
                for path, data in files.items()
            ],
        }
        return self.manifest(repository, tag, content)

    def index(self, name: str, *images: dict[str, Any]) -> dict[str, Any]:
        """Push an index of *images*, descriptors with their platforms."""
        repository, _, tag = name.partition(":")
        content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(images)}
        return self.manifest(repository, tag, content)


@pytest.fixture(scope="session")
def serve_registry(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Registry]]:
    """Return a function that starts a registry, with a login if asked."""
    program = _installed()
    with contextlib.ExitStack() as stack:

        def serve(*, login: bool = False) -> Registry:
            folder = tmp_path_factory.mktemp("registry")
            address = f"127.0.0.1:{free_port()}"
            config = json.loads(json.dumps(_CONFIG))
            config["storage"]["filesystem"] = {"rootdirectory": str(folder / "data")}
            config["http"] = {"addr": address, "secret": "of this test"}
            if login:
                (folder / "htpasswd").write_text(_HTPASSWD)
                config["auth"] = {
                    "htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}
                }
            # YAML takes JSON.
            (folder / "config.yml").write_text(json.dumps(config))
            command = [str(program), "serve", str(folder / "config.yml")]
            port = int(address.rpartition(":")[2])
            stack.enter_context(running(command, port, folder))
            made = Registry(address, (USER, PASSWORD) if login else None)
            stack.callback(made.client.close)
            return made

        yield serve


@pytest.fixture(scope="session")
def registry(serve_registry: Callable[..., Registry]) -> Registry:
    """Return a registry that wants no login."""
    return serve_registry()


def tar(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """Return a layer with *files*; a name ``.wh.x`` removes x from the layers below."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return into.getvalue()


def gzipped(data: bytes) -> bytes:
    """Return *data* as gzip, the same each time."""
    return gzip.compress(data, mtime=0)


def _installed() -> Path:
    """Unpack Debian's package into a folder, once; nothing on the system changes."""
    kept = os.environ.get(FOLDER) or tempfile.mkdtemp(prefix="inferry-registry-")
    folder = Path(kept) / _PACKAGE
    program = folder / "usr" / "bin" / _PACKAGE
    if program.is_file():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    if _run(folder, "apt-get", "download", _PACKAGE).returncode:
        # Where the lists of packages have never been fetched.
        _run(folder, "apt-get", "update")
        done = _run(folder, "apt-get", "download", _PACKAGE)
        if done.returncode:
            pytest.fail(f"apt-get download {_PACKAGE} failed:\n{done.stderr}")
    (package,) = folder.glob("*.deb")
    done = _run(folder, "dpkg-deb", "-x", str(package), str(folder))
    if done.returncode:
        pytest.fail(f"dpkg-deb failed:\n{done.stderr}")
    return program


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
