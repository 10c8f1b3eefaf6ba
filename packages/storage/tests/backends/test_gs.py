from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.storage import Access, Credentials, InvalidUri, Source
from inferry_storage.backends.gs import Gs

if TYPE_CHECKING:
    from inferry_storage.backends.objects.storage import Opened

_FILE = "gcloud-application-credentials.json"


def _opened(rung: str = "anonymous", **values: str) -> Opened:
    access = Access(credentials=Credentials(rung=rung, values=values))
    uri = "gs://models/m"
    return Gs().open(Gs().address(uri), access, Source(uri=uri))


def test_a_uri_names_a_bucket_a_key_and_a_generation() -> None:
    address = Gs().address("gs://my.models/a/b%20c?generation=17")
    assert address.bucket == "my.models"
    assert address.keys == ("a/b%20c", "a/b c")
    assert address.version == "17"
    assert Gs().address("gs://models").folder


@pytest.mark.parametrize(
    "uri", ["gs://", "gs:///m", "gs://Models/m", "gs://a:b@models/m", "gs://m/x"]
)
def test_what_is_no_bucket_is_refused(uri: str) -> None:
    with pytest.raises(InvalidUri, match="names no bucket"):
        Gs().address(uri)


@pytest.mark.parametrize(
    ("values", "endpoint"),
    [
        ({}, "https://storage.googleapis.com"),
        ({"STORAGE_EMULATOR_HOST": "http://fake:4443/"}, "http://fake:4443"),
        ({"STORAGE_EMULATOR_HOST": "fake:4443"}, "http://fake:4443"),
    ],
)
def test_the_endpoint_is_google_or_the_emulator(
    values: dict[str, str], endpoint: str
) -> None:
    opened = _opened(**values)
    assert opened.endpoint == endpoint
    assert opened.anonymous


def test_a_key_does_not_lead_elsewhere() -> None:
    """``gcs_base_url`` of a key would be where obstore asks."""
    key = (
        '{"type": "service_account", "client_email": "a", "private_key": "b", '
        '"private_key_id": "c", "disable_oauth": true, '
        '"gcs_base_url": "http://127.0.0.1:1"}'
    )
    opened = _opened("secret", **{_FILE: key})
    config: Any = opened.store.config  # type: ignore[union-attr]
    assert config["base_url"] == "https://storage.googleapis.com"
    assert not opened.anonymous
    assert not hasattr(opened.store, "skip_signature")


def test_a_bucket_is_nowhere_else() -> None:
    address = Gs().address("gs://models/m")
    assert Gs().elsewhere(address, Access(), "eu-west-1") is None
