"""What is removed, and what is not there to be removed."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("orjson", reason="the extra run is not installed")

from inferry_controller.backend._deleting import delete_model

from inferry.errors import BackendError


class Server:
    """Has the TrainedModels of some names."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    async def find(self, _kind: object, _namespace: str, name: str) -> Any:
        return {"metadata": {"name": name}} if name in self.names else None

    async def delete(self, kind: object, _namespace: str, name: str) -> None:
        assert str(kind) == "trainedmodels.serving.kserve.io"
        self.names.discard(name)


async def test_a_trained_model_is_removed() -> None:
    server: Any = Server("tm", "other")

    applied = await delete_model(server, "team", "tm")

    assert (applied.kind, applied.action) == ("TrainedModel", "deleted")
    assert server.names == {"other"}


async def test_a_trained_model_that_is_not_there_is_told() -> None:
    server: Any = Server()

    with pytest.raises(BackendError, match="there is no TrainedModel 'tm'"):
        await delete_model(server, "team", "tm")
