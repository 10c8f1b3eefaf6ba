"""A supervisor without Ray, for what only passes its words on."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from inferry.backends import Applied, RevisionStatus, ServiceStatus
from inferry.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from inferry.api import Document

SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    model:
      modelFormat:
        name: onnx
      storageUri: model.onnx
"""


def service_status(
    name: str, namespace: str = "default", **facts: Any
) -> ServiceStatus:
    """Return the status of a service that is ready, but for *facts*."""
    base: dict[str, Any] = {
        "phase": "Ready",
        "url": f"http://127.0.0.1:8080/serving/{namespace}/{name}",
        "runtime": "onnx",
        "model": name,
        "revisions": (
            RevisionStatus(name="abc", phase="Ready", percent=100, replicas=1, ready=1),
        ),
    }
    return ServiceStatus(namespace=namespace, name=name, **{**base, **facts})


class FakeSupervisor:
    """Serves nothing, and makes everything that is applied ready at once."""

    def __init__(self) -> None:
        self.drain_timeout = 1.0
        self.url = "http://127.0.0.1:18080"
        self.services: dict[tuple[str, str], ServiceStatus] = {}
        self.applied: list[Document] = []
        self.calls: list[str] = []
        self.queues: list[asyncio.Queue[ServiceStatus]] = []
        self.starting = asyncio.Event()
        self.starting.set()
        self.trouble = ""
        self.troubled = asyncio.Event()

    async def start(self) -> str:
        self.calls.append("start")
        await self.starting.wait()
        return self.url

    async def broken(self) -> str:
        await self.troubled.wait()
        return self.trouble

    async def apply(self, documents: Sequence[Document]) -> list[Applied]:
        self.applied += documents
        done = []
        for document in documents:
            meta = document.metadata
            if meta.name == "refused":
                msg = "the supervisor refuses"
                raise BackendError(msg, remedy="try another name")
            if meta.name == "crash":
                raise RuntimeError
            status = service_status(meta.name, meta.namespace)
            self.tell(status)
            done.append(
                Applied(
                    kind=document.kind,
                    namespace=meta.namespace,
                    name=meta.name,
                    action="created",
                )
            )
        return done

    async def delete(self, namespace: str, name: str) -> Applied:
        if self.services.pop((namespace, name), None) is None:
            msg = f"there is no service {name!r}"
            raise BackendError(msg)
        self.calls.append(f"delete {name}")
        return Applied(
            kind="InferenceService", namespace=namespace, name=name, action="deleted"
        )

    def status(
        self, namespace: str | None = None, name: str | None = None
    ) -> list[ServiceStatus]:
        return [
            status
            for status in self.services.values()
            if namespace in {None, status.namespace} and name in {None, status.name}
        ]

    async def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        for index in range(tail if tail is not None else 3):
            yield f"{name}-0: line {index}"
        if follow:
            await asyncio.Event().wait()

    async def changes(self) -> AsyncIterator[ServiceStatus]:
        queue: asyncio.Queue[ServiceStatus] = asyncio.Queue()
        self.queues.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.queues.remove(queue)

    async def stop(self) -> None:
        self.calls.append("stop")

    def tell(self, status: ServiceStatus) -> None:
        """Make *status* the service's, and tell everybody."""
        self.services[status.namespace, status.name] = status
        for queue in self.queues:
            queue.put_nowait(status)


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def make_status() -> Callable[..., ServiceStatus]:
    return service_status


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Return a function that waits until its argument returns something true."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep sockets of tests and of the user apart."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return folder


@pytest.fixture
def write_service(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a service's YAML and returns its path."""

    def write(name: str, *, file: str = "service.yaml", text: str = SERVICE) -> Path:
        path = tmp_path / file
        path.write_text(text.format(name=name))
        return path

    return write


@pytest.fixture(autouse=True)
def no_settings() -> Iterator[None]:
    """Keep the user's settings out of every test, and a test's out of the others."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("INFERRY_")]:
            del os.environ[name]
        yield
