"""The table of servers: what each is, how it is started, and what it answers."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCRIPTS = Path(__file__).parent.parent / "peers"
#: Every model runs in one thread, in every server.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_JSON = frozenset({"iris", "img.json", "text.json"})
_BINARY = frozenset({"img.bin", "text.bin"})
_GRPC = frozenset({"grpc.iris", "grpc.img", "grpc.text"})
OURS = "inferry"
OURS_ASGI = "inferry-asgi"
NO_FAST_LANE = "--middleware=passing_middleware:Passing"
LIMIT = "uvicorn"
GRPC_LIMIT = "grpcaio"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server runs: its environment, models, scratch folder and ports."""

    environment: Path
    models: Path
    scratch: Path
    http: int
    grpc: int
    metrics: int

    @property
    def python(self) -> str:
        """The interpreter of the environment."""
        return str(self.environment / "bin" / "python")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One server of the comparison."""

    name: str
    title: str
    answers: frozenset[str]
    command: Callable[[Place], list[str]]
    variables: Callable[[Place], Mapping[str, str]] = lambda _: _ONE_THREAD
    installed: bool = True  # has an environment of its own
    needs: Mapping[str, str] = field(default_factory=dict)  # library: Debian package
    x86_only: bool = False
    quick: bool = False
    checked: bool = True
    start_timeout: float = 60.0
    notes: str = field(default="")

    @property
    def requirements(self) -> Path:
        """The file that pins what is installed for it."""
        return SCRIPTS / f"{self.name}.txt"


def _script(name: str, *, grpc: bool = False) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        argv = [place.python, str(SCRIPTS / f"{name}_server.py")]
        argv += ["--models", str(place.models), "--http-port", str(place.http)]
        return [*argv, "--grpc-port", str(place.grpc)] if grpc else argv

    return command


def inferry(*flags: str) -> Callable[[Place], list[str]]:
    """Return how our server is started: as a user does, with *flags* more."""

    def command(place: Place) -> list[str]:
        models = []
        for folder in sorted(place.models.iterdir()):
            models.append(f"--model={folder.name}=onnx:{folder}")
            models.append(f"--{folder.name}.threads=1")
        return [*inferry_command(place), *models, *flags]

    return command


def inferry_command(place: Place) -> list[str]:
    """Return the command of our server without its models."""
    return [
        *(sys.executable, "-m", "inferry_server", f"--http_port={place.http}"),
        *(f"--grpc_port={place.grpc}", f"--management_port={place.metrics}"),
    ]


def with_scripts(_: Place) -> Mapping[str, str]:
    """Return the variables of a server that imports from `SCRIPTS`."""
    paths = [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**_ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}


def _mlserver(place: Place) -> list[str]:
    """Write the settings that MLServer reads from its folder."""
    for folder in place.models.iterdir():
        model = place.scratch / "settings" / folder.name
        model.mkdir(parents=True, exist_ok=True)
        settings = {
            "name": folder.name,
            "implementation": "mlserver_model.OnnxModel",
            "parameters": {"uri": str(folder / "model.onnx")},
        }
        (model / "model-settings.json").write_text(json.dumps(settings))
    (place.scratch / "settings" / "settings.json").write_text(
        json.dumps(
            {
                "debug": False,
                "host": "127.0.0.1",
                "http_port": place.http,
                "grpc_port": place.grpc,
                "metrics_port": place.metrics,
                "metrics_dir": str(place.scratch / "metrics"),
                "environments_dir": str(place.scratch / "environments"),
                "parallel_workers": 0,
                "use_structured_logging": False,
                "logging_settings": _quiet_logs(place.scratch),
            }
        )
    )
    return [
        str(place.environment / "bin" / "mlserver"),
        *("start", str(place.scratch / "settings")),
    ]


def _quiet_logs(scratch: Path) -> str:
    """Return a logging configuration that says only what went wrong."""
    file = scratch / "logging.ini"
    file.write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=err\n[formatters]\nkeys=\n"
        "[logger_root]\nlevel=WARNING\nhandlers=err\n"
        "[handler_err]\nclass=StreamHandler\nargs=(sys.stderr,)\n"
    )
    return str(file)


def _triton(place: Place) -> list[str]:
    """Lay out a repository and the one backend that the wheel has."""
    wheel = _triton_folder(place) / "pytriton" / "tritonserver"
    repository, backends = place.scratch / "repository", place.scratch / "backends"
    if not repository.exists():
        stub = wheel / "python_backend_stubs" / "3.11" / "triton_python_backend_stub"
        shutil.copytree(wheel / "backends" / "python", backends / "python")
        shutil.copy2(stub, backends / "python")
        for folder in place.models.iterdir():
            version = repository / folder.name / "1"
            shutil.copytree(folder, version)
            shutil.copy(SCRIPTS / "triton_model.py", version / "model.py")
            config = SCRIPTS / "triton" / f"{folder.name}.pbtxt"
            shutil.copy(config, version.parent / "config.pbtxt")
    region = f"python,shm-region-prefix-name=bench{os.getpid()}_"
    return [
        str(wheel / "bin" / "tritonserver"),
        f"--model-repository={repository}",
        f"--backend-directory={backends}",
        f"--cache-directory={wheel / 'caches'}",
        f"--backend-config={region}",
        *("--http-address=127.0.0.1", f"--http-port={place.http}"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={place.grpc}"),
        *("--allow-metrics=false", "--pinned-memory-pool-byte-size=0"),
        "--exit-timeout-secs=5",
    ]


def _triton_variables(place: Place) -> dict[str, str]:
    libraries = _triton_folder(place) / "nvidia_pytriton.libs"
    path = f"{place.environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**_ONE_THREAD, "LD_LIBRARY_PATH": str(libraries), "PATH": path}


def _triton_folder(place: Place) -> Path:
    return next((place.environment / "lib").glob("python3*")) / "site-packages"


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            name=OURS,
            title="Inferry",
            answers=_JSON | _BINARY | _GRPC | {"v1"},
            command=inferry(),
            installed=False,
            quick=True,
        ),
        Peer(
            name=OURS_ASGI,
            title="Inferry, ASGI lane",
            answers=_JSON | _BINARY | {"v1"},
            command=inferry(NO_FAST_LANE),
            variables=with_scripts,
            installed=False,
            notes="one middleware that does nothing turns the fast lane off",
        ),
        Peer(
            name="kserve",
            title="KServe",
            answers=_JSON | _BINARY | _GRPC | {"v1"},
            command=_script("kserve", grpc=True),
            quick=True,
            notes="access, trace and latency logs off: its best configuration",
        ),
        Peer(
            name="triton",
            title="Triton, Python backend",
            answers=_JSON | _BINARY | _GRPC,
            command=_triton,
            variables=_triton_variables,
            needs={"libpython3.11.so.1.0": "libpython3.11"},
            x86_only=True,
            quick=True,
            notes="the tritonserver of nvidia-pytriton with a plain model.py, no proxy",
        ),
        Peer(
            name="fastapi",
            title="FastAPI with pydantic",
            answers=_JSON,
            command=_script("fastapi"),
            quick=True,
        ),
        Peer(
            name="mlserver",
            title="MLServer",
            answers=_JSON | _GRPC,
            command=_mlserver,
            variables=with_scripts,
            notes="parallel_workers 0: its best configuration",
        ),
        Peer(
            name="litserve",
            title="LitServe",
            answers=_JSON,
            command=_script("litserve"),
            notes="V2 JSON by hand: it has no V2 protocol",
        ),
        Peer(
            name="ray",
            title="Ray Serve",
            answers=_JSON,
            command=_script("ray"),
            installed=False,
            start_timeout=120,
            notes="V2 JSON by hand; the default proxy, its processes share the core",
        ),
        Peer(
            name=LIMIT,
            title="empty uvicorn app",
            answers=frozenset({"iris"}),
            command=lambda place: [
                *(place.python, str(SCRIPTS / "uvicorn_server.py")),
                *("--http-port", str(place.http)),
            ],
            checked=False,
            quick=True,
            notes="the limit: reads the body, answers constant bytes, has no model",
        ),
        Peer(
            name=GRPC_LIMIT,
            title="empty grpc.aio method",
            answers=frozenset({"grpc.iris"}),
            command=lambda place: [
                *(sys.executable, str(SCRIPTS / "grpcaio_server.py")),
                *("--grpc-port", str(place.grpc)),
            ],
            installed=False,
            checked=False,
            quick=True,
            notes="the limit of grpcio in Python: reads nothing, answers nothing",
        ),
    )
}
