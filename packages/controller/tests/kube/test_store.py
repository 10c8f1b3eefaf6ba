from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.kube.store import Change, Store

if TYPE_CHECKING:
    import pytest

Document = dict[str, Any]


def store(**options: Any) -> tuple[Store[Document], list[Change[Document]]]:
    made: Store[Document] = Store(**options)
    changes: list[Change[Document]] = []
    made.subscribe(changes.append)
    return made, changes


def test_listeners_hear_of_new_changed_and_deleted_objects() -> None:
    objects, changes = store()
    objects.put(("ns", "a"), {"n": 1}, initial=True)
    objects.put(("ns", "a"), {"n": 2})
    objects.remove(("ns", "a"))
    objects.remove(("ns", "a"))
    assert changes == [
        (("ns", "a"), None, {"n": 1}, True),
        (("ns", "a"), {"n": 1}, {"n": 2}, False),
        (("ns", "a"), {"n": 2}, None, False),
    ]
    assert len(objects) == 0


def test_an_equal_object_is_stored_and_not_told() -> None:
    objects, changes = store()
    first, second = {"n": 1}, {"n": 1}
    objects.put(("ns", "a"), first)
    objects.put(("ns", "a"), second)
    assert objects.get("ns", "a") is second
    assert len(changes) == 1


def test_what_counts_as_the_same_can_be_said() -> None:
    objects, changes = store(same=lambda a, b: a["n"] == b["n"])
    objects.put(("ns", "a"), {"n": 1, "version": "1"})
    objects.put(("ns", "a"), {"n": 1, "version": "2"})
    objects.put(("ns", "a"), {"n": 2, "version": "3"})
    assert [change.after for change in changes] == [
        {"n": 1, "version": "1"},
        {"n": 2, "version": "3"},
    ]


def test_an_index_follows_every_change() -> None:
    objects, _ = store(indexes={"owner": lambda each: each["owners"]})
    objects.put(("ns", "a"), {"owners": ["x", "y"]})
    objects.put(("ns", "b"), {"owners": ["x"]})
    assert objects.by_index("owner", "x") == [{"owners": ["x", "y"]}, {"owners": ["x"]}]
    objects.put(("ns", "a"), {"owners": ["y"]})
    assert objects.by_index("owner", "x") == [{"owners": ["x"]}]
    objects.remove(("ns", "b"))
    assert objects.by_index("owner", "x") == []
    assert objects.by_index("owner", "y") == [{"owners": ["y"]}]
    assert objects._indexed == {"owner": {"y": {("ns", "a"): None}}}


def test_keys_can_be_those_of_one_namespace() -> None:
    objects, _ = store()
    for key in (("one", "a"), ("two", "a"), ("one", "b")):
        objects.put(key, {})
    assert objects.keys("one") == [("one", "a"), ("one", "b")]
    assert len(objects.keys()) == 3


def test_a_failing_listener_does_not_keep_the_others_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    objects: Store[Document] = Store()
    heard = []

    def broken(_: Change[Document]) -> None:
        raise ValueError("a defect")

    objects.subscribe(broken)
    objects.subscribe(heard.append)
    objects.put(("ns", "a"), {})
    assert len(heard) == 1
    assert "ns/a" in caplog.text


def test_own_writes_are_reached_when_their_version_was_seen() -> None:
    objects, _ = store()
    assert not objects.reached("5")
    objects.progressed("7")
    assert objects.reached("7", "any")
    assert not objects.reached("8")
    by_namespace, _ = store()
    by_namespace.progressed("9", "one")
    assert by_namespace.reached("9", "one")
    assert not by_namespace.reached("9", "two")
