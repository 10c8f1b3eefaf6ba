"""The route table: which service a host and a path mean. Pure; rebuilt on update."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from inferry_gateway._answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inferry_gateway._services import Service

T = TypeVar("T")

_VERBS = (":predict", ":explain")
_MEMO = 4096
_MEMO_KEY = 512
_SHOWN = 5
_SIMILAR_AMONG = 500
_LONGEST_NAME = 253
_LONGEST_ECHO = 100
#: The gRPC metadata that names a service.
SERVICE_METADATA = "inferry-service"
_HTTP_HINT = "one by the path {prefix}/... or by the header 'Host: {host}'"
_CALL_HINT = (
    f"one by the metadata '{SERVICE_METADATA}: {{key}}' or by the authority {{host}}"
)


class Route(NamedTuple, Generic[T]):
    """Where a request goes: a service's state, the target, the prefix it lost."""

    state: T
    target: bytes
    prefix: bytes


class Table(Generic[T]):
    """Index of services by host, by ``namespace/name`` and by model name."""

    def __init__(self, entries: Iterable[tuple[Service, T]]) -> None:
        self._hosts: dict[str, T] = {}
        self._services: dict[str, T] = {}
        self._models: dict[str, list[tuple[Service, T]]] = {}
        self._memo: dict[tuple[bytes, bytes], Route[T]] = {}
        for service, state in entries:
            self._services[service.key] = state
            for host in service.hosts:
                self._hosts.setdefault(_bare_host(host), state)
            for model in dict.fromkeys(service.models):
                self._models.setdefault(model, []).append((service, state))

    @property
    def models(self) -> tuple[str, ...]:
        """Every model name, sorted."""
        return tuple(sorted(self._models))

    def match(self, host: bytes, target: bytes) -> Route[T] | None:
        """Return where a request goes, or None where the path is the gateway's own.

        Raises:
            Refusal: 400 for a model that two services have or a path with dot segments,
                404 for a service or model that nobody declared.
        """
        found = self._memo.get((host, target))
        if found is not None:
            return found
        found = self._find(host, target)
        if (
            found is not None
            and len(self._memo) < _MEMO
            and len(host) + len(target) <= _MEMO_KEY
        ):
            self._memo[host, target] = found
        return found

    def call(self, authority: str, service: str, model: str) -> T | None:
        """Return where a gRPC call goes, or None where it names nobody.

        *authority* is that of the connection, *service* a ``namespace/name``, *model*
        the name in the message; the first that says something decides.

        Raises:
            Refusal: 400 for a model that two services have, 404 for a service or model
                that nobody declared.
        """
        state = self._hosts.get(_bare_host(authority))
        if state is not None:
            return state
        if service:
            return self._by_name(service)
        return self._by_model(model, _CALL_HINT) if model else None

    def model(self, name: str | None) -> T:
        """Return who has the model *name*; None stands for the only one there is.

        Raises:
            Refusal: 400 for a model that two services have, or where none is named; 404
                for a model that nobody declared.
        """
        if name is None:
            if len(self._services) != 1:
                listing = _listing("known models", self._models)
                text = f"the body has no 'model'{listing}"
                raise Refusal(400, text, param="model")
            return next(iter(self._services.values()))
        return self._by_model(name, _HTTP_HINT)

    def names(self, authority: str) -> bool:
        """Whether *authority* is the host of a service."""
        return _bare_host(authority) in self._hosts

    def nameless(self, method: str) -> Refusal:
        """Return the 400 for a gRPC call that does not say whom it is meant for."""
        listing = _listing("known services", self._services)
        return Refusal(
            400,
            f"the call of {_echo(method)} names no service: send the metadata "
            f"'{SERVICE_METADATA}: NAMESPACE/NAME', or call its host{listing}",
        )

    def unknown(self, host: bytes, path: str) -> Refusal:
        """Return the 404 for a path that is neither a service's nor the gateway's."""
        known = _listing("known services", self._services)
        name = _echo(host.decode("latin-1")) or "(none)"
        return Refusal(
            404,
            f"no service for host {name!r} and path {_echo(path)!r}; "
            f"use a service's host, /serving/NAMESPACE/NAME/... or /v2/models/MODEL/..."
            f"{known}",
        )

    def _find(self, host: bytes, target: bytes) -> Route[T] | None:
        path, question, query = target.partition(b"?")
        _refuse_dot_segments(path)
        state = self._hosts.get(_bare_host(host.decode("latin-1")))
        if state is not None:
            return Route(state, target, b"")
        segments = path.split(b"/")
        if segments[1] == b"serving" and len(segments) > 2:  # noqa: PLR2004
            return self._by_prefix(segments, question + query)
        model = _model_of(segments)
        if model is None:
            return None
        return Route(self._by_model(model, _HTTP_HINT), target, b"")

    def _by_prefix(self, segments: list[bytes], query: bytes) -> Route[T] | None:
        if segments[2:] == [b""]:
            return None
        state = self._by_name("/".join(_decoded(s) for s in segments[2:4]))
        rest = b"/" + b"/".join(segments[4:])
        return Route(state, rest + query, b"/".join(segments[:4]))

    def _by_name(self, name: str) -> T:
        state = self._services.get(name)
        if state is None:
            message = (
                f"no service named {_echo(name)!r}{_similar(name, self._services)}"
            )
            listing = _listing("known services", self._services)
            raise Refusal(404, message + listing)
        return state

    def _by_model(self, model: str, hint: str) -> T:
        owners = self._models.get(model)
        if owners is None:
            message = f"no model named {_echo(model)!r}{_similar(model, self._models)}"
            raise Refusal(404, message + _listing("known models", self._models))
        if len(owners) > 1:
            names = " and ".join(service.key for service, _ in owners)
            first = owners[0][0]
            host = first.hosts[0] if first.hosts else "NAME-NAMESPACE.DOMAIN"
            how = hint.format(key=first.key, prefix=first.prefix, host=host)
            raise Refusal(400, f"model {model!r} belongs to {names}: say which {how}")
        return owners[0][1]


def asks_health(method: bytes, target: bytes) -> bool:
    """Whether a request only asks if its service, or a model of it, can answer."""
    if method not in {b"GET", b"HEAD"}:
        return False
    segments = target.partition(b"?")[0].rstrip(b"/").split(b"/")
    if segments[1:3] == [b"v1", b"models"]:
        return len(segments) == 4  # noqa: PLR2004 - /v1/models/MODEL
    return segments[1:2] == [b"v2"] and segments[-1] in {b"ready", b"live"}


def _echo(text: str) -> str:
    return text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "..."


def _bare_host(host: str) -> str:
    """Return a Host header's value without port and final dot, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")


def _decoded(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace")


def _refuse_dot_segments(path: bytes) -> None:
    # "." and ".." would let a path leave the prefix that chose its service.
    if b"." not in path and b"%2" not in path:
        return
    if any(_decoded(s) in {".", ".."} for s in path.split(b"/")):
        raise Refusal(400, "the path holds '.' or '..' segments; send it normalised")


def _model_of(segments: list[bytes]) -> str | None:
    """Return the model that a V1 or V2 path names, or None."""
    if segments[1:4] == [b"v2", b"repository", b"models"]:
        # /v2/repository/models/MODEL/load: what may be loaded, its server knows.
        segments = [b"", *segments[1:2], *segments[3:]]
    if segments[1:2] == [b"openai"]:
        segments = [b"", *segments[2:]]
    if len(segments) < 4 or segments[2] != b"models" or not segments[3]:  # noqa: PLR2004
        return None
    if segments[1] == b"v2":
        return _decoded(segments[3])
    if segments[1] != b"v1":
        return None
    model = _decoded(segments[3])
    for verb in _VERBS:
        model = model.removesuffix(verb)
    return model


def _similar(name: str, known: Mapping[str, object]) -> str:
    # Bounded work: the comparison is quadratic and anybody may ask for any name.
    if len(name) > _LONGEST_NAME or len(known) > _SIMILAR_AMONG:
        return ""
    close = difflib.get_close_matches(name, known, n=2)
    return f", did you mean {' or '.join(repr(c) for c in close)}?" if close else ""


def _listing(title: str, known: Mapping[str, object]) -> str:
    if not known:
        return " (no service is declared)"
    names = sorted(known)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" ({title}: {', '.join(names[:_SHOWN])}{more})"
