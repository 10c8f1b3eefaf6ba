"""`Isolated`: what stands in the server for a model in another process."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from inferry.errors import InferenceError, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, InferResponse, ModelMetadata
from inferry_server.isolation import frames
from inferry_server.isolation.worker import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


logger = logging.getLogger(__name__)

_WORKER = "inferry_server.isolation.worker"
#: So many calls at a time have connections of their own.
_MOST = 64
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
#: Seconds that a process has lived after which its end is the first one again.
_STABLE = 60.0
_ENDING = 5.0


class Isolated:
    """Runs the class *target*, ``module:Class``, in a process of its own.

    A process that ends by itself fails the calls it had, and no others: it is started
    again, and until it has loaded the model that is not ready. The pauses between the
    starts double from 0.1 s up to 30 s.
    """

    def __init__(self, name: str, target: str) -> None:
        self._name = name
        self._target = target
        self._process: _Process | None = None
        self._load: frames.Load | None = None
        self._is_closing = threading.Event()
        #: Why the model does not answer now; empty where it does.
        self.why_unhealthy = ""

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Start the process, and take on what its model can do.

        Raises:
            ModelLoadError: The model's own reason, or the process ended.

        """
        self._load = frames.Load(
            self._name, self._target, str(path), dict(options), tuple(sys.path)
        )
        process = self._process = _Process(self._load)
        loaded = process.loaded
        self.batching = loaded.batching
        self.checks_inputs = loaded.checks_inputs
        self.max_concurrency = min(loaded.max_concurrency, _MOST)
        self.memory = loaded.memory
        # The server looks for these by name.
        if loaded.metadata is not None:
            self.metadata = self._metadata
        for method in ("explain", "predict_v1", "warm_up"):
            if method in loaded.methods:
                setattr(self, method, getattr(self, f"_{method}"))
        threading.Thread(
            target=self._watch, name=f"inferry-watch-{self._name}", daemon=True
        ).start()

    def predict(self, request: InferRequest) -> InferResponse:
        """Have the process answer *request*.

        Raises:
            InferenceError: The process ended meanwhile.
            ModelNotReady: It is being started again.

        """
        return self._infer("predict", request)

    def unload(self) -> None:
        """End the process."""
        self._is_closing.set()
        if self._process is not None:
            self._process.close()

    def _metadata(self) -> ModelMetadata:
        return self._living().loaded.metadata or ModelMetadata()

    def _explain(self, request: InferRequest) -> InferResponse:
        return self._infer("explain", request)

    def _predict_v1(self, body: Any) -> Any:  # noqa: ANN401 - any JSON
        head, _ = self._living().ask(frames.Ask(method="predict_v1", body=body), [])
        return head.body

    def _warm_up(self) -> InferRequest | None:
        head, data = self._living().ask(frames.Ask(method="warm_up"), [])
        if head.is_empty:
            return None
        return InferRequest(
            inputs=frames.unpack(head.parts, data), parameters=head.parameters
        )

    def _infer(self, method: frames.Method, request: InferRequest) -> InferResponse:
        head, data = self._living().ask(*frames.asked(method, request))
        return InferResponse(
            outputs=frames.unpack(head.parts, data), parameters=head.parameters
        )

    def _living(self) -> _Process:
        if self._process is None or self.why_unhealthy:
            raise ModelNotReady(
                f"model {self._name!r} is not ready: "
                f"{self.why_unhealthy or 'it is not loaded'}"
            )
        return self._process

    def _watch(self) -> None:
        """Start the process again whenever it ends by itself."""
        pause, began = _FIRST_PAUSE, time.monotonic()
        while self._process is not None and self._load is not None:
            ended = self._process.wait()
            if self._is_closing.is_set():
                return
            self.why_unhealthy = f"its process {ended}; it is started again"
            logger.error("model %s: its process %s", self._name, ended)
            self._process.close()
            if time.monotonic() - began > _STABLE:
                pause = _FIRST_PAUSE
            while not self._is_closing.wait(pause):
                pause = min(2 * pause, _LONGEST_PAUSE)
                began = time.monotonic()
                try:
                    self._process = _Process(self._load)
                except ModelLoadError as error:
                    self.why_unhealthy = f"its process {ended}, and then: {error}"
                    continue
                logger.info("model %s: a new process answers", self._name)
                self.why_unhealthy = ""
                break
            if self._is_closing.is_set():
                self._process.close()


class _Process:
    """One process with the model *load* names; ready once it is made."""

    def __init__(self, load: frames.Load) -> None:
        self._name = load.name
        self._first, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-m", _WORKER, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        finally:
            theirs.close()
        try:
            self.loaded = self._begin(load)
            self._idle: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
            for _ in range(min(self.loaded.max_concurrency, _MOST)):
                self._idle.put(self._connect())
        except BaseException:
            self.close()
            raise

    def _begin(self, load: frames.Load) -> frames.Loaded:
        try:
            frames.send(self._first, load)
            found, _ = frames.receive(self._first)
        except (EOFError, OSError):
            raise ModelLoadError(
                f"the process of model {load.name!r} {self.wait()} while it loaded",
                remedy="its log says more; a model that needs more memory than there "
                "is ends so",
            ) from None
        if isinstance(found, frames.Failed):
            raise _load_error(found)
        if not isinstance(found, frames.Loaded):
            raise ModelLoadError(f"the process of {load.name!r} wrote what it must not")
        return found

    def _connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._first, [b"c"], [theirs.fileno()])
        return ours

    def ask(self, ask: frames.Ask, data: list[bytes]) -> tuple[frames.Told, memoryview]:
        """Return what the model answers, as it raises what it raises."""
        connection = self._idle.get()
        try:
            frames.send(connection, ask, data)
            head, raw = frames.receive(connection)
        except (EOFError, OSError, ValueError) as error:
            raise InferenceError(
                f"the process of model {self._name!r} ended while it computed"
            ) from error
        finally:
            # One that is broken fails the next call the same way, and blocks none.
            self._idle.put(connection)
        if isinstance(head, frames.Failed):
            raise _error(head)
        if not isinstance(head, frames.Told):
            raise InferenceError(f"the process of {self._name!r} wrote no answer")
        return head, raw

    def wait(self) -> str:
        """Wait for the end of the process; return how it came."""
        code = self._process.wait()
        return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"

    def close(self) -> None:
        """End the process, and close every connection to it."""
        self._first.close()
        try:
            self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(queue.Empty, AttributeError):
            while True:
                self._idle.get_nowait().close()


def _error(failed: frames.Failed) -> Exception:
    kind: Any = KINDS.get(failed.kind)
    if kind is None:
        return RuntimeError(failed.message)
    if issubclass(kind, ModelLoadError):
        return _load_error(failed)
    if issubclass(kind, MemoryError | ImportError):
        error: Exception = kind(failed.message)
        return error
    made: Exception = kind(failed.message, remedy=failed.remedy)
    return made


def _load_error(failed: frames.Failed) -> Exception:
    if failed.kind in {"MemoryError", "ImportError"}:
        kind: Any = KINDS[failed.kind]
        error: Exception = kind(failed.message)
        return error
    more = {"reason": failed.reason} if failed.reason else {}
    return ModelLoadError(failed.message, remedy=failed.remedy, **more)
