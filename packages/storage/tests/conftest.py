"""A real web server on a free port, with the faults that real ones have."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from click.testing import CliRunner, Result

from inferry.config import Settings, load_settings
from inferry.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Handler = http.server.BaseHTTPRequestHandler


class WebServer:
    """Serves ``files`` with HEAD, ranges and ETags; ``routes`` answer as they like."""

    def __init__(self, authority: trustme.CA | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.routes: dict[str, Callable[[Handler], None]] = {}
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.validators = True
        self.asked = threading.Event()
        self._stopped = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._class())
        self._server.daemon_threads = True
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True
            )
        self.scheme = "https" if authority else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, path: str, *, userinfo: str = "") -> str:
        port = self._server.server_address[1]
        return f"{self.scheme}://{userinfo}localhost:{port}{path}"

    def count(self, method: str) -> int:
        return sum(each == method for each, _ in self.requests)

    def hang(self) -> None:
        """Send nothing more until the test is over."""
        self.asked.set()
        self._stopped.wait(30)

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: Handler) -> None:
        path = handler.path.partition("?")[0]
        self.requests.append((handler.command, path))
        self.headers.append(dict(handler.headers))
        if path in self.routes:
            self.routes[path](handler)
        elif path in self.files:
            self.send(handler, self.files[path])
        else:
            handler.send_error(404)

    def send(self, handler: Handler, data: bytes, *, cut: int | None = None) -> None:
        """Answer with *data*; close the connection after *cut* bytes of it."""
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        if handler.headers.get("If-Match", etag) != etag:
            handler.send_response(412)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = int(handler.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        last = handler.headers.get("Range", "").rpartition("-")[2]
        part = data[start : int(last) + 1] if last else data[start:]
        handler.send_response(206 if "Range" in handler.headers else 200)
        handler.send_header("Content-Length", str(len(part)))
        handler.send_header("Accept-Ranges", "bytes")
        if "Range" in handler.headers:
            told = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
            handler.send_header("Content-Range", told)
        handler.send_header("Content-Type", "application/octet-stream")
        if self.validators:
            handler.send_header("ETag", etag)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(part[:cut])
        if cut is not None:
            handler.close_connection = True

    def _class(self) -> type[Handler]:
        web = self

        class Answering(Handler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802 - named by http.server
                with contextlib.suppress(ConnectionError):
                    web.answer(self)

            do_HEAD = do_POST = do_CONNECT = do_GET  # noqa: N815 - named by http.server

            def log_message(self, *_: Any) -> None:
                pass

        return Answering


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.stop()


@pytest.fixture
def other_web() -> Iterator[WebServer]:
    """Another origin."""
    server = WebServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_web(authority: trustme.CA) -> Iterator[WebServer]:
    server = WebServer(authority)
    yield server
    server.stop()


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust what the authority of the test signs, as a user would."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def settings(cache: Path) -> Settings:
    """Settings that let a test download from this machine."""
    return load_settings(
        environ={},
        overrides={
            "storage.cache_dir": str(cache),
            "storage.allow_http": "true",
            "storage.allow_networks": "127.0.0.0/8",
            "storage.stall_seconds": "0.5",
        },
    )


@pytest.fixture
def plugins(settings: Settings) -> Plugins:
    return load_plugins("local", settings, only=["storage"])


@pytest.fixture(scope="session")
def shelf_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that, on the path of Python, is an installed plugin."""
    folder = tmp_path_factory.mktemp("plugin")
    source = Path(__file__).parent / "shelf" / "inferry_shelf.py"
    shutil.copy(source, folder)
    about = folder / "inferry_shelf-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: inferry-shelf\nVersion: 1.0\n"
        "Requires-Dist: inferry\n"
    )
    (about / "entry_points.txt").write_text(
        "[inferry.plugins.v1]\nshelf = inferry_shelf\n"
    )
    return folder


class Shelf:
    """A folder of models that is read through a storage plugin, and its orders."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)

    def put(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def uri(self, query: str = "") -> str:
        return f"shelf://{self.root}{query}"

    def order(self, what: str, said: str) -> None:
        Path(f"{self.root}.{what}").write_text(said)

    def wait_for(self, path: str) -> None:
        """Wait until *path* is being read."""
        until = time.monotonic() + 20
        while path not in self.reads:
            assert time.monotonic() < until, f"nobody reads {path}"
            time.sleep(0.01)

    def unorder(self, what: str) -> None:
        Path(f"{self.root}.{what}").unlink()

    @property
    def reads(self) -> list[str]:
        """The paths that were read, once for each read."""
        log = Path(f"{self.root}.log")
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.rsplit(" ", 2)[0] for line in lines]

    @property
    def tree(self) -> dict[str, bytes]:
        return tree_of(self.root)


def tree_of(root: Path) -> dict[str, bytes]:
    """Return everything below *root*, folders left out, links followed."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if not path.is_dir()
    }


@pytest.fixture
def shelf(tmp_path: Path, shelf_plugin: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.syspath_prepend(str(shelf_plugin))
    found = Shelf(tmp_path / "shelf" / "model")
    found.put("config.json", b"{}")
    found.put("weights/one.bin", os.urandom(200_000))
    found.put("weights/two.bin", os.urandom(70_000))
    found.put("empty.txt", b"")
    return found


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`inferry storage` in this process, or `module` in one of its own."""

    def __init__(self, home: Path, plugin: Path) -> None:
        self.cache = home / "cache"
        self.environ = {
            "INFERRY_STORAGE__CACHE_DIR": str(self.cache),
            "HOME": str(home),
            "NO_COLOR": "1",
        }
        self.plugin = plugin
        self.home = home

    def __call__(self, *arguments: str) -> Result:
        from inferry.cli import main

        return CliRunner().invoke(main, ["storage", *arguments])

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start ``python -m ARGUMENTS``."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.plugin),
                **self.environ,
                **more,
            },
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background ignores Ctrl-C for them.
            preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - it takes no lock
        )

    def run(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        """Run ``python -m ARGUMENTS``; return exit code, stdout and stderr."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def command(
    tmp_path: Path,
    shelf: Shelf,
    shelf_plugin: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    home = tmp_path / "home"
    home.mkdir()
    found = Command(home, shelf_plugin)
    for name, value in found.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    return found


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "dest"
