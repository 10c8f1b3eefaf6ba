"""Secret and ServiceAccount documents as a fetch reads them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from inferry.api import _types
from inferry.storage import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.api._types import Document


def secrets_of(
    documents: Iterable[Document], namespace: str | None = None
) -> tuple[Secret, ...]:
    """Return the Secrets and ServiceAccounts among *documents*, decoded.

    With *namespace* only those of it: a service reads no other's secrets.
    """
    return tuple(
        _secret(each) if isinstance(each, _types.Secret) else _account(each)
        for each in documents
        if isinstance(each, _types.Secret | _types.ServiceAccount)
        and namespace in {None, each.metadata.namespace}
    )


def _secret(document: _types.Secret) -> Secret:
    data = {key: _decoded(value) for key, value in document.data.items()}
    return Secret(
        name=document.metadata.name,
        namespace=document.metadata.namespace,
        data={**data, **document.string_data},
        annotations=document.metadata.annotations,
    )


def _account(document: _types.ServiceAccount) -> Secret:
    return Secret(
        name=document.metadata.name,
        namespace=document.metadata.namespace,
        kind="ServiceAccount",
        annotations=document.metadata.annotations,
        lists=_names(document.secrets),
        pulls=_names(document.image_pull_secrets),
    )


def _names(entries: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(str(each["name"]) for each in entries)


def _decoded(value: str) -> str:
    # Validation has seen that it is base64.
    return base64.b64decode("".join(value.split())).decode("utf-8", "surrogateescape")
