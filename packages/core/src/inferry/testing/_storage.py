"""Tier 1 for storage backends: an immutable snapshot, and bytes that are its bytes."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from inferry.errors import StorageError
from inferry.plugins import ImportRef
from inferry.storage import AccessDenied, Source, Storage
from inferry.testing._storage_client import TREE, read_all, run_bounded
from inferry.testing._storage_places import PlaceTests
from inferry.testing._storage_reading import ReadingTests

if TYPE_CHECKING:
    from inferry.storage import Snapshot

__all__ = ["TREE", "StorageTests"]
_DIGEST = re.compile(r"[a-z0-9-]+:[0-9a-f]+")


class StorageTests(ReadingTests, PlaceTests):
    """Checks the client of a storage backend against a place that you fill.

    Set ``client`` to the factory or to the `ImportRef` of the descriptor, and define
    the fixture ``source(tmp_path) -> str``: store `TREE` without using the backend
    itself and return its URI. The factory gets ``settings`` and ``credentials``.

    More is tested with more: the fixture ``put`` (a function that stores any tree under
    a name and returns its URI), the fixture ``cut`` (a URI whose bodies end too early)
    and ``wrong_credentials``.
    """

    def test_is_a_storage(self) -> None:
        """The factory gives an object with resolve, read and close.

        On failure: compare its methods with ``inferry.storage.Storage``.
        """
        client = self.new_client()
        try:
            assert isinstance(client, Storage)
        finally:
            run_bounded(client.close())

    def test_can_be_named_to_another_process(self) -> None:
        """The reference of the descriptor survives a pickle and imports the client.

        On failure: point ``client`` at a name at the top of a module.
        """
        client = type(self).client
        if not isinstance(client, ImportRef):
            pytest.skip("client is no ImportRef")
        assert pickle.loads(pickle.dumps(client)) == client  # noqa: S301 - our own

    def test_closes_twice(self, source: str) -> None:
        """A client can be closed again, also one that was never used.

        On failure: forget the connection when it is given back.
        """

        async def close() -> None:
            unused = self.new_client()
            await unused.close()
            await unused.close()
            used = self.new_client()
            await used.resolve(Source(uri=source))
            await used.close()
            await used.close()

        run_bounded(close())

    def test_finds_every_file(self, source: str) -> None:
        """The snapshot lists the whole tree, sizes included where they are known.

        On failure: list recursively, with ``/`` between the parts and no folders.
        """
        snapshot = self.snapshot_of(source)
        assert sorted(self.tree) == sorted(entry.path for entry in snapshot.entries)
        for entry in snapshot.entries:
            assert entry.size in {None, len(self.tree[entry.path])}, entry.path

    def test_digests_can_be_read(self, source: str) -> None:
        """A digest is ``algorithm:hex``, and a snapshot has an id.

        On failure: write base64 of the store as hexadecimal digits.
        """
        snapshot = self.snapshot_of(source)
        assert snapshot.id
        for entry in snapshot.entries:
            assert entry.digest is None or _DIGEST.fullmatch(entry.digest), entry

    def test_names_stay_inside(self, source: str) -> None:
        """No entry has an absolute name or one with ``..``.

        On failure: make the paths relative to the URI that was asked for.
        """
        for entry in self.snapshot_of(source).entries:
            path = PurePosixPath(entry.path)
            assert not path.is_absolute(), entry.path
            assert ".." not in path.parts, entry.path

    def test_resolves_twice_to_the_same(self, source: str) -> None:
        """What did not change keeps the id of its snapshot.

        On failure: make the id from digests or ETags, not from the time.
        """
        assert self.snapshot_of(source).id == self.snapshot_of(source).id

    def test_says_what_is_missing(self, missing: str) -> None:
        """A URI that holds nothing raises `StorageError`, not an empty snapshot.

        On failure: turn the store's "not found" into `StorageError` with a remedy.
        """
        with pytest.raises(StorageError) as caught:
            run_bounded(self.resolve(missing))
        assert caught.value.message

    def test_errors_say_what_to_do(self, missing: str) -> None:
        """An error has a status reason and a remedy.

        On failure: raise the types of `inferry.storage` with ``remedy=``.
        """
        with pytest.raises(StorageError) as caught:
            run_bounded(self.resolve(missing))
        assert caught.value.reason
        assert caught.value.remedy

    def test_refuses_wrong_credentials(self, source: str) -> None:
        """Wrong credentials are an error: nobody is asked without any instead.

        On failure: raise `Unauthenticated`, and never fall back to anonymous.
        """
        if self.wrong_credentials is None:
            pytest.skip("this test is given no wrong credentials")
        with pytest.raises(AccessDenied):
            run_bounded(self.resolve(source, self.wrong_credentials))

    def test_errors_hold_no_secret(self, missing: str) -> None:
        """No credential, and no setting that looks like a secret, is in an error.

        On failure: leave credentials out of messages; name the setting instead.
        """
        secrets = [
            value
            for key, value in self.settings.items()
            if any(word in key for word in ("secret", "token", "password", "key"))
            and isinstance(value, str)
            and value
        ] + [value for value in self.credentials.values() if value]
        if not secrets:
            pytest.skip("this test is given no secret")
        with pytest.raises(StorageError) as caught:
            run_bounded(self.resolve(missing))
        client = self.new_client()
        said = json.dumps([str(caught.value), repr(caught.value), repr(client)])
        run_bounded(client.close())
        assert not [secret for secret in secrets if secret in said]

    def test_leaves_this_machine_as_it_is(
        self, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No file is written and the environment stays: files are the engine's.

        On failure: keep what is downloaded in memory and credentials in the client.
        """
        for name in ("home", "here"):
            (tmp_path / f"kit-{name}").mkdir()
        monkeypatch.setenv("HOME", str(tmp_path / "kit-home"))
        monkeypatch.chdir(tmp_path / "kit-here")
        environment = dict(os.environ)

        async def read(client: Storage, snapshot: Snapshot) -> None:
            for entry in snapshot.entries:
                await read_all(client, entry)

        self.with_snapshot(source, read)
        assert dict(os.environ) == environment
        assert list(Path.cwd().iterdir()) == []
        assert list((tmp_path / "kit-home").iterdir()) == []
