"""What opens a store: one ladder, the same on a laptop and in a pod.

`resolve` asks, for one source: the entry that ``storage.key`` names, the secrets that
the service or its service account names, the environment, mounted secrets, the identity
of the pod, what a developer has logged in with. It never asks without credentials
unless a setting or a secret says so, and it never writes anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import PluginError, StorageError
from inferry.plugins import resolve as imported
from inferry.storage import Credentials, Lookup, NoBackend, shown_uri
from inferry.storage._secrets import POD_SECRETS
from inferry_storage.credentials import named, storage_config
from inferry_storage.credentials.chosen import chosen, overlooked
from inferry_storage.credentials.places import STEPS, UNASKED, Step, is_true

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.config import Settings
    from inferry.plugins import Provided, StorageBackend
    from inferry.storage import Secret, Source

__all__ = ["STEPS", "Step", "located", "resolve"]

_POD_FOLDER = Path(POD_SECRETS)


def resolve(
    source: Source,
    backend: Provided[StorageBackend],
    *,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    home: Path | None = None,
    secrets: Sequence[Secret] = (),
) -> Credentials:
    """Return what opens the store of *source*, and which step of the ladder had it.

    *secrets* are the Secrets and ServiceAccounts at hand: those are used that the
    source names. *environ* and *home* are the process's own where they are not given.

    Raises:
        StorageError: What was found is broken; the message names it, and no value.

    """
    descriptor = backend.descriptor
    if descriptor.credentials is None and not descriptor.secret_keys:
        return Credentials(rung="none", detail="it needs none")
    section = settings.section("storage")
    lookup = _lookup(section, environ, home, secrets)
    entry = storage_config.secret(source, lookup)
    usable = chosen(source, secrets, section)
    asked = is_true(str(source.parameters.get("anonymous", "")))
    lookup = msgspec.structs.replace(
        lookup,
        secrets=(*([entry] if entry else []), *usable),
        anonymous=asked or bool(section.get("anonymous")),
    )
    if descriptor.credentials is None:
        return named.find(source, lookup, descriptor.secret_keys)
    try:
        ladder: Any = imported(
            descriptor.credentials,
            plugin=backend.plugin,
            distribution=backend.distribution,
        )
    except PluginError as error:
        raise NoBackend(error.message, remedy=error.remedy) from error
    found = _asked(ladder, source, lookup, backend)
    if found.rung != "none" and found.detail != UNASKED:
        return found
    # Nothing was found: say what was meant to be.
    detail = "; ".join(filter(None, (found.detail, overlooked(source, secrets))))
    return msgspec.structs.replace(found, detail=detail)


def located(
    source: Source,
    *,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    home: Path | None = None,
    secrets: Sequence[Secret] = (),
) -> Source:
    """Return *source* with the URI that its ``storage.key`` stands for.

    Any other source keeps its URI; parameters of ``STORAGE_OVERRIDE_CONFIG`` are added.

    Raises:
        StorageError: The key is not there, or does not say where the model is.

    """
    lookup = _lookup(settings.section("storage"), environ, home, secrets)
    if source.parameters or lookup.environ.get("STORAGE_OVERRIDE_CONFIG"):
        source = storage_config.with_parameters(source, lookup)
    return storage_config.located(source, lookup)


def _lookup(
    section: Mapping[str, Any],
    environ: Mapping[str, str] | None,
    home: Path | None,
    secrets: Sequence[Secret],
) -> Lookup:
    folder = section.get("secrets_dir")
    return Lookup(
        environ=dict(os.environ) if environ is None else environ,
        home=_home() if home is None else home,
        secrets=secrets,
        secret_folder=Path(folder).expanduser() if folder else None,
        pod_folder=_POD_FOLDER,
    )


def _home() -> Path | None:
    """Return the home folder; a container's user may have none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def _asked(
    ladder: Any,  # noqa: ANN401 - a plugin's callable
    source: Source,
    lookup: Lookup,
    backend: Provided[StorageBackend],
) -> Credentials:
    """Ask the ladder; another's error may hold a secret, so only its type is told."""
    try:
        found: Credentials = ladder(source, lookup)
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        raise StorageError(
            f"{shown_uri(source.uri)}: the credentials of {backend.descriptor.name!r} "
            f"({backend.distribution}) failed with {type(error).__name__}",
            remedy=f"upgrade {backend.distribution}",
        ) from None
    return found
