from __future__ import annotations

import obstore
import pytest
from obstore.store import MemoryStore

from inferry.storage import Entry, TooLarge
from inferry_storage.backends.objects.listing import Listing, near, without_markers
from inferry_storage.backends.objects.refusals import Asked

_ASKED = Asked(
    cloud="S3", shown="s3://b/m", where="http://h", rung="secret", who="step 'secret'"
)


def _store(*names: str) -> MemoryStore:
    store = MemoryStore()
    for name in names:
        obstore.put(store, name, name.encode())
    return store


def test_entries_are_named_from_the_folder_on() -> None:
    listing = Listing(_store("m/a", "m/b/c", "m2/d"), "m", _ASKED)
    assert listing.begins()
    entries = listing.entries(10)
    assert [(each.path, each.size, each.location) for each in entries] == [
        ("a", 3, "m/a"),
        ("b/c", 5, "m/b/c"),
    ]


def test_a_folder_with_too_many_is_not_listed_to_its_end() -> None:
    names = [f"m/{number:05}" for number in range(2_500)]
    listing = Listing(_store(*names), "m", _ASKED)
    assert listing.begins()
    with pytest.raises(TooLarge, match="more than 1200 files"):
        listing.entries(1_200)


def test_nothing_begins_where_nothing_is() -> None:
    assert not Listing(_store("m2/a"), "m", _ASKED).begins()


def test_zero_bytes_are_a_file_where_no_folder_stands_for_them() -> None:
    entries = [
        Entry(path="parent", size=0, location="m/parent"),
        Entry(path="parent/a", size=1, location="m/parent/a"),
        Entry(path="marker", size=0, location="m/marker"),
        Entry(path="empty", size=0, location="m/empty"),
    ]
    asked = []

    def exists(key: str) -> bool:
        asked.append(key)
        return key == "m/empty"

    kept = without_markers(entries, exists)
    assert [each.path for each in kept] == ["parent/a", "empty"]
    assert sorted(asked) == ["m/empty", "m/marker"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("model", ["model-v2/", "model.bin"]),
        ("MODEL-V2", ["model-v2/"]),
        ("deep/mnits", ["deep/mnist"]),
        ("nothing-like-it", []),
        ("gone/model", []),
    ],
)
def test_names_nearby_are_found(key: str, expected: list[str]) -> None:
    store = _store("model-v2/a", "model.bin", "deep/mnist", "other/x")
    assert sorted(near(store, key)) == expected


def test_a_store_that_does_not_list_has_no_names_nearby() -> None:
    assert near(None, "model") == []  # type: ignore[arg-type]
