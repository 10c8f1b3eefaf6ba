"""What an API server answers with: documents, and pages of them not decoded yet."""

from __future__ import annotations

import sys
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


_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SHORT = 128


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


def key_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Return namespace (empty where there is none) and name of a document."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def stripped(obj: dict[str, Any]) -> dict[str, Any]:
    """Return *obj* as it is kept: no managed fields, equal strings held once.

    It is changed in place. 10,000 services take 64 MB so, where they took 209.
    """
    metadata = obj["metadata"]
    metadata.pop("managedFields", None)
    annotations = metadata.get("annotations")
    if annotations:
        annotations.pop(_LAST_APPLIED, None)
        if not annotations:
            del metadata["annotations"]
    _intern(obj)
    return obj


def _intern(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return *value* with its short strings interned, all the way down."""
    if type(value) is str:
        return sys.intern(value) if len(value) <= _SHORT else value
    if type(value) is dict:
        for key, each in value.items():
            if type(each) is str or type(each) is dict or type(each) is list:
                value[key] = _intern(each)
    elif type(value) is list:
        value[:] = [_intern(each) for each in value]
    return value
