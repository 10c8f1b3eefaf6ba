"""API keys: a line of a file for each, compared without telling how much fits.

A line is ``KEY`` or ``name:KEY``; for the key may stand ``sha256:`` and its hash
in hexadecimal. Empty lines and those that begin with ``#`` count for nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from inferry.errors import SettingsError
from inferry_server.auth.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: The hash of each key, and its name.
    Known = Mapping[bytes, str]

_ENVIRONMENT = "env:"
_HASHED = re.compile(r"sha256:(?P<hash>[0-9A-Fa-f]{64})\Z")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_.-]{1,64}):(?P<key>.+)\Z")
#: What fits into a header.
_KEY = re.compile(r"[!-~]{1,4096}\Z")


class ApiKeys:
    """The keys of *source*: a file, which may change, or ``env:VARIABLE``.

    Raises:
        SettingsError: There is no such file or variable, or no key in it.

    """

    def __init__(self, source: str) -> None:
        self._known = _known(source)

    def name_of(self, key: str) -> str | None:
        """Return the name of *key*, None if it is none of ours."""
        digest = hashlib.sha256(key.encode(errors="surrogateescape")).digest()
        name = None
        # All are compared, so that the time says nothing about which one was near.
        for known, its_name in self._known().items():
            if hmac.compare_digest(known, digest):
                name = its_name
        return name


def _known(source: str) -> Callable[[], Known]:
    if not source.startswith(_ENVIRONMENT):
        if not Path(source).exists():
            # Not repeated: it may be a key that somebody took for a value.
            raise SettingsError(
                "there is no such file of API keys; --api_keys takes the path of one, "
                "or env:VARIABLE, and never a key itself"
            )
        watched = Watched(source, read_keys, "the file of API keys")
        watched.warn_if_open()
        return lambda: watched.value
    variable = source.removeprefix(_ENVIRONMENT)
    text = os.environ.get(variable)
    if text is None:
        raise SettingsError(f"the variable {variable!r} of API keys is not set")
    try:
        known = read_keys(text)
    except SettingsError as error:
        raise SettingsError(f"the variable {variable!r} of API keys: {error}") from None
    return lambda: known


def read_keys(text: str) -> Known:
    """Return what *text* holds, hashed.

    Raises:
        SettingsError: There is no key, or a line is none; it is named by its number.

    """
    known: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            digest, name = _entry(entry, number)
            known[digest] = name
    if not known:
        raise SettingsError("there is no key in it")
    return known


def _entry(entry: str, number: int) -> tuple[bytes, str]:
    name = f"line {number}"
    named = None if _HASHED.match(entry) else _NAMED.match(entry)
    if named:
        name, entry = named["name"], named["key"].strip()
    hashed = _HASHED.match(entry)
    if hashed:
        return bytes.fromhex(hashed["hash"]), name
    if not _KEY.match(entry):
        raise SettingsError(f"line {number} is no key: it has spaces or other letters")
    return hashlib.sha256(entry.encode()).digest(), name
