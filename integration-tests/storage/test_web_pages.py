"""Whoever follows the pages about web servers and registries sees what they show."""

from __future__ import annotations

import functools
import http.server
import os
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from reader import blocks
from storage.pulling import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.registry import Registry

_MODEL = bytes(2048)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "served"
    found.mkdir()
    (found / "mnist.onnx").write_bytes(_MODEL)
    return found


@pytest.fixture
def plain(folder: Path) -> Iterator[str]:
    """Return the address of a plain web server, as Python brings one along."""
    yield from _serving(folder, None)


@pytest.fixture
def secure(folder: Path, tmp_path: Path) -> Iterator[str]:
    """Return the address of one with a certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    yield from _serving(folder, context)


def test_the_page_about_web_servers(secure: str, tmp_path: Path) -> None:
    follow(
        "serve-from-https.md",
        tmp_path,
        {"models.example": secure.replace("127.0.0.1", "localhost")},
        INFERRY_STORAGE__ENDPOINTS=f"https://{secure}".replace(
            "127.0.0.1", "localhost"
        ),
        SSL_CERT_FILE=str(tmp_path / "authority.pem"),
    )


def test_the_page_about_private_stores(plain: str, tmp_path: Path) -> None:
    follow("reach-private-stores.md", tmp_path, {"127.0.0.1:8080": plain})


def test_the_page_about_registries(registry: Registry, tmp_path: Path) -> None:
    registry.artifact("team/mnist:v1", {"mnist.onnx": _MODEL})
    follow(
        "serve-from-oci.md",
        tmp_path,
        {"registry.example": registry.address},
        INFERRY_STORAGE__ENDPOINTS=f"http://{registry.address}",
    )


def follow(page: str, folder: Path, names: dict[str, str], **more: str) -> None:
    """Run each command of *page*, and compare with the text that follows it."""
    names = {**names, "/home/you": str(folder)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = surroundings(folder / "home", **{**more, "PATH": path})
    found = [
        each
        for each in blocks(f"docs/how-to/{page}")
        if each.language in {"sh", "text"}
    ]
    commands, shown = found[::2], found[1::2]
    assert len(commands) == len(shown) >= 3
    for command, text in zip(commands, shown, strict=True):
        assert (command.language, text.language) == ("sh", "text")
        done = subprocess.run(
            ["bash", "-ec", _renamed(command.text, names)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert bool(done.returncode) == text.text.startswith("error:"), said
        printed = iter(said.splitlines())
        for line in _renamed(text.text, names).splitlines():
            # Lines between may be left out on the page, their order may not change.
            assert line in printed, f"{line}\n\n{said}"


def _renamed(text: str, names: dict[str, str]) -> str:
    for name, address in names.items():
        text = text.replace(name, address)
    return text


def _serving(folder: Path, context: ssl.SSLContext | None) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()
