"""A store behind a private certificate authority: refused, until it is named."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from storage.blobs import Blob, differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from storage.conftest import Pod
    from storage.faults import FaultProxy
    from storage.origin import Origin

ONE = {"one.bin": Blob(3 * 2**20, seed=1)}
URI = "models/one"
UNREACHABLE = 7


@pytest.fixture(autouse=True)
def filled(origin: Origin) -> None:
    origin.blobs["models/one/one.bin"] = ONE["one.bin"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return the certificate of the authority, where KServe mounts it."""
    path = tmp_path / "ca" / "cabundle.crt"
    path.parent.mkdir()
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def secure(authority: trustme.CA, before: Callable[..., FaultProxy]) -> FaultProxy:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return before(tls=context)


def test_an_unknown_authority_is_refused_with_what_to_set(
    secure: FaultProxy, pod: Pod
) -> None:
    done = pod.pull(secure, URI)
    assert done.returncode == UNREACHABLE, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "certificate" in last
    assert "Traceback" not in done.stderr
    assert secure.seen == []
    assert not pod.model.exists()


@pytest.mark.parametrize(
    "variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "CA_BUNDLE_VOLUME_MOUNT_POINT"]
)
def test_an_authority_that_is_named_is_trusted(
    secure: FaultProxy, pod: Pod, bundle: Path, variable: str
) -> None:
    named = bundle.parent if variable.endswith("POINT") else bundle
    more = {variable: str(named)}
    if variable.endswith("POINT"):
        more["CA_BUNDLE_CONFIGMAP_NAME"] = "global-ca"
    done = pod.pull(secure, URI, **more)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []


def test_another_authority_than_the_stores_is_refused(
    secure: FaultProxy, pod: Pod, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    done = pod.pull(secure, URI, AWS_CA_BUNDLE=str(other))
    assert done.returncode == UNREACHABLE, done.stderr
    assert secure.seen == []
