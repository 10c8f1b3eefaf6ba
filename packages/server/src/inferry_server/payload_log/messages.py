"""One copied request or response, and what is told about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.states import ModelSpec, PayloadLog

Kind = Literal["request", "response"]
#: Headers that hold secrets; they go nowhere, whatever a service asks for.
SECRETS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
    }
)
_TYPE = "org.kubeflow.serving.inference."
#: What a message takes in memory beside its body.
OVERHEAD = 1024


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A copied body; ``time`` is in ns since 1970, ``id`` that of both directions.

    ``json_length`` is the text of the header that tells JSON from tensors, or empty.
    """

    kind: Kind
    id: str
    time: int
    body: bytes
    content_type: str
    json_length: str = ""
    metadata: dict[str, list[str]] = {}

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self.body) + OVERHEAD

    @property
    def type(self) -> str:
        """The type of its event."""
        return _TYPE + self.kind


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What all messages of one model have in common."""

    url: str
    source: str
    service: str
    namespace: str
    component: str
    endpoint: str
    annotations: dict[str, str]
    ca_file: str
    verify: bool

    @classmethod
    def of(cls, spec: ModelSpec, log: PayloadLog) -> Origin:
        """Return that of the model *spec*."""
        return cls(
            url=shown(log.url),
            source=log.source or _source(spec),
            service=spec.service or spec.name,
            namespace=spec.namespace,
            component=log.component,
            endpoint=log.endpoint,
            annotations=log.metadata_annotations,
            ca_file=log.ca_file,
            verify=log.verify,
        )


def _source(spec: ModelSpec) -> str:
    parts = (spec.namespace, spec.service, spec.name)
    return "/" + "/".join(part for part in parts if part)


def shown(url: str) -> str:
    """Return *url* without what may be secret in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def metadata_of(
    headers: Mapping[str, str], wanted: tuple[str, ...]
) -> dict[str, list[str]]:
    """Return the *wanted* of *headers*, by the names that were wanted."""
    return {
        name: [headers[name.lower()]]
        for name in wanted
        if name.lower() in headers and name.lower() not in SECRETS
    }


def common_attributes(origin: Origin) -> dict[str, str]:
    """Return the attributes that the events of all messages share, as headers."""
    found = {
        "ce-specversion": "1.0",
        "ce-source": origin.source,
        "ce-inferenceservicename": origin.service,
        "ce-namespace": origin.namespace,
        "ce-component": origin.component,
        "ce-endpoint": origin.endpoint,
    }
    if origin.annotations:
        found["ce-annotations"] = json.dumps(origin.annotations)
    return found


def own_attributes(message: Message) -> dict[str, str]:
    """Return the attributes of the event of *message* alone, as headers."""
    recorded = _timestamp(message.time)
    return {
        "ce-id": message.id,
        "ce-type": message.type,
        "ce-time": recorded,
        "ce-recordedtime": recorded,
        "ce-metadata": json.dumps(message.metadata),
    }


def _timestamp(nanoseconds: int) -> str:
    then = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return then.isoformat(timespec="microseconds").replace("+00:00", "Z")
