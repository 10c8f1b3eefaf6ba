"""Draws: what is cut off, what penalties take, and that chances are kept."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch

from inferry_runtime_huggingface.generation._sampler import Drawing, draw
from inferry_runtime_huggingface.generation.engine import Sampling

LOGITS = torch.tensor([[2.0, 1.0, 0.5, 0.0, -1.0, -9.0]])


def drawing(
    prompt: tuple[int, ...] = (), ends: tuple[int, ...] = (), **given: Any
) -> Drawing:
    return Drawing(Sampling(max_tokens=9, **given), prompt, frozenset(ends))


def seen(count: int = 400, logits: torch.Tensor = LOGITS, **given: Any) -> Counter[int]:
    row = drawing(seed=1, **given)
    return Counter(draw(logits, [row]).tokens[0] for _ in range(count))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0.0}, {0}),
        ({"top_k": 1}, {0}),
        ({"top_k": 2}, {0, 1}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.75}, {0, 1}),
        ({"top_p": 1e-9}, {0}),
        ({"top_k": 2, "top_p": 0.7}, {0}),
        ({"top_k": 2, "top_p": 0.75}, {0, 1}),
        ({"min_p": 0.3}, {0, 1}),
        ({"min_p": 1.0}, {0}),
        ({"top_k": 99, "top_p": 0.9999}, {0, 1, 2, 3, 4}),
    ],
)
def test_what_is_cut_off_never_comes(given: Any, expected: set[int]) -> None:
    """And whatever is left does."""
    assert expected == set(seen(**given))


def test_chances_are_those_of_the_softmax() -> None:
    """At a temperature of two."""
    found = seen(2000, temperature=2.0)
    chances = (LOGITS[0] / 2).softmax(0).tolist()

    for token, chance in enumerate(chances):
        assert chance == pytest.approx(found[token] / 2000, abs=0.05)


def test_top_p_looks_further_where_many_are_alike() -> None:
    """Half of a thousand tokens that are equally likely are more than the first try."""
    logits = torch.zeros(1, 1000) + torch.linspace(1e-3, 0, 1000)
    found = seen(1500, logits, top_p=0.5)

    assert 400 < len(found) <= 501
    assert max(found) < 501


def test_penalties_are_as_vllm_defines_them() -> None:
    """Repetition over prompt and answer; presence and frequency over the answer."""
    row = drawing(
        prompt=(1, 4),
        repetition_penalty=2.0,
        presence_penalty=0.5,
        frequency_penalty=0.25,
    )
    for token in (0, 0, 3):
        row.count(token)
    logits = LOGITS[0].clone()
    row.shape(logits)

    expected = [2 / 2 - 0.5 - 0.5, 0.5, 0.5, 0 - 0.5 - 0.25, -2.0, -9.0]
    assert logits.tolist() == pytest.approx(expected)


def test_bias_and_the_least_length() -> None:
    """A bias is added; what ends comes only after min_tokens."""
    row = drawing(ends=(2,), temperature=0.0, logit_bias={2: 50.0}, min_tokens=2)
    found = []
    for _ in range(3):
        found.append(draw(LOGITS, [row]).tokens[0])
        row.count(found[-1])

    assert found == [0, 0, 2]


def test_rows_are_drawn_each_in_its_way() -> None:
    """The logits that were given stay as they are."""
    logits = LOGITS.repeat(4, 1)
    rows = [
        drawing(temperature=0.0),
        drawing(seed=3, temperature=5.0, top_k=3),
        drawing(temperature=0.0, logit_bias={5: 100.0}),
        drawing(seed=3, temperature=5.0, top_k=3),
    ]
    found = draw(logits, rows)

    assert (found.tokens[0], found.tokens[2]) == (0, 5)
    assert found.tokens[1] == found.tokens[3]
    assert found.broken == frozenset()
    assert torch.equal(LOGITS.repeat(4, 1), logits)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_no_number_breaks_its_row_alone(temperature: float) -> None:
    """NaN anywhere, or nothing that may come."""
    logits = LOGITS.repeat(3, 1)
    logits[0, 4] = math.nan
    logits[1] = -math.inf
    found = draw(logits, [drawing(temperature=temperature) for _ in range(3)])

    assert found.broken == frozenset({0, 1})
    assert 0 <= found.tokens[2] < 6
