"""What the tests of faults share: a server of known bytes and a proxy before it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from storage import pulling
from storage.faults import FaultProxy
from storage.origin import Origin
from storage.registry import registry, serve_registry
from storage.servers import (
    azurite,
    fake_gcs,
    moto,
    rclone_s3,
    seaweedfs,
)

__all__ = [
    "azurite",
    "fake_gcs",
    "moto",
    "rclone_s3",
    "registry",
    "seaweedfs",
    "serve_registry",
]

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture
def before(origin: Origin) -> Iterator[Callable[..., FaultProxy]]:
    """Return a function that puts a proxy before the origin."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> FaultProxy:
            proxy = FaultProxy(("127.0.0.1", origin.port), **options)
            return stack.enter_context(proxy)

        yield start


@pytest.fixture
def proxy(before: Callable[..., FaultProxy]) -> FaultProxy:
    """Return a proxy before the origin that does nothing yet."""
    return before()


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


class Pod:
    """A home, a folder for the model, and the command that fills it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.model = folder / "mnt" / "model"

    def pull(
        self, proxy: FaultProxy, path: str, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Fetch ``s3://path`` through *proxy*."""
        environment = pulling.surroundings(self.home, proxy.url, **more)
        return pulling.pull(f"s3://{path}", self.model, environment)

    def pull_file(
        self, proxy: FaultProxy, path: str, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Fetch the file *path* through *proxy* as one of the web."""
        named = {"INFERRY_STORAGE__ENDPOINTS": proxy.url}
        environment = pulling.surroundings(self.home, **named, **more)
        return pulling.pull(f"{proxy.url}/{path}", self.model, environment)

    @property
    def left(self) -> set[str]:
        """Every name beside and below the model's folder."""
        return pulling.names(self.model.parent) if self.model.parent.exists() else set()
