"""The process of one model: ``python -m inferry_server.isolation.worker FD``.

The socket *FD* is the first connection; each frame on it that brings descriptors brings
a further one. The process ends when the first one is closed, so none outlives its
server.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from inferry import errors
from inferry.errors import InferryError, one_line
from inferry.model import ModelMetadata
from inferry_server.isolation import frames
from inferry_server.memory import resident

_METHODS: tuple[frames.Method, ...] = ("predict", "explain", "predict_v1", "warm_up")
_DESCRIPTORS = 256


def main() -> None:
    """Load the model, then answer until the server is gone."""
    # A terminal's Ctrl-C is for the server, which lets requests end before its models.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = socket.socket(fileno=int(sys.argv[1]))
    load, _ = frames.receive(first)
    if not isinstance(load, frames.Load):
        msg = f"expected what to load, got {type(load).__name__}"
        raise TypeError(msg)
    try:
        instance, found = _load(load)
    except BaseException as error:  # noqa: BLE001 - the server tells it
        frames.send(first, _failed(error))
        return
    frames.send(first, found)
    _answer_all(first, instance)


def _load(load: frames.Load) -> tuple[Any, frames.Loaded]:
    sys.path[:] = load.places
    module, _, attribute = load.target.partition(":")
    place: Any = importlib.import_module(module)
    for name in attribute.split("."):
        place = getattr(place, name)
    instance = place()
    before = resident()
    instance.load(Path(load.path), load.options)
    if hasattr(instance, "stream") or getattr(instance, "openai", None):
        raise errors.ModelLoadError(
            f"model {load.name!r} streams its answers, which cannot leave a process of "
            "their own",
            remedy="serve it without --isolated, in a server of its own",
        )
    limit = getattr(instance, "max_concurrency", 1)
    return instance, frames.Loaded(
        methods=tuple(name for name in _METHODS if hasattr(instance, name)),
        metadata=_metadata(instance),
        batching=bool(getattr(instance, "batching", False)),
        checks_inputs=bool(getattr(instance, "checks_inputs", False)),
        max_concurrency=limit if isinstance(limit, int) and limit > 0 else 1,
        memory=getattr(instance, "memory", 0) or max(resident() - before, 0),
    )


def _metadata(instance: Any) -> ModelMetadata | None:  # noqa: ANN401 - any model
    told = instance.metadata() if hasattr(instance, "metadata") else None
    return told if told is None or isinstance(told, ModelMetadata) else ModelMetadata()


def _answer_all(first: socket.socket, instance: Any) -> None:  # noqa: ANN401 - any model
    """Give each connection that *first* brings a thread, until *first* ends."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(first, 1, _DESCRIPTORS)
        if not data:
            # Nothing in this process may keep it, least of all a model that computes.
            os._exit(0)
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            threading.Thread(
                target=_answer, args=(connection, instance), daemon=True
            ).start()


def _answer(connection: socket.socket, instance: Any) -> None:  # noqa: ANN401 - any model
    while True:
        try:
            ask, data = frames.receive(connection)
        except (EOFError, OSError):
            return
        if not isinstance(ask, frames.Ask):
            return
        try:
            head, raws = _asked(instance, ask, data)
        except BaseException as error:  # noqa: BLE001 - the server tells it
            head, raws = _failed(error), []
        frames.send(connection, head, raws)


def _asked(
    instance: Any,  # noqa: ANN401 - any model
    ask: frames.Ask,
    data: memoryview,
) -> tuple[frames.Frame, list[bytes]]:
    function = getattr(instance, ask.method)
    if ask.method == "predict_v1":
        return frames.Told(body=_result(function(ask.body))), []
    if ask.method == "warm_up":
        answer = _result(function())
        if answer is None:
            return frames.Told(is_empty=True), []
    else:
        answer = _result(function(frames.request_of(ask, data)))
    return frames.told(answer)


def _result(answer: Any) -> Any:  # noqa: ANN401 - whatever a model gives
    return asyncio.run(_awaited(answer)) if inspect.isawaitable(answer) else answer


async def _awaited(answer: Any) -> Any:  # noqa: ANN401 - as above
    return await answer


def _failed(error: BaseException) -> frames.Failed:
    kinds = [each.__name__ for each in type(error).__mro__ if each.__name__ in KINDS]
    if not isinstance(error, InferryError):
        kind = kinds[0] if kinds else ""
        return frames.Failed(kind=kind, message=one_line(error))
    return frames.Failed(
        kind=kinds[0] if kinds else "",
        message=error.message,
        remedy=error.remedy,
        reason=str(getattr(error, "reason", "")),
    )


#: Errors that keep what they are on their way to the server.
KINDS = {
    **{name: getattr(errors, name) for name in ("InvalidInput", "InferenceError")},
    **{name: getattr(errors, name) for name in ("ModelNotFound", "ModelNotReady")},
    **{name: getattr(errors, name) for name in ("ModelLoadError", "Overloaded")},
    "ImportError": ImportError,
    "MemoryError": MemoryError,
}

if __name__ == "__main__":
    main()
