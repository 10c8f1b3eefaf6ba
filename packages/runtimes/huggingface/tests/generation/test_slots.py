"""Rows that come and go."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inferry_runtime_huggingface.generation._slots import Slots, moves

LENGTHS = st.integers(1, 90)


@given(st.integers(1, 12).flatmap(
    lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))
))  # fmt: skip
def test_moves_close_every_gap(case: tuple[int, set[int]]) -> None:
    """Each row that stays is there once, and nothing else."""
    count, leaving = case
    rows = list(range(count))
    for source, target in moves(count, leaving):
        rows[target] = rows[source]
    del rows[count - len(leaving) :]

    assert set(range(count)) - leaving == set(rows)
    assert len(rows) == count - len(leaving)


@given(st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.lists(LENGTHS, min_size=1, max_size=3)),
        st.tuples(st.just("leave"), st.lists(st.integers(0, 9), max_size=3)),
        st.tuples(st.just("step"), st.just([])),
    ),
    max_size=25,
))  # fmt: skip
def test_each_row_keeps_what_is_its_own(events: list[tuple[str, list[int]]]) -> None:
    """Compared with a list for each row; what is hidden is zero."""
    slots = Slots()
    expected: list[list[float]] = []
    number = 0.0
    for kind, values in events:
        if kind == "join":
            width = max(values)
            keys = torch.zeros(len(values), 1, width, 1)
            for row, length in enumerate(values):
                keys[row, 0, width - length :, 0] = torch.arange(length) + number + 1
                expected.append((torch.arange(length) + number + 1).tolist())
                number += length
            slots.join([(keys, keys + 0.5)], list(values))
        elif kind == "leave":
            rows = {each % len(expected) for each in values} if expected else set()
            for source, target in moves(len(expected), rows):
                expected[target] = expected[source]
            del expected[len(expected) - len(rows) :]
            slots.leave(rows)
        elif expected:
            slots.prepare()
            new = torch.arange(len(expected)).float()[:, None, None, None] + number + 1
            number += len(expected)
            slots.layers[0].update(new, new + 0.5)
            slots.advance()
            for row, each in zip(expected, new.flatten().tolist(), strict=True):
                row.append(each)
    assert len(expected) == slots.rows
    if not expected:
        return
    assert max(map(len, expected)) == slots.width
    slots.prepare()
    layer = slots.layers[0]
    for row, each in enumerate(expected):
        kept = layer.keys[row, 0, slots.start : slots.end, 0].tolist()
        assert [0.0] * (slots.width - len(each)) + each == kept
        assert layer.values[row, 0, slots.end - 1, 0] == each[-1] + 0.5
        shown = (slots.mask[row].flatten() == 0).tolist()
        assert [False] * (slots.width - len(each)) + [True] * (len(each) + 1) == shown
        assert len(each) == slots.positions[row].item()


def test_clearing_gives_everything_back() -> None:
    """And it can be used again."""
    slots = Slots()
    slots.join([(torch.ones(1, 1, 3, 1), torch.ones(1, 1, 3, 1))], [3])
    slots.clear()

    assert (slots.rows, slots.width, len(slots.layers)) == (0, 0, 0)
    slots.join([(torch.ones(1, 2, 3, 1), torch.ones(1, 2, 3, 1))], [3])
    assert slots.get_mask_sizes(1, 0) == (4, 0)
    with pytest.raises(NotImplementedError):
        slots.layers[0].lazy_initialization(torch.ones(1), torch.ones(1))
