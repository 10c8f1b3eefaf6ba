"""The compliance kits: every rule of a storage backend, and the engine over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from server import TOKEN, WebServer

from inferry.plugins import ImportRef
from inferry.testing import PluginTests
from inferry_storage.testing import EngineTests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class TestPlugin(PluginTests):
    plugin = "webindex"


class TestStorage(EngineTests):
    client = ImportRef("inferry_storage_webindex.client:IndexStorage")
    credentials: ClassVar[Mapping[str, str]] = {"WEBINDEX_TOKEN": TOKEN}
    wrong_credentials: ClassVar[Mapping[str, str]] = {"WEBINDEX_TOKEN": "wrong"}
    # What an operator would allow who runs the server on this machine.
    settings: ClassVar[Mapping[str, Any]] = {
        "allow_http": True,
        "allow_networks": ["127.0.0.0/8"],
    }

    @pytest.fixture
    def put(self, server: WebServer) -> Callable[..., str]:
        return server.put

    @pytest.fixture
    def source(self, server: WebServer) -> str:
        return server.put("model", self.tree)

    @pytest.fixture
    def cut(self, server: WebServer) -> str:
        server.cut.add("short")
        return server.put("short", self.tree)


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    running = WebServer()
    yield running
    running.stop()
