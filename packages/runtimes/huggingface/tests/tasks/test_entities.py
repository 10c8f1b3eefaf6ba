"""Tokens side by side of one label are one entity."""

from __future__ import annotations

import numpy as np

from inferry_runtime_huggingface.tasks.entities import Tagged, found

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TEXT = "Ada Lovelace met Babbage in London"
PLACES = [(0, 3), (4, 8), (8, 12), (13, 16), (17, 24), (25, 27), (28, 34)]


def tagged(*labels: str) -> Tagged:
    logits = np.full((len(labels), len(LABELS)), -9.0, dtype=np.float32)
    for row, label in zip(logits, labels, strict=True):
        row[LABELS.index(label)] = 9.0
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return Tagged(logits=logits, chances=chances, offsets=PLACES, text=TEXT)


def words(*labels: str) -> list[tuple[str, str]]:
    return [(e.entity_group, e.word) for e in found(tagged(*labels), LABELS)]


def test_joins_what_goes_on() -> None:
    assert words("B-PER", "I-PER", "I-PER", "O", "B-PER", "O", "B-LOC") == [
        ("PER", "Ada Lovelace"),
        ("PER", "Babbage"),
        ("LOC", "London"),
    ]


def test_parts_what_begins_anew() -> None:
    assert words("B-PER", "B-PER", "I-PER", "O", "O", "O", "O") == [
        ("PER", "Ada"),
        ("PER", "Lovelace"),
    ]


def test_goes_on_without_a_beginning_where_the_label_is_the_same() -> None:
    assert words("I-PER", "I-PER", "I-PER", "O", "O", "O", "I-LOC") == [
        ("PER", "Ada Lovelace"),
        ("LOC", "London"),
    ]


def test_keeps_a_word_whole() -> None:
    assert words("O", "B-PER", "O", "O", "O", "O", "O") == [("PER", "Lovelace")]
    assert words("O", "O", "B-PER", "O", "O", "O", "O") == []


def test_scores_with_the_mean_of_the_tokens() -> None:
    (entity,) = found(tagged("B-PER", "O", "O", "O", "O", "O", "O"), LABELS)

    assert 0.999 < entity.score <= 1
    assert (entity.start, entity.end) == (0, 3)
