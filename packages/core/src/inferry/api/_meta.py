"""What every kind shares: how a type is spelt, and Kubernetes' metadata."""

from __future__ import annotations

from typing import Any

import msgspec


class Api(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What every type of the API shares: frozen, camelCase, defaults left out."""


class ObjectMeta(Api, frozen=True):
    """The part of Kubernetes' metadata that means something here."""

    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generation: int = 0
    resource_version: str = ""
    uid: str = ""
    creation_timestamp: str | None = None
    generate_name: str = ""
    deletion_timestamp: str | None = None
    finalizers: list[str] = []
    owner_references: list[dict[str, Any]] = []
    managed_fields: list[dict[str, Any]] = []
