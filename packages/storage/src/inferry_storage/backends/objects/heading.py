"""What an object store says of an object that obstore keeps to itself: its headers.

Only where a checksum is in doubt, so it is one request, over a connection of its own.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inferry_storage.backends.objects.connection import authorities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.storage import Access
    from inferry_storage.backends.objects.storage import Opened
    from inferry_storage.policy import Policy

_SIGNED_FOR = timedelta(minutes=5)
_GONE = frozenset({404, 410, 412})


def headers_of(
    opened: Opened, key: str, shown: str, access: Access, policy: Policy
) -> Mapping[str, str] | None:
    """Return the headers of the object *key*, None where it is gone; a thread waits.

    Raises:
        StorageError: The store does not say.

    """
    import httpx

    from inferry_storage.network.client import open_blocking_client
    from inferry_storage.network.endpoints import Endpoints
    from inferry_storage.network.faults import failed, refused
    from inferry_storage.network.guard import Guard

    # The store has been let through, and by a private link it has a private address.
    named = (*policy.endpoints, opened.base)
    guard = Guard(policy, Endpoints.of(named, access.credentials.values))
    with open_blocking_client(guard, _context(opened, access)) as client:
        try:
            answer = client.head(_url(opened, key))
        except httpx.HTTPError as error:
            raise failed(shown, error) from None
    if answer.status_code in _GONE:
        return None
    if not answer.is_success:
        rung = access.credentials.rung
        raise refused(shown, answer.status_code, answer.headers, rung=rung)
    return answer.headers


def _url(opened: Opened, key: str) -> str:
    import obstore

    if opened.anonymous:
        return f"{opened.base}/{quote(key)}"
    store: Any = opened.store
    return obstore.sign(store, "HEAD", key, _SIGNED_FOR)


def _context(opened: Opened, access: Access) -> ssl.SSLContext | None:
    """Return whom the store itself trusts, None for what everything else does."""
    if opened.insecure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if bundle := authorities(access.credentials.values):
        return ssl.create_default_context(cadata=bundle.decode())
    return None
