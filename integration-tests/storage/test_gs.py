"""An emulator of Google Cloud Storage answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from storage.asking import contents, listed, refused

from inferry.storage import NotFound, Unauthenticated
from inferry.testing import StorageTests
from inferry_storage.backends.gs import GsStorage

if TYPE_CHECKING:
    from storage.servers import Store

_FILE = "gcloud-application-credentials.json"


class TestFakeGcs(StorageTests):
    client = GsStorage

    @pytest.fixture
    def source(self, fake_gcs: Store) -> str:
        type(self).credentials = fake_gcs.values
        return f"gs://{fake_gcs.filled(self.tree, 'model/')}/model"


def test_one_object_a_folder_and_a_bucket(fake_gcs: Store) -> None:
    """Each is a model; markers of folders are no files."""
    tree = {"m/a.txt": b"alpha", "m/sub/": b"", "m/sub/b": b"beta", "m2/c": b"gamma"}
    bucket = fake_gcs.filled(tree)
    uri = f"gs://{bucket}"
    assert contents(GsStorage, f"{uri}/m/a.txt", fake_gcs.values) == {"a.txt": b"alpha"}
    assert contents(GsStorage, f"{uri}/m", fake_gcs.values) == {
        "a.txt": b"alpha",
        "sub/b": b"beta",
    }
    assert len(contents(GsStorage, uri, fake_gcs.values)) == 3


def test_a_missing_model_names_what_is_near(fake_gcs: Store) -> None:
    """A prefix of a name is no folder."""
    bucket = fake_gcs.filled({"mnist/a": b"a"})
    error = refused(GsStorage, f"gs://{bucket}/mnits", fake_gcs.values)
    assert isinstance(error, NotFound)
    assert "near it: 'mnist/'" in error.message


def test_a_generation_is_pinned(fake_gcs: Store) -> None:
    """``?generation=`` names one state of an object; another one is not there."""
    bucket = fake_gcs.filled({"m.bin": b"alpha"})
    uri = f"gs://{bucket}/m.bin?generation=1"
    assert isinstance(refused(GsStorage, uri, fake_gcs.values), NotFound)


def test_a_key_without_a_login_reads_the_emulator(fake_gcs: Store) -> None:
    """The JSON of a service account is taken as KServe's secret holds it."""
    bucket = fake_gcs.filled({"m/a": b"alpha"})
    key = {
        "type": "service_account",
        "client_email": "models@example.com",
        "private_key": "none",
        "private_key_id": "1",
        "disable_oauth": True,
    }
    values = {"STORAGE_EMULATOR_HOST": fake_gcs.url, _FILE: json.dumps(key)}
    found = contents(GsStorage, f"gs://{bucket}/m", values)
    assert found == {"a": b"alpha"}


@pytest.mark.parametrize(
    "key",
    [
        "not JSON",
        '{"type": "service_account", "client_email": "a", "private_key": "PRIVATE"}',
        '{"type": "external_account", "audience": "AUDIENCE"}',
    ],
)
def test_a_broken_key_is_told_without_it(fake_gcs: Store, key: str) -> None:
    """What is wrong is said, not what the key holds."""
    values = {"STORAGE_EMULATOR_HOST": fake_gcs.url, _FILE: key}
    error = refused(GsStorage, "gs://some-bucket/m", values)
    assert isinstance(error, Unauthenticated)


def test_the_state_of_a_folder_has_one_name(fake_gcs: Store) -> None:
    """The id of a snapshot changes with any file."""
    bucket = fake_gcs.filled({"m/a": b"a"})
    uri = f"gs://{bucket}/m"
    first = listed(GsStorage, uri, fake_gcs.values)
    fake_gcs.put(bucket, "m/a", b"b")
    assert first.id != listed(GsStorage, uri, fake_gcs.values).id
