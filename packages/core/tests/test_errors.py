"""Errors say what, which and what to do, and survive the way between processes."""

from __future__ import annotations

import inspect
import pickle

import pytest

from inferry import errors
from inferry.errors import (
    ImplementationMissing,
    InferryError,
    Overloaded,
    StorageError,
    one_line,
    printable,
)

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, InferryError)
]
#: What some of them need beside the message.
FIELDS = {"plugin": "onnx", "reason": "ModelLoadFailed"}


def make(kind: type[InferryError]) -> InferryError:
    """Return an error with every keyword that its class requires."""
    parameters = inspect.signature(kind.__init__).parameters.values()
    needed = {p.name for p in parameters if p.default is p.empty}
    given = {name: value for name, value in FIELDS.items() if name in needed}
    return kind("it failed", **given)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_pickle(kind: type[InferryError]) -> None:
    error = make(kind)
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert copied.__dict__ == error.__dict__
    assert str(copied) == str(error) == "it failed"


def test_the_remedy_follows_the_message() -> None:
    error = ImplementationMissing("no torch.", plugin="x", remedy="pip install it")
    assert str(error) == "no torch; pip install it"
    assert isinstance(error, ImportError)


def test_fields_travel_too() -> None:
    copied = pickle.loads(pickle.dumps(Overloaded("full", retry_after=7)))
    assert copied.retry_after == 7


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("two\n  lines\tand more"), "OSError: two lines and more"),
        (KeyError("a"), "KeyError: 'a'"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 99), f"ValueError: {'x' * 18}"),
    ],
)
def test_a_foreign_error_is_one_short_line(error: Exception, said: str) -> None:
    assert one_line(error, longest=18) == said


def test_printable_text_is_one_line_that_a_terminal_does_not_obey() -> None:
    assert printable("ü 木 a\nb\x1b[0m\u202e\ud800") == r"ü 木 a\nb\x1b[0m\u202e\ud800"


def test_a_storage_error_is_one_line_whatever_it_names() -> None:
    error = StorageError("s3://b/a\r\nerror: b", remedy="do\x07 this\nor this")
    assert error.message == r"s3://b/a\r\nerror: b"
    assert error.remedy == "do\\x07 this\nor this"


def test_a_storage_error_keeps_both_ends_of_a_long_name() -> None:
    error = StorageError(f"s3://b/{'a' * 9000} does not exist")
    assert error.message.startswith("s3://b/aaa")
    assert error.message.endswith("aaa does not exist")
    assert len(error.message) < 1100
