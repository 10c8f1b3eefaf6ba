"""Containers as plain data: what they are copied with, their variables and arguments.

A plan is never changed: everything here returns new data.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.planning import ComponentPlan

#: KServe's name of the container that answers.
SERVING = "kserve-container"
#: KServe's name of a transformer in the pod of its predictor.
TRANSFORMER = "transformer-container"
#: Where a container finds its model, unless ``storageUris`` says otherwise.
MODEL_PATH = "/mnt/models"
HTTP_PORT = 8080
_SERVER = "inferry_server"
_IMAGE = "inferry-"
_FLAG = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?\Z", re.DOTALL)


def copied(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return *value* with new maps and lists all the way down."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def is_ours(component: ComponentPlan) -> bool:
    """Say whether the serving container runs our model server.

    It does for a runtime plugin, for a runtime that a plugin was rendered to, and for a
    container whose command names the server.
    """
    if component.model is not None and component.model.target:
        return True
    container = component.container
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    if any(_SERVER in str(word) for word in words):
        return True
    image = str(container.get("image") or "").rpartition("/")[2]
    return image.startswith(_IMAGE) and flag(words, "runtime") is not None


def flag(words: Iterable[Any], name: str) -> str | None:
    """Return the last value of ``--name`` among *words*, "" for one without.

    A flag is the same in snake_case, in camelCase and with hyphens.
    """
    return _flags(tuple(map(str, words))).get(_plain(name))


def with_flags(args: Sequence[Any], flags: Mapping[str, str]) -> list[Any]:
    """Return *args* and those of *flags* that they do not hold, as ``--name=value``."""
    given = _flags(tuple(map(str, args)))
    added = [
        f"--{name}={value}"
        for name, value in flags.items()
        if _plain(name) not in given
    ]
    return [*args, *added]


def with_variables(
    env: Sequence[Mapping[str, Any]] | None, *more: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return *env* and those of *more* whose names it does not hold yet.

    No name is there twice: an API server refuses to apply such a list.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in (*(env or ()), *more):
        found.setdefault(str(each.get("name", "")), dict(each))
    return list(found.values())


def variable(name: str, value: str) -> dict[str, Any]:
    """Return an entry of ``env``."""
    return {"name": name, "value": value}


def first_port(container: Mapping[str, Any]) -> int:
    """Return the first port of *container*, KServe's 8080 where it has none."""
    for port in container.get("ports") or ():
        if isinstance(number := port.get("containerPort"), int):
            return number
    return HTTP_PORT


# A pod asks several times for flags of the same arguments.
@functools.lru_cache(maxsize=256)
def _flags(words: tuple[str, ...]) -> Mapping[str, str]:
    """Return the flags among *words* by their plain names, each with its last value."""
    found: dict[str, str] = {}
    waiting = ""
    for word in words:
        match = _FLAG.match(word)
        if match is None:
            if waiting:
                found[waiting] = word
            waiting = ""
            continue
        name = _plain(match[1])
        found[name] = match[2] or ""
        waiting = name if match[2] is None else ""
    return found


@functools.lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
