"""`TritonModel`: the models of a Triton repository, served by tritonserver itself."""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferry.errors import (
    InferenceError,
    InvalidInput,
    ModelError,
    ModelLoadError,
    ModelNotFound,
    ModelNotReady,
)
from inferry.model import InferRequest, InferResponse, ModelMetadata, Upstream
from inferry.runtime.options import count, listed
from inferry.status import Reason
from inferry_runtime_triton import _environment, _repository, _settings
from inferry_runtime_triton._server import AttachedServer, LocalServer, unload_all
from inferry_server.cpu import threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inferry_runtime_triton._client import Client
    from inferry_runtime_triton._repository import Found
    from inferry_runtime_triton._server import Server

__all__ = ["TritonModel"]

logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_PORTS = 2**16
_READY = "READY"
_MODULE = "ModuleNotFoundError: No module named"


class TritonModel:
    """Serves a model repository; V2 goes to tritonserver as it comes.

    The model itself is the one called as the service, or the only one. All are
    reachable by the names that they have in the repository.
    """

    max_concurrency = 64
    #: Triton says what does not fit.
    checks_inputs = True

    def __init__(self) -> None:
        #: Set by the server before `load`: what the service calls this model.
        self.served_name = ""
        self._server: Server | None = None
        self._names: tuple[str, ...] = ()
        self._name = ""
        self._metadata = ModelMetadata()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Start tritonserver with the models in the folder *path*, or attach to one.

        Options: ``models`` (empty: all), ``url`` and ``grpcUrl`` of a Triton that
        runs, ``threads`` (0: the CPU quota), ``logVerbose``.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        wanted = listed(options, "models")
        try:
            if options.get("url") or options.get("grpcUrl"):
                self._attach(options, wanted)
            else:
                self._start(path, options, wanted)
            self._describe()
        except BaseException:
            self.unload()
            raise

    def _start(
        self, path: Path, options: Mapping[str, Any], wanted: tuple[str, ...]
    ) -> None:
        models = _chosen(_repository.read(path, self.served_name), wanted)
        settings = _settings.read()
        _settings.check_trust(path, models, settings.trust)
        self._name = self._own(tuple(each.name for each in models))
        installation = _environment.find(settings)
        models = self._servable(models, installation.backends)
        self._scratch = tempfile.TemporaryDirectory(prefix="inferry-triton-")
        repository = Path(self._scratch.name) / "models"
        _repository.lay_out(models, repository)
        server = LocalServer(
            installation,
            repository,
            threads=count(options, "threads", threads()),
            verbose=int(options.get("logVerbose") or 0),
            load=lambda client: self._load_all(client, models),
        )
        server.start()
        self._server = server

    def _attach(self, options: Mapping[str, Any], wanted: tuple[str, ...]) -> None:
        http, grpc = _addresses(options)
        server = AttachedServer(http, grpc)
        self._server = server
        if not server.client.is_live(5.0):
            raise ModelLoadError(
                f"no Triton answers over gRPC at {grpc}",
                reason=Reason.RuntimeUnhealthy,
                remedy="start it, or correct --url and --grpcUrl",
            )
        ready = self._ready(server, wanted)
        missing = [name for name in wanted if name not in ready]
        if missing or not ready:
            what = f"the model {missing[0]!r}" if missing else "any model"
            raise ModelLoadError(
                f"the Triton at {grpc} does not serve {what}; it has "
                f"{', '.join(sorted(ready)) or 'none that is ready'}",
                reason=Reason.ModelNotFound,
                remedy="load it there, or correct --models",
            )
        self._names = wanted or ready
        self._name = self._own(self._names)
        server.start((self._name,) if self._name else self._names)

    def _ready(self, server: Server, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the models that answer at *server*, as far as it tells."""
        try:
            known = server.client.names()
        except ModelError:  # it may keep its repository to itself
            asked = wanted or (self.served_name,)
            return tuple(name for name in asked if server.client.is_ready(name))
        return tuple(name for name, state in known.items() if state == _READY)

    def _own(self, names: Sequence[str]) -> str:
        """Return which of *names* the service's own name stands for, "" for none."""
        if self.served_name in names:
            return self.served_name
        return names[0] if len(names) == 1 else ""

    def _servable(
        self, models: Sequence[Found], backends: Sequence[str]
    ) -> tuple[Found, ...]:
        """Return the *models* that a Triton with *backends* serves, at least the own.

        Raises:
            ModelLoadError: The own one is not among them, or none is.

        """
        kept: list[Found] = []
        first: ModelLoadError | None = None
        for model in models:
            why = _repository.unservable(model, backends)
            if why is None:
                kept.append(model)
                continue
            if model.name == self._name:
                raise why
            logger.warning("%s", why)
            first = first or why
        if first is not None and not kept:
            raise first
        return tuple(kept)

    def _load_all(self, client: Client, models: Sequence[Found]) -> None:
        """Load *models*; one beside the own may fail.

        Raises:
            ModelLoadError: The own fails, or all do.

        """
        loaded: list[str] = []
        first: ModelLoadError | None = None
        for model in models:
            try:
                client.load(model.name)
                loaded.append(model.name)
            except ModelError as error:
                why = _not_loaded(model.name, error)
                if model.name == self._name:
                    raise why from None
                logger.warning("%s", why)
                first = first or why
        if first is not None and not loaded:
            raise first
        self._names = tuple(loaded)

    def _describe(self) -> None:
        server = self._running()
        if not self._name:
            return
        try:
            self._metadata = server.client.metadata(self._name)
            if server.client.is_decoupled(self._name):
                self.stream = self._stream
        except ModelError as error:
            raise _not_loaded(self._name, error) from None

    def metadata(self) -> ModelMetadata:
        """Return the signature as Triton tells it; empty for a whole repository."""
        return self._metadata

    def warm_up(self) -> None:
        """Make no request: a model says itself how it is warmed up (model_warmup)."""

    @property
    def upstream(self) -> Upstream:
        """Where Triton answers V2 now, and under which names."""
        server = self._running()
        return Upstream(
            http=server.http,
            grpc=server.grpc,
            name=self._name,
            names=frozenset(self._names),
        )

    @property
    def why_unhealthy(self) -> str:
        """What keeps Triton from answering; empty while it does."""
        return "" if self._server is None else self._server.why_unhealthy

    def predict(self, request: InferRequest) -> InferResponse:
        """Ask Triton.

        Raises:
            InvalidInput: The request does not fit the model.
            InferenceError: The model failed.

        """
        with self._telling():
            return self._running().client.infer(self._asked(), request)

    def _stream(self, request: InferRequest) -> Iterator[InferResponse]:
        with self._telling():
            yield from self._running().client.stream(self._asked(), request)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Add what the model takes to what Triton says of a wrong request."""
        try:
            yield
        except InvalidInput as error:
            takes = ", ".join(
                f"{each.name} ({each.datatype} {list(each.shape)})"
                for each in self._metadata.inputs
            )
            raise InvalidInput(f"{error}; the model takes {takes}") from None

    def unload(self) -> None:
        """End the server that `load` started, or let go of the one that runs."""
        server, self._server = self._server, None
        if server is not None:
            if isinstance(server, LocalServer):
                unload_all(server.client, self._names)
            server.stop()
        if self._scratch is not None:
            self._scratch.cleanup()

    def _running(self) -> Server:
        server = self._server
        if server is None:
            raise ModelNotReady("the Triton model is not loaded")
        if server.why_unhealthy:
            raise ModelNotReady(server.why_unhealthy)
        return server

    def _asked(self) -> str:
        if not self._name:
            raise ModelNotFound(
                f"the repository of {self.served_name!r} has no model of that name; "
                f"ask by one of {', '.join(map(repr, self._names))}"
            )
        return self._name


def _chosen(models: tuple[Found, ...], wanted: tuple[str, ...]) -> tuple[Found, ...]:
    known = {model.name: model for model in models}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ModelLoadError(
            f"option models names {missing[0]!r}; the repository has "
            f"{', '.join(sorted(known))}",
            reason=Reason.ModelNotFound,
            remedy="correct --models",
        )
    return tuple(known[name] for name in wanted) if wanted else models


def _addresses(options: Mapping[str, Any]) -> tuple[str, str]:
    """Return where Triton speaks HTTP and gRPC; each follows from the other."""
    given = {name: str(options.get(name) or "") for name in ("url", "grpcUrl")}
    found: dict[str, tuple[str, int]] = {}
    for name, text in given.items():
        parts = _ADDRESS.fullmatch(text.removeprefix("http://").rstrip("/"))
        if text and not (parts and 0 < int(parts["port"]) < _PORTS):
            raise ModelLoadError(
                f"option {name} is {text!r}",
                reason=Reason.InvalidSpec,
                remedy="write it as host:port",
            )
        if parts:
            found[name] = parts["host"], int(parts["port"])
    http, grpc = found.get("url"), found.get("grpcUrl")
    if grpc is None and http is not None:
        grpc = http[0], http[1] + 1
    elif http is None and grpc is not None:
        http = grpc[0], grpc[1] - 1
    http, grpc = http or ("", 0), grpc or ("", 0)
    return f"{http[0]}:{http[1]}", f"{grpc[0]}:{grpc[1]}"


def _not_loaded(name: str, error: ModelError) -> ModelLoadError:
    text = str(error)
    remedy = "see the log of the server"
    if _MODULE in text:
        remedy = (
            "name its package in the setting requirements of [plugins.triton], or an "
            "environment that has it in the setting python"
        )
    if isinstance(error, InferenceError) and not text:
        text = "it says nothing"
    return ModelLoadError(
        f"Triton cannot load the model {name!r}: {text}", remedy=remedy
    )
