"""Rows on which a converted model must answer as the one it was made from.

Random ones within what the model was fitted on, and for trees those that lie at the
edge of a split: there single and double precision may part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]

__all__ = ["is_tree", "samples"]

_RANDOM = 200
_EDGES = 200
_LEARNT = ("mean_", "scale_", "data_min_", "data_max_")
_NESTED = ("steps", "estimators_", "best_estimator_", "estimator_")


def is_tree(model: Any) -> bool:  # noqa: ANN401 - any estimator
    """Say whether *model* is a tree, or nothing but trees over the same columns."""
    if hasattr(model, "tree_"):
        return True
    parts = getattr(model, "estimators_", ())
    return len(parts) > 0 and all(hasattr(part, "tree_") for part in np.ravel(parts))


def samples(model: Any, features: int) -> Array:  # noqa: ANN401 - any estimator
    """Return rows to ask *model*, which takes so many *features*."""
    random = np.random.default_rng(0)
    low, high = _ranges(model, features)
    rows = random.uniform(low, high, (_RANDOM, features))
    # The same once more as whole numbers, as much data is.
    return np.concatenate([rows, np.round(rows), _edges(model, rows)])


def _ranges(model: Any, features: int) -> tuple[Array, Array]:  # noqa: ANN401 - any estimator
    """Return the least and the greatest of each column, a little widened."""
    low, high = np.full(features, -1.0), np.full(features, 1.0)
    for part in _parts(model):
        has = [
            name for name in _LEARNT if np.shape(getattr(part, name, 0)) == (features,)
        ]
        if {"mean_", "scale_"} <= {*has}:
            low, high = part.mean_ - 3 * part.scale_, part.mean_ + 3 * part.scale_
        elif {"data_min_", "data_max_"} <= {*has}:
            low, high = part.data_min_ - 1, part.data_max_ + 1
    for feature, threshold in _splits(model):
        np.minimum.at(low, feature, threshold - 1)
        np.maximum.at(high, feature, threshold + 1)
    return low, high


def _edges(model: Any, rows: Array) -> Array:  # noqa: ANN401 - any estimator
    """Return rows of which one value each is a threshold, or the next to it."""
    if not is_tree(model):
        return rows[:0]
    found = [
        (int(feature), value)
        for features, thresholds in _splits(model)
        for feature, threshold in zip(features, thresholds, strict=True)
        for value in _around(threshold)
    ]
    chosen = found[:: max(1, len(found) // _EDGES)]
    made = np.resize(rows, (len(chosen), rows.shape[1]))
    for row, (feature, value) in zip(made, chosen, strict=True):
        row[feature] = value
    return made


def _around(threshold: float) -> tuple[float, ...]:
    single = np.float32(threshold)
    return (
        threshold,
        float(np.nextafter(single, np.float32(-np.inf))),
        float(np.nextafter(single, np.float32(np.inf))),
    )


def _splits(model: Any) -> Iterator[tuple[Array, Array]]:  # noqa: ANN401 - any estimator
    for part in _parts(model):
        tree = getattr(part, "tree_", None)
        if tree is not None and part.n_features_in_ == model.n_features_in_:
            inner = tree.children_left >= 0
            yield tree.feature[inner], tree.threshold[inner]


def _parts(model: Any) -> Iterator[Any]:  # noqa: ANN401 - any estimator
    """Yield *model* and the estimators within it."""
    waiting = [model]
    while waiting:
        part = waiting.pop()
        yield part
        for name in _NESTED:
            inner = getattr(part, name, None)
            if name == "steps" and inner:
                waiting += [step for _, step in inner if hasattr(step, "fit")]
            elif isinstance(inner, (list, np.ndarray)):
                waiting += [each for each in np.ravel(inner) if hasattr(each, "fit")]
            elif hasattr(inner, "fit"):
                waiting.append(inner)
