"""Tier 1 for storage backends: which files a URI names."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from inferry.errors import StorageError
from inferry.storage import Changed
from inferry.testing._storage_client import (
    StorageKit,
    check_bytes,
    read_all,
    run_bounded,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.storage import Snapshot, Storage
    from inferry.testing._storage_client import Put

#: Names that are fine, and that a URL, a shell or a query would change.
_ODD_NAMES = ("a b.bin", "größe.txt", "100%25.bin", "a+b", "in/模型.bin", "x=1&y", "~a")
#: Names that must reach the engine as they are: it refuses them by name.
_BAD_NAMES = ("../evil", "a/../../evil", "a\\b", "line\nfeed", "x" * 300)


class PlaceTests(StorageKit):
    """Checks places that the fixture ``put`` fills; skipped without it."""

    #: More files than a page of the store's listing has.
    many: ClassVar[int] = 1_100

    def test_a_sibling_is_another_model(self, put: Put | None) -> None:
        """The URI of ``model`` names nothing of ``model-v2`` beside it.

        On failure: a URI names a folder, not the beginning of names; end it with "/".
        """
        store = _given(put)
        store("sib-v2", {"theirs.bin": b"2"})
        uri = store("sib", {"ours.bin": b"1"})
        assert [each.path for each in self.snapshot_of(uri).entries] == ["ours.bin"]

    def test_an_empty_place_is_no_model(self, put: Put | None) -> None:
        """A place without a file raises `StorageError`, not an empty snapshot.

        On failure: raise `EmptyModel` where the listing is empty.
        """
        uri = _given(put)("nothing", {})
        with pytest.raises(StorageError):
            run_bounded(self.resolve(uri))

    def test_lists_more_than_a_page(self, put: Put | None) -> None:
        """Every file of a long listing is there, once.

        On failure: ask for the next page until there is none.
        """
        tree = {f"part-{n:05}.bin": b"%d" % n for n in range(self.many)}
        snapshot = self.snapshot_of(_given(put)("many", tree))
        assert sorted(each.path for each in snapshot.entries) == sorted(tree)

    def test_reads_odd_names(self, put: Put | None) -> None:
        """Spaces, letters of any script, "%", "+" and "&" are letters of a name.

        On failure: quote names in requests, and unquote them in answers, once each.
        """
        tree = {name: name.encode() for name in _ODD_NAMES}

        async def read(client: Storage, snapshot: Snapshot) -> dict[str, bytes]:
            return {e.path: await read_all(client, e) for e in snapshot.entries}

        assert self.with_snapshot(_given(put)("odd", tree), read) == tree

    @pytest.mark.parametrize("name", _BAD_NAMES)
    def test_hides_no_bad_name(self, name: str, put: Put | None) -> None:
        """A name that no model may have is given as it is, or refused: never changed.

        On failure: do not drop, normalise or rename; the engine refuses the model.
        """
        store = _given(put)
        try:
            uri = store("bad", {"good.bin": b"good", name: b"bad"})
        except (OSError, ValueError):
            pytest.skip("the store does not take such a name")
        try:
            snapshot = self.snapshot_of(uri)
        except StorageError:
            return
        assert sorted(e.path for e in snapshot.entries) == sorted(("good.bin", name))

    def test_a_change_is_another_snapshot(self, put: Put | None) -> None:
        """New bytes under an old name, of the same length, give the snapshot a new id.

        On failure: make the id from digests, ETags or versions.
        """
        store = _given(put)
        before = self.snapshot_of(store("changes", {"a.bin": b"one"})).id
        assert self.snapshot_of(store("changes", {"a.bin": b"two"})).id != before

    def test_never_mixes_two_states(self, put: Put | None) -> None:
        """What is replaced after `resolve` is read as it was, or raises `Changed`.

        On failure: send the ETag or the version along with every read (If-Match).
        """
        store = _given(put)
        old, new = b"old" * 50_000, b"new" * 50_000
        uri = store("moves", {"a.bin": old})

        async def read(client: Storage, snapshot: Snapshot) -> None:
            store("moves", {"a.bin": new})
            try:
                given = await read_all(client, snapshot.entries[0], 0, len(old))
            except Changed:
                return
            check_bytes(old, given, "a.bin, which was replaced")

        self.with_snapshot(uri, read)


def _given(put: Put | None) -> Put:
    if put is None:
        pytest.skip("the test class does not define the fixture put")
    return _stored(put)


def _stored(put: Put) -> Put:
    """Return *put*, with names that no other test of the class uses."""

    def store(name: str, tree: Mapping[str, bytes]) -> str:
        return put(f"kit-{name}", tree)

    return store
