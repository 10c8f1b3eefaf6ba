"""The servers to compare with: KServe's, Triton's, and ours, each a real process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from environments import environment
from running import REPOSITORY

from inferry.model import DATATYPES
from inferry.testing.protocol import Served, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
KSERVE = "kserve==0.21.0"
TRITON = "nvidia-pytriton==0.7.0"
#: Triton's Python backend gives empty tensors back with numpy 2.
TRITON_NUMPY = "numpy==1.26.4"
#: Set it to 1 to leave Triton out on a machine that cannot run it.
WITHOUT_TRITON = "INFERRY_WITHOUT_TRITON"


class Peer:
    """A server that is asked: its addresses as tritonclient takes them."""

    def __init__(
        self,
        command: Sequence[str | Path],
        http: int,
        grpc: int,
        folder: Path,
        environ: Mapping[str, str],
    ) -> None:
        self.http = f"127.0.0.1:{http}"
        self.grpc = f"127.0.0.1:{grpc}"
        self.url = f"http://{self.http}"
        self.log = folder / "server.log"
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self._wait_ready()

    def stop(self) -> None:
        """End the process; how it ends is not ours to judge."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_ready(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/v2/health/ready").is_success:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.2)
        said = self.log.read_text(errors="replace")[-4000:]
        self.process.kill()
        self.process.wait()
        pytest.fail(f"{self.process.args} was not ready; its log:\n{said}")


def start_ours(folder: Path) -> Served:
    """Start our server with the models ``echo`` and ``typed``."""
    which = [
        f"--model=echo=conformance.echo:Echo:{folder}",
        f"--model=typed=conformance.echo:Typed:{folder}",
    ]
    found = {"PYTHONPATH": str(REPOSITORY / "integration-tests")}
    return Served([*which, "--allow_management"], folder, environment=found)


def start_kserve(folder: Path) -> Peer:
    """Start KServe's Python server with the same models, written for it."""
    python = environment("kserve", KSERVE) / "bin" / "python"
    http, grpc = free_port(), free_port()
    ports = (f"--http_port={http}", f"--grpc_port={grpc}")
    command = [python, "-I", HERE / "kserve_server.py", *ports]
    return Peer(command, http, grpc, folder, {})


def start_triton(folder: Path) -> Peer:
    """Start tritonserver with the same models in its Python backend.

    The binary is in a wheel of its own; the stub of its Python backend is linked
    against the shared library of this Python and finds its packages by ``PATH``.
    """
    library = _libpython()
    server = environment("triton-server", TRITON, dependencies=False)
    packages = next(server.glob("lib/python*/site-packages"))
    home = packages / "pytriton" / "tritonserver"
    stub = environment("triton-stub", TRITON_NUMPY)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    backend = Path(
        shutil.copytree(home / "backends" / "python", folder / "b" / "python")
    )
    shutil.copy(
        home / "python_backend_stubs" / version / "triton_python_backend_stub", backend
    )
    _write_repository(folder / "repository")
    http, grpc, metrics = free_port(), free_port(), free_port()
    command = [
        home / "bin" / "tritonserver",
        f"--model-repository={folder / 'repository'}",
        f"--backend-directory={folder / 'b'}",
        f"--cache-directory={home / 'caches'}",
        f"--backend-config=python,shm-region-prefix-name=inferry_{os.getpid()}_",
        *("--http-address=127.0.0.1", f"--http-port={http}"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={grpc}"),
        *("--metrics-address=127.0.0.1", f"--metrics-port={metrics}"),
        *("--model-control-mode=explicit", "--load-model=*"),
        *("--allow-gpu-metrics=false", "--pinned-memory-pool-byte-size=0"),
        "--exit-timeout-secs=5",
    ]
    environ = {
        "LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}:{library.parent}",
        "PATH": f"{stub / 'bin'}:{os.environ['PATH']}",
    }
    return Peer(command, http, grpc, folder, environ)


def _libpython() -> Path:
    """Return the shared library of this Python, which Triton's stub needs."""
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    folders = [sysconfig.get_config_var("LIBDIR"), *sysconfig.get_paths().values()]
    folders += ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"]
    for folder in folders:
        library = Path(folder or "/") / name
        if library.is_file():
            return library
    why = (
        f"there is no {name}, which Triton's Python backend is linked against: install "
        f"the system's package {name.partition('.so')[0]}, use a Python that has its "
        f"shared library, or set {WITHOUT_TRITON}=1 to leave Triton out"
    )
    if os.environ.get(WITHOUT_TRITON) == "1":
        pytest.skip(why)
    return pytest.fail(why)


def _write_repository(folder: Path) -> None:
    every = [(name, name, [-1, -1]) for name in DATATYPES]
    _write_model(folder / "echo", every, optional=True)
    typed = [("values", "FP32", [-1, 2]), ("texts", "BYTES", [-1, 1])]
    _write_model(folder / "typed", typed, optional=False)


def _write_model(
    folder: Path, tensors: list[tuple[str, str, list[int]]], *, optional: bool
) -> None:
    lines = [f'name: "{folder.name}"', 'backend: "python"', "max_batch_size: 0"]
    for kind in ("input", "output"):
        for name, datatype, dims in tensors:
            word = "STRING" if datatype == "BYTES" else datatype
            one = f'name: "{name}" data_type: TYPE_{word} dims: {dims}'
            more = "optional: true" if optional and kind == "input" else ""
            lines.append(f"{kind} [{{ {one} {more} }}]")
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text("\n".join(lines))
    shutil.copy(HERE / "triton_model.py", folder / "1" / "model.py")
