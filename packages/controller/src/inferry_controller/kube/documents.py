"""What an API server answers with: documents, and pages of them not decoded yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from inferry_controller.kube.errors import Unavailable

if TYPE_CHECKING:
    from inferry_controller.kube.kinds import Kind

#: Documents, as dictionaries.
Documents = list[dict[str, Any]]
#: A merge patch, or the operations of a JSON patch.
Change = Mapping[str, Any] | list[dict[str, Any]]


class Listing(msgspec.Struct, rename={"continue_": "continue"}):
    """The ``metadata`` of a page."""

    resource_version: str = msgspec.field(default="", name="resourceVersion")
    continue_: str = ""


class Page(msgspec.Struct):
    """One page of a list, its objects not decoded yet."""

    metadata: Listing = msgspec.field(default_factory=Listing)
    items: list[msgspec.Raw] = []


_PAGES = msgspec.json.Decoder(Page)


def paged(body: bytes) -> Page:
    """Return a page of a list; its objects are found, not decoded."""
    try:
        return _PAGES.decode(body)
    except msgspec.MsgspecError:
        raise Unavailable("the answer is no list; is it an API server?") from None


def document(kind: Kind, raw: msgspec.Raw | bytes) -> dict[str, Any]:
    """Return one object of a list with its apiVersion and kind, which lists omit."""
    obj: dict[str, Any] = orjson.loads(memoryview(raw))
    obj.setdefault("apiVersion", kind.api_version)
    obj.setdefault("kind", kind.kind)
    return obj


def decoded(body: bytes) -> dict[str, Any]:
    """Return the document that a server answered with."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable("the answer is no document; is it an API server?")
    return found
