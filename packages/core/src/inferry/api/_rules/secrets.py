"""What a Secret and a ServiceAccount must be; no finding shows a value."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from inferry.api._problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path
    from inferry.api._types import Secret, ServiceAccount

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_MOST_BYTES = 2**20


def secret(document: Secret) -> Iterator[Finding]:
    """Keys are file names, ``data`` is base64, and all of it is within 1 MiB."""
    for key in document.value_names():
        if not _KEY.fullmatch(key):
            field = "data" if key in document.data else "stringData"
            message = "is no key; use letters, digits, '-', '_' and '.'"
            yield Finding((field, key), message)
    for key, value in document.data.items():
        if not _is_base64(value):
            message = "is no base64; encode it, or write it as it is in stringData"
            yield Finding(("data", key), message)
    texts = (*document.data.values(), *document.string_data.values())
    if sum(len(each) for each in texts) > 2 * _MOST_BYTES:
        yield Finding((), "holds more than 1 MiB, the most that a Secret may have")


def service_account(document: ServiceAccount) -> Iterator[Finding]:
    """Every entry of its lists names a secret."""
    for field, entries in (
        ("secrets", document.secrets),
        ("imagePullSecrets", document.image_pull_secrets),
    ):
        for index, entry in enumerate(entries):
            path: Path = (field, index)
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                yield Finding(path, "must be a mapping: name: <the secret's name>")


def _is_base64(value: str) -> bool:
    try:
        # YAML folds long values over lines, which kubectl takes, too.
        base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
