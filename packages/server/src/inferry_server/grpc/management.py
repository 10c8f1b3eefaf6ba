"""The RPCs of the model repository; those that change something may be closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput
from inferry_server.errors import NotPermitted
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_server.services import Services


class Management:
    """Lists, loads and unloads the models of *services*."""

    def __init__(self, services: Services) -> None:
        self._repository = services.repository
        self._is_open = services.settings.allow_management
        self.answers: Mapping[str, Callable[[Any], Any]] = {
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }

    def _index(self, request: Any) -> Any:  # noqa: ANN401 - messages
        models = self._repository.index(ready=request.ready)
        return message("RepositoryIndexResponse")(models=models)

    async def _load(self, request: Any) -> Any:  # noqa: ANN401 - messages
        check_open("loading a model", is_open=self._is_open)
        name = _name(request)
        await self._repository.load(name, _parameters(request))
        return message("RepositoryModelLoadResponse")(model_name=name, isLoaded=True)

    async def _unload(self, request: Any) -> Any:  # noqa: ANN401 - messages
        check_open("unloading a model", is_open=self._is_open)
        name = _name(request)
        await self._repository.unload(name, _parameters(request))
        return message("RepositoryModelUnloadResponse")(
            model_name=name, isUnloaded=True
        )


def check_open(what: str, *, is_open: bool) -> None:
    """Refuse *what* where clients may not change what the server does.

    Raises:
        NotPermitted: They may not, and how they may.

    """
    if not is_open:
        raise NotPermitted(
            f"{what} is not open on this port; use the management port of the server, "
            "or start it with --allow_management"
        )


def _name(request: Any) -> str:  # noqa: ANN401 - a message
    """Return the model, also where a client of KServe has written it.

    Its ``model_name`` has the number of ``repository_name``, and it writes no other.
    """
    return str(request.model_name or request.repository_name)


def _parameters(request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
    found = {}
    for name, value in request.parameters.items():
        choice = value.WhichOneof("parameter_choice")
        if choice is None:
            raise InvalidInput(f"the parameter {name[:100]!r} has no value")
        found[name] = getattr(value, choice)
    return found
