"""Clients of object stores, made the way the engine makes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import StorageError
from inferry.storage import Access, Credentials, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry.storage import Snapshot
    from inferry_storage.backends.objects.storage import ObjectStorage

    Client = Callable[[Access], ObjectStorage]

# A switch such as "true" is no secret.
_SHORT = 5
_SHOWN = ("URL", "NAME", "HOST", "BUNDLE")


def listed(
    client: Client, uri: str, values: Mapping[str, str], **more: Any
) -> Snapshot:
    """Return the snapshot of *uri*."""

    async def resolve() -> Snapshot:
        storage = client(access(values, **more))
        try:
            return await storage.resolve(Source(uri=uri))
        finally:
            await storage.close()

    return asyncio.run(resolve())


def contents(
    client: Client, uri: str, values: Mapping[str, str], **more: Any
) -> dict[str, bytes]:
    """Return every file of *uri*, read in a thread and on the event loop alike."""

    async def read() -> dict[str, bytes]:
        storage = client(access(values, **more))
        try:
            snapshot = await storage.resolve(Source(uri=uri))
            found = {}
            for entry in snapshot.entries:
                blocking = b"".join(storage.read_blocking(entry, 0, None))
                waiting = b"".join(
                    [each async for each in storage.read(entry, 0, None)]
                )
                assert blocking == waiting, entry.path
                found[entry.path] = blocking
            return found
        finally:
            await storage.close()

    return asyncio.run(read())


def refused(
    client: Client, uri: str, values: Mapping[str, str], **more: Any
) -> StorageError:
    """Return what *uri* is refused with; it shows no value of the credentials."""
    with pytest.raises(StorageError) as caught:
        listed(client, uri, values, **more)
    error = caught.value
    said = f"{error} {error!r}"
    secrets = [each for key, each in values.items() if not key.endswith(_SHOWN)]
    assert not [each for each in secrets if len(each) > _SHORT and each in said]
    assert error.__cause__ is None
    assert "\n" not in str(error)
    return error


def access(
    values: Mapping[str, str], *, rung: str = "secret", **settings: Any
) -> Access:
    """Return the access of credentials with *values*."""
    credentials = Credentials(rung=rung, detail="secret 'models'", values=values)
    return Access(settings=settings, credentials=credentials)
