"""Triton as the model sees it: started and supervised here, or running elsewhere."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from typing import TYPE_CHECKING, Protocol

from inferry.errors import ModelError, ModelLoadError
from inferry.status import Reason
from inferry_runtime_triton import _process
from inferry_runtime_triton._client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from inferry_runtime_triton._environment import Installation

logger = logging.getLogger(__name__)

#: Seconds that the server has to answer at all.
_START = 60.0
_POLL = 0.02
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
#: A server that ran for so long has not failed at its start.
_STEADY = 60.0
_CHECK = 2.0
_UNLOADED = "UNAVAILABLE"
_ATTEMPTS = 3
_RESTRICTED = "model-repository,shared-memory,trace,logging"
_HEADER = "inferry-key"
_NOT_PASSED = ("INFERRY_", "PYTHON", "LD_")


class Server(Protocol):
    """A Triton; ``why_unhealthy`` is empty while it answers."""

    why_unhealthy: str
    http: str
    grpc: str
    client: Client

    def stop(self) -> None:
        """Let go of it."""


class LocalServer:
    """Runs a Triton of this machine with the models of *repository* until `stop`.

    *load* asks for the models each time that the server has started.
    """

    def __init__(
        self,
        installation: Installation,
        repository: Path,
        *,
        threads: int,
        verbose: int,
        load: Callable[[Client], None],
    ) -> None:
        self._installation = installation
        self._repository = repository
        self._verbose = verbose
        self._threads = threads
        self._load = load
        self._secret = secrets.token_hex(16)
        self._stopping = threading.Event()
        self._process: _process.Process | None = None
        self._watch: threading.Thread | None = None
        self.why_unhealthy = "Triton is starting"
        self.http = self.grpc = ""
        self.client: Client

    def start(self) -> None:
        """Start the server and load its models.

        Raises:
            ModelLoadError: It does not start, or a model does not load.

        """
        try:
            self._start_process()
            self._load(self.client)
        except BaseException:
            self.stop()
            raise
        self.why_unhealthy = ""
        self._watch = threading.Thread(
            target=self._supervise, name="inferry-triton", daemon=True
        )
        self._watch.start()

    def stop(self) -> None:
        """End the server; no process of it is left."""
        self._stopping.set()
        process, client = self._process, getattr(self, "client", None)
        if client is not None:
            client.close()
        if process is not None:
            process.stop()
        if self._watch is not None:
            self._watch.join(_START)

    def _start_process(self) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            ports = _process.free_ports()
            process = _process.Process(
                self._command(ports, prefix := _process.shm_prefix()),
                self._environ(),
                prefix,
            )
            self._process = process
            self.http = f"127.0.0.1:{ports.http}"
            self.grpc = f"127.0.0.1:{ports.grpc}"
            self.client = self._connect()
            if self._is_up(process):
                return
            self.client.close()
            process.stop()
            # Somebody may have taken one of the ports in between.
            if self._stopping.is_set() or attempt == _ATTEMPTS:
                raise ModelLoadError(
                    f"tritonserver does not start: {process.how_it_ended}",
                    reason=Reason.RuntimeUnhealthy,
                    remedy="see its log above",
                )

    def _connect(self) -> Client:
        # Triton takes the key of a restricted protocol under this name.
        return Client(self.grpc, ((f"triton-grpc-protocol-{_HEADER}", self._secret),))

    def _is_up(self, process: _process.Process) -> bool:
        until = time.monotonic() + _START
        while time.monotonic() < until and not process.ended:
            if self.client.is_live():
                return True
            if self._stopping.wait(_POLL):
                return False
        process.wait(0)
        return False

    def _command(self, ports: _process.Ports, prefix: str) -> list[str]:
        restricted = f"{_RESTRICTED}:{_HEADER}={self._secret}"
        return [
            *self._installation.command,
            f"--model-repository={self._repository}",
            f"--backend-config=python,shm-region-prefix-name={prefix}",
            *("--http-address=127.0.0.1", f"--http-port={ports.http}"),
            *("--grpc-address=127.0.0.1", f"--grpc-port={ports.grpc}"),
            *("--allow-metrics=false", "--model-control-mode=explicit"),
            f"--http-restricted-api={restricted}",
            f"--grpc-restricted-protocol={restricted}",
            "--pinned-memory-pool-byte-size=0",
            f"--exit-timeout-secs={int(_process.GRACE)}",
            f"--log-verbose={self._verbose}",
        ]

    def _environ(self) -> dict[str, str]:
        return environ(os.environ, self._installation.environ, self._threads)

    def _supervise(self) -> None:
        """Start the server again whenever it ends by itself."""
        pause = _FIRST_PAUSE
        while (process := self._process) is not None:
            began = time.monotonic()
            process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _STEADY:
                pause = _FIRST_PAUSE
            self.why_unhealthy = (
                f"tritonserver ended ({process.how_it_ended}) and is started again"
            )
            logger.error("%s in %.1f s", self.why_unhealthy, pause)
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._again()

    def _again(self) -> None:
        self.client.close()
        try:
            self._start_process()
            self._load(self.client)
        except ModelError as error:
            if not self._stopping.is_set():
                self.why_unhealthy = f"tritonserver was started again, but {error}"
                logger.error("%s", self.why_unhealthy)  # noqa: TRY400 - it is told whole
                if self._process is not None:
                    self._process.stop()
            return
        self.why_unhealthy = ""
        logger.info("tritonserver serves again")


class AttachedServer:
    """A Triton that somebody else runs, at *http* and *grpc*; asked how *model* is."""

    def __init__(self, http: str, grpc: str) -> None:
        self.http, self.grpc = http, grpc
        self.client = Client(grpc)
        self.why_unhealthy = ""
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None

    def start(self, models: Sequence[str]) -> None:
        """Look from now on whether *models* are ready there."""
        self._watch = threading.Thread(
            target=self._look, args=(models,), name="inferry-triton", daemon=True
        )
        self._watch.start()

    def stop(self) -> None:
        """Let go of the server, which runs on."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join(_START)
        self.client.close()

    def _look(self, models: Sequence[str]) -> None:
        while not self._stopping.wait(_CHECK):
            self.why_unhealthy = self._why(models)

    def _why(self, models: Sequence[str]) -> str:
        if not self.client.is_live():
            return f"the Triton at {self.grpc} does not answer"
        for model in models:
            if not self.client.is_ready(model):
                return f"the model {model!r} is not ready at the Triton at {self.grpc}"
        return ""


def environ(
    ours: Mapping[str, str], more: Mapping[str, str], threads: int
) -> dict[str, str]:
    """Return the variables of a server: *ours* without what is only for this process.

    *more* come on top, and a bound for each library that makes *threads*.
    """
    kept = {k: v for k, v in ours.items() if not k.startswith(_NOT_PASSED)}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        kept.setdefault(name, str(threads))
    return {**kept, **more}


def unload_all(client: Client, models: Sequence[str]) -> None:
    """Let *models* finalize; what fails then fails with the server soon anyway."""
    until = time.monotonic() + _process.GRACE
    with contextlib.suppress(ModelError):
        for model in models:
            client.unload(model)
        # Triton says that a model is unloaded before it is.
        while time.monotonic() < until and any(
            state != _UNLOADED for state in client.names().values()
        ):
            time.sleep(_POLL)
