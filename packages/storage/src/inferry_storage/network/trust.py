"""Which authorities may sign the certificates of stores."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOUNTED = "CA_BUNDLE_VOLUME_MOUNT_POINT"


def tls_context(
    bundle: str = "", environ: Mapping[str, str] | None = None
) -> ssl.SSLContext:
    """Return a context that trusts *bundle*, or the authorities of the environment.

    Raises:
        NotAllowed: What is named cannot be read.

    """
    given = os.environ if environ is None else environ
    name, path = ("CA bundle", Path(bundle)) if bundle else authorities(given)
    try:
        changed = 0.0 if path is None else path.stat().st_mtime
        return _context(path, changed)
    except (OSError, ssl.SSLError):
        raise NotAllowed(
            f"{name}: {path} holds no certificates that can be read",
            remedy="name a PEM file with the certificates of your authorities",
        ) from None


@functools.lru_cache(maxsize=8)
def _context(path: Path | None, _changed: float) -> ssl.SSLContext:
    """Read the authorities once: it takes 20 ms, and every client needs them."""
    import httpx

    if path is None:
        return httpx.create_ssl_context(trust_env=False)
    if path.is_dir():
        return ssl.create_default_context(capath=str(path))
    return ssl.create_default_context(cafile=str(path))


def authorities(environ: Mapping[str, str]) -> tuple[str, Path | None]:
    """Return the variable that names the authorities and what it names.

    It is OpenSSL's, that of requests, or KServe's bundle where it is mounted; without
    any of them the authorities are those that browsers trust.
    """
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        if path := environ.get(name):
            return name, Path(path)
    if folder := environ.get(_MOUNTED):
        bundle = Path(folder) / "cabundle.crt"
        if bundle.is_file():
            return _MOUNTED, bundle
    return "", None
