"""The certificates that KServe's secret of a Hadoop cluster may hold."""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from inferry.storage import NotAllowed
from inferry_storage.network.trust import authorities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def context_of(values: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return a context with TLS_CA, TLS_CERT and TLS_KEY, None if none is given.

    Each is a path, or the PEM text itself. TLS_SKIP_VERIFY, which the operator sets,
    trusts any certificate.

    Raises:
        NotAllowed: One of them cannot be used.

    """
    given = {
        name: values.get(f"TLS_{name}", "").strip() for name in ("CA", "CERT", "KEY")
    }
    skip = values.get("TLS_SKIP_VERIFY", "").strip().lower() == "true"
    if not skip and not any(given.values()):
        return None
    try:
        context = _trusting(given["CA"] or values.get("CA_BUNDLE", ""))
        if given["CERT"]:
            with (
                _file(given["CERT"]) as cert,
                _file(given["KEY"] or given["CERT"]) as key,
            ):
                context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError, ValueError):
        raise NotAllowed(
            "TLS_CA, TLS_CERT or TLS_KEY of the cluster's secret cannot be used",
            remedy="give PEM files; the key without a password",
        ) from None
    if skip:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(authority: str) -> ssl.SSLContext:
    """Return a context of its own: those of `network.trust` are shared."""
    if authority:
        with _file(authority) as path:
            return ssl.create_default_context(cafile=path)
    _, usual = authorities(os.environ)
    if usual is None:
        return httpx.create_ssl_context(trust_env=False)
    if usual.is_dir():
        return ssl.create_default_context(capath=usual)
    return ssl.create_default_context(cafile=usual)


@contextmanager
def _file(value: str) -> Iterator[str]:
    """Give *value* as a path; OpenSSL reads client certificates from files alone."""
    if not value.startswith("-----BEGIN"):
        yield str(Path(value))
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(value + "\n")
        file.flush()
        yield file.name
