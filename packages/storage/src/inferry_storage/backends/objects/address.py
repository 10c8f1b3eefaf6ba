"""From a URI to a bucket and the keys that it may mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from inferry.storage import InvalidUri, UnsafePath, shown_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 200


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What a URI names in an object store.

    ``keys`` are its spellings in the order in which they are tried, ``""`` being the
    whole bucket. ``folder`` says that it ends in ``/`` and so names no single object.
    ``account`` and ``host`` are Azure's; ``token`` is a signature that the URI carries.
    """

    uri: str
    bucket: str
    keys: tuple[str, ...] = ("",)
    folder: bool = True
    version: str | None = None
    account: str = ""
    host: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_uri(self.uri)!r})"


class Parts(msgspec.Struct, frozen=True):
    """A URI in pieces; ``#`` is a character of keys, as the clouds' own tools have it.

    The query is not among what messages may show, so neither is it in the repr.
    """

    uri: str
    authority: str
    path: str
    query: str

    @classmethod
    def of(cls, uri: str) -> Parts:
        """Split *uri*, which has a scheme."""
        rest = uri.partition("://")[2]
        rest, _, query = rest.partition("?")
        authority, _, path = rest.partition("/")
        return cls(uri, authority, path, query)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_uri(self.uri)!r})"

    def option(self, allowed: str) -> str | None:
        """Return the value of the one query parameter that may be there.

        Raises:
            InvalidUri: There is another one.

        """
        if not self.query:
            return None
        name, equals, value = self.query.partition("=")
        if name != allowed or not equals or not re.fullmatch(r"[\w.+/=-]+", value):
            raise InvalidUri(
                f"{shown_uri(self.uri)} has a query that is not ?{allowed}=…",
                remedy="write ? in the name of an object as %3F",
            )
        return value


def spellings(uri: str, path: str) -> tuple[str, ...]:
    """Return the keys that *path* may mean: as it is written, and percent-decoded.

    Raises:
        UnsafePath: A key has a part that no folder can hold.

    """
    plain = path.rstrip("/")
    found = [checked_key(uri, plain)]
    if _ENCODED.search(plain):
        found.append(decoded(uri, plain))
    return tuple(dict.fromkeys(found))


def decoded(uri: str, path: str) -> str:
    """Return the key that the *path* of a URL means.

    Raises:
        InvalidUri: It is not UTF-8.
        UnsafePath: It has a part that no folder can hold.

    """
    try:
        key = unquote(path.rstrip("/"), errors="strict")
    except UnicodeDecodeError:
        raise InvalidUri(
            f"{shown_uri(uri)} is not UTF-8 where it is percent-encoded",
            remedy="correct the storageUri",
        ) from None
    return checked_key(uri, key)


def checked_key(uri: str, key: str) -> str:
    """Return *key* if a folder can hold what is below it.

    Raises:
        UnsafePath: It has an empty part, ``.``, ``..`` or a control character.

    """
    if key and ({"", ".", ".."} & set(key.split("/")) or _CONTROL.search(key)):
        raise UnsafePath(
            f"{shown_uri(uri)}: {key[:_SHOWN]!r} has an empty part, '.', '..' or a "
            "control character",
            remedy="give the objects a plain name",
        )
    return key


def is_on(values: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return the switch *name* of *values*, as KServe writes them: ``1``, ``true``."""
    text = values.get(name, "").strip().lower()
    if not text:
        return default
    return text not in {"0", "false", "no", "off"}
