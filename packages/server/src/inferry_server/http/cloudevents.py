"""CloudEvents around the bodies of V1, in the mode in which the request came.

A binary event has its attributes in ``ce-`` headers and its data as the body; a
structured one is a JSON document with both.
Source: CloudEvents 1.0, "HTTP Protocol Binding" and "JSON Event Format"; the attributes
of answers are KServe's.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec
import orjson

from inferry.errors import InvalidInput
from inferry_server.codec.json_errors import readable
from inferry_server.http.exchange import JSON, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from inferry_server.calls import Call
    from inferry_server.http.routes import Route
    from inferry_server.settings import ServerSettings

    Handler = Callable[[Call, Route, memoryview], Response | Awaitable[Response]]

STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch"
_PREFIX = "ce-"
_REQUIRED = ("specversion", "id", "source", "type")
_VERSIONS = ("1.0", "0.3")
#: What an answer has of its own, even where it takes over the request's attributes.
_OWN = frozenset({"datacontenttype", "dataschema", "id", "specversion", "time"})
_LONGEST = 1024


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that KServe's variables ``CE_...`` in *environ* stand for."""
    found: dict[str, Any] = {
        field: environ[name]
        for name, field in (("CE_TYPE", "ce_type"), ("CE_SOURCE", "ce_source"))
        if environ.get(name)
    }
    if "CE_MERGE" in environ:
        found["ce_merge"] = environ["CE_MERGE"].lower() == "true"
    return found


class Event(msgspec.Struct, frozen=True):
    """The attributes of one request, and how it came."""

    attributes: dict[str, str]
    is_structured: bool


class CloudEvents:
    """Takes events off requests and puts them around answers, as *settings* say."""

    def __init__(self, settings: ServerSettings) -> None:
        self._type = settings.ce_type
        self._source = settings.ce_source
        self._merges = settings.ce_merge

    def around(self, handler: Handler) -> Handler:
        """Return *handler* for plain requests and events alike."""

        def handle(
            call: Call, route: Route, body: memoryview
        ) -> Response | Awaitable[Response]:
            headers = call.headers
            if "ce-specversion" not in headers and (
                headers.get("content-type") in _USUAL or not _is_structured(headers)
            ):
                return handler(call, route, body)
            event, data = read(headers, body)
            answer = handler(call, route, data)
            if isinstance(answer, Response):
                return self._wrapped(event, route, answer)
            return self._later(event, route, answer)

        return handle

    async def _later(
        self, event: Event, route: Route, answer: Awaitable[Response]
    ) -> Response:
        return self._wrapped(event, route, await answer)

    def _wrapped(self, event: Event, route: Route, response: Response) -> Response:
        attributes = self._attributes(event, route.model)
        if event.is_structured:
            return _structured(attributes, response)
        headers = tuple(
            (f"{_PREFIX}{name}".encode(), quote(value, safe=_PLAIN).encode())
            for name, value in attributes.items()
        )
        return msgspec.structs.replace(response, headers=response.headers + headers)

    def _attributes(self, event: Event, model: str) -> dict[str, str]:
        kept = event.attributes if self._merges else {}
        return {
            **{name: value for name, value in kept.items() if name not in _OWN},
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": self._source or f"io.kserve.inference.{model}",
            "type": self._type,
            "time": datetime.now(UTC).isoformat(),
        }


#: Printable ASCII but for the space, the quotation mark and the percent sign.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


#: The content types of nearly all requests, which are no events.
_USUAL = (None, "application/json")


def _is_structured(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "")
    return kind[:23].lower() == "application/cloudevents"


def read(headers: Mapping[str, str], body: memoryview) -> tuple[Event, memoryview]:
    """Return the event of a request and its data.

    Raises:
        InvalidInput: It is none, or its data is none that V1 knows.

    """
    kind = headers.get("content-type", "").lower()
    if kind.startswith(_BATCH):
        raise InvalidInput("batches of CloudEvents are not supported; send one a time")
    if kind.startswith("application/cloudevents"):
        return _read_structured(body)
    attributes = {
        name.removeprefix(_PREFIX): unquote(value)
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }
    _check(attributes)
    return Event(attributes, is_structured=False), body


def _read_structured(body: memoryview) -> tuple[Event, memoryview]:
    try:
        document = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        attributes = {
            name: _attribute(value)
            for name, value in document.items()
            if name not in ("data", "data_base64")
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"CloudEvent: {readable(error, bytes(body[:64]))}") from None
    _check(attributes)
    event = Event(attributes, is_structured=True)
    if "data_base64" in document:
        return event, _from_base64(document["data_base64"])
    if "data" not in document:
        raise InvalidInput("the CloudEvent has no data")
    data = memoryview(document["data"])
    # Data of another type than JSON is a string with the text.
    is_json = "json" in attributes.get("datacontenttype", "json").lower()
    if not is_json and bytes(data[:1]) == b'"':
        data = memoryview(msgspec.json.decode(data, type=str).encode())
    return event, data


def _attribute(raw: msgspec.Raw) -> str:
    value: Any = msgspec.json.decode(raw)
    return value if isinstance(value, str) else bytes(raw).decode()


def _from_base64(raw: msgspec.Raw) -> memoryview:
    try:
        text = msgspec.json.decode(raw, type=str)
        return memoryview(base64.b64decode(text, validate=True))
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise InvalidInput("the CloudEvent's data_base64 is not base64") from None


def _check(attributes: Mapping[str, str]) -> None:
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        raise InvalidInput(f"the CloudEvent has no {' and no '.join(missing)}")
    if attributes["specversion"] not in _VERSIONS:
        raise InvalidInput(
            f"the CloudEvent has the specversion {attributes['specversion'][:20]!r}, "
            f"expected {_VERSIONS[0]}"
        )
    if any(len(value) > _LONGEST for value in attributes.values()):
        raise InvalidInput(
            f"an attribute of the CloudEvent is over {_LONGEST} characters"
        )


def _structured(attributes: dict[str, str], response: Response) -> Response:
    head = orjson.dumps({**attributes, "datacontenttype": JSON.decode()})
    parts = [head[:-1], b',"data":', *response.parts, b"}"]
    return msgspec.structs.replace(
        response, parts=parts, content_type=STRUCTURED.encode()
    )
