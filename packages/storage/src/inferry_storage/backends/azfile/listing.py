"""Pages of a share's listing, which are XML."""

from __future__ import annotations

from urllib.parse import unquote
from xml.etree import ElementTree as ET

import msgspec

from inferry.storage import Corrupt, shown_uri


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a folder of a folder."""

    name: str
    folder: bool = False
    size: int | None = None
    etag: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some items, and what to ask for the next page with."""

    items: tuple[Item, ...]
    marker: str = ""


def read_page(uri: str, data: bytes) -> Page:
    """Return the page that *data* is.

    Raises:
        Corrupt: It is none.

    """
    try:
        root = _root(data)
        items = tuple(_item(each) for each in root.iterfind("Entries/*"))
    except (ET.ParseError, ValueError):
        raise Corrupt(
            f"{shown_uri(uri)}: the share's listing is not one",
            remedy="check the address of the service",
        ) from None
    return Page(items=items, marker=(root.findtext("NextMarker") or "").strip())


def _root(data: bytes) -> ET.Element:
    if b"<!DOCTYPE" in data:
        raise ValueError
    # What expat expands is bounded since 2.4.1; without a type there is nothing to.
    root = ET.fromstring(data.decode("utf-8-sig"))  # noqa: S314 - see above
    if root.tag != "EnumerationResults":
        raise ValueError
    return root


def _item(element: ET.Element) -> Item:
    name = element.find("Name")
    if name is None or element.tag not in {"File", "Directory"}:
        raise ValueError
    text = name.text or ""
    size = element.findtext("Properties/Content-Length")
    etag = (element.findtext("Properties/Etag") or "").strip()
    return Item(
        name=unquote(text) if name.get("Encoded") == "true" else text,
        folder=element.tag == "Directory",
        size=_size(size),
        etag=f'"{etag.strip(chr(34))}"' if etag else None,
    )


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19:  # noqa: PLR2004 - 2**63
        raise ValueError
    return int(text)
