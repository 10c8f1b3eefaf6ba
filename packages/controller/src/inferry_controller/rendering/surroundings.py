"""What rendering must know of a cluster besides the plan: plain facts, no client."""

from __future__ import annotations

import msgspec


class SecretFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret as far as it is known: ``keys`` is None where it may not be read."""

    name: str
    keys: tuple[str, ...] | None = None
    annotations: dict[str, str] = {}


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A ServiceAccount: the Secrets it lists, and its annotations."""

    name: str
    secrets: tuple[str, ...] = ()
    annotations: dict[str, str] = {}


class StorageContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A ClusterStorageContainer: which container fetches which URIs."""

    name: str
    container: dict[str, object] = {}
    prefixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    many: bool = False
    disabled: bool = False


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one namespace; ``kinds`` are the optional kinds that it serves.

    ``kinds`` is None where nobody asked: then everything is taken to be there.
    """

    secrets: dict[str, SecretFacts] = {}
    accounts: dict[str, AccountFacts] = {}
    storage_containers: tuple[StorageContainer, ...] = ()
    kinds: frozenset[str] | None = None


NOTHING_KNOWN = Surroundings()
