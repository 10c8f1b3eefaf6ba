"""Sequences keep their own state, make room, and are refused when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import InvalidInput, Overloaded
from inferry_runtime_pytorch import _sequences
from inferry_runtime_pytorch._sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Callable


def counter() -> Callable[..., Any]:
    calls: list[int] = []

    def call() -> int:
        calls.append(1)
        return len(calls)

    return call


def ask(sequences: Sequences, **parameters: Any) -> int:
    with sequences.of(parameters) as call:
        found: int = call()
    return found


def test_each_sequence_counts_for_itself() -> None:
    sequences = Sequences(counter, 8)

    assert ask(sequences, sequence_id=1, sequence_start=True) == 1
    assert ask(sequences, sequence_id="b", sequence_start=True) == 1
    assert ask(sequences, sequence_id=1) == 2
    assert ask(sequences, sequence_id=1, sequence_start=True) == 1
    assert ask(sequences, sequence_id="b", sequence_end=True) == 2
    assert len(sequences) == 1


@pytest.mark.parametrize("nothing", [{}, {"sequence_id": 0}, {"sequence_id": ""}])
def test_without_an_id_nothing_is_kept(nothing: dict[str, Any]) -> None:
    sequences = Sequences(counter, 8)

    assert ask(sequences, **nothing) == ask(sequences, **nothing) == 1
    assert len(sequences) == 0


def test_what_was_not_started_is_refused() -> None:
    sequences = Sequences(counter, 8)

    with pytest.raises(InvalidInput, match="sequence 5 is not known: send 'sequ"):
        ask(sequences, sequence_id=5)
    with pytest.raises(InvalidInput, match="must be a number or a text"):
        ask(sequences, sequence_id=[1])


def test_only_idle_sequences_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = Sequences(counter, 1)
    ask(sequences, sequence_id=1, sequence_start=True)

    with pytest.raises(Overloaded, match="keeps 1 sequences"):
        ask(sequences, sequence_id=2, sequence_start=True)
    monkeypatch.setattr(_sequences, "IDLE", 0.0)
    assert ask(sequences, sequence_id=2, sequence_start=True) == 1
    with pytest.raises(InvalidInput, match="sequence 1 is not known"):
        ask(sequences, sequence_id=1)
    sequences.clear()
    assert len(sequences) == 0
