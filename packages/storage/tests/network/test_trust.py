"""Whose certificates are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inferry.storage import NotAllowed
from inferry_storage.network.trust import authorities, tls_context

if TYPE_CHECKING:
    import trustme


def test_openssl_comes_before_requests_and_kserve(tmp_path: Path) -> None:
    (tmp_path / "cabundle.crt").touch()
    mounted = {"CA_BUNDLE_VOLUME_MOUNT_POINT": str(tmp_path)}
    requests = {"REQUESTS_CA_BUNDLE": "/r.pem", **mounted}

    assert authorities({"SSL_CERT_FILE": "/s.pem", **requests})[1] == Path("/s.pem")
    assert authorities(requests)[1] == Path("/r.pem")
    assert authorities(mounted)[1] == tmp_path / "cabundle.crt"
    assert authorities({})[1] is None


def test_a_bundle_is_all_that_is_trusted(tmp_path: Path, authority: trustme.CA) -> None:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)

    context = tls_context(str(path), {})

    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert tls_context("", {}).get_ca_certs()


def test_a_bundle_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")

    with pytest.raises(NotAllowed, match=r"SSL_CERT_FILE: .*ca\.pem holds no"):
        tls_context("", {"SSL_CERT_FILE": str(path)})
    with pytest.raises(NotAllowed):
        tls_context("", {"SSL_CERT_FILE": str(tmp_path / "missing")})
