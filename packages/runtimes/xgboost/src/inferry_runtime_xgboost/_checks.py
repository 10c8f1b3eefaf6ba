"""Check the structure of a decoded model: sizes agree, and trees are trees.

XGBoost takes indices of a file as they are. A child that is its own parent makes it
search for ever, one that does not exist makes it read foreign memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["check"]

_NONE = -1
#: The parent of a root.
_ROOTS = (_NONE, 2**31 - 1)
#: XGBoost's own limit of a category, which sizes a set of bits.
_MOST_CATEGORIES = 2**24
_PER_NODE = (
    "split_conditions",
    "default_left",
    "loss_changes",
    "sum_hessian",
    "parents",
    "right_children",
    "split_indices",
)


def check(document: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any document
    """Return the learner of *document*.

    Raises:
        ValueError: It is no model of XGBoost, or XGBoost would be led astray by it.
            `KeyError` and `TypeError` mean the same.

    """
    if not isinstance(document, dict) or not isinstance(document.get("learner"), dict):
        raise ValueError("it has no learner")  # noqa: TRY004 - a wrong value
    learner: dict[str, Any] = document["learner"]
    sizes = _Sizes(learner)
    _need(isinstance(learner["objective"]["name"], str), "the objective's name")
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        weights = booster["model"]["weights"]
        _need(len(weights) == (sizes.features + 1) * sizes.groups, "weights")
        return learner
    if booster["name"] == "dart":
        dropped = len(booster["weight_drop"])
        booster = booster["gbtree"]
        _need(dropped == len(booster["model"]["trees"]), "weight_drop")
    _need(booster["name"] == "gbtree", "the booster's name")
    _forest(booster["model"], sizes)
    return learner


class _Sizes:
    """What the sizes of everything else follow from."""

    def __init__(self, learner: Mapping[str, Any]) -> None:
        model = learner["learner_model_param"]
        self.features = int(model["num_feature"])
        classes, targets = int(model["num_class"]), int(model.get("num_target", 1))
        self.groups = max(classes, targets, 1)
        _need(0 <= self.features < 2**31, "num_feature")
        _need(self.groups < 2**20 and min(classes, targets) >= 0, "num_class")
        for key in ("feature_names", "feature_types"):
            given = learner.get(key, [])
            _need(len(given) in (0, self.features), key)
            _need(all(isinstance(each, str) for each in given), key)


def _forest(model: Mapping[str, Any], sizes: _Sizes) -> None:
    trees = model["trees"]
    count = len(trees)
    _need(int(model["gbtree_model_param"]["num_trees"]) == count, "num_trees")
    groups = _integers(model["tree_info"])
    _need(len(groups) == count, "tree_info")
    _need(_within(groups, 0, sizes.groups), "tree_info")
    if "iteration_indptr" in model:
        _pointers(model["iteration_indptr"], count, "iteration_indptr")
    _categories(model.get("cats") or {}, sizes)
    for index, tree in enumerate(trees):
        try:
            _tree(tree, sizes)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"tree {index}: {error}") from None


def _tree(tree: Mapping[str, Any], sizes: _Sizes) -> None:
    left, right = _integers(tree["left_children"]), _integers(tree["right_children"])
    count = len(left)
    _need(count > 0 and int(tree["tree_param"]["num_nodes"]) == count, "num_nodes")
    for key in _PER_NODE:
        _need(len(tree[key]) == count, key)
    inner = left != _NONE
    _leaves(tree, right[~inner], count, sizes)
    children = np.concatenate([left[inner], right[inner]])
    _need(_within(children, 1, count), "children")
    # Nobody has two parents and the root has none: what is reached from it is a tree.
    _need(len(np.unique(children)) == len(children), "children")
    nodes = np.flatnonzero(inner)
    parents = _integers(tree["parents"])
    _need(np.array_equal(parents[children], np.tile(nodes, 2)), "parents")
    _need(_within(parents[1:], _NONE, count) and parents[0] in _ROOTS, "parents")
    _need(_within(_integers(tree["split_indices"])[inner], 0, sizes.features), "splits")
    _splits_by_category(tree, count)


def _leaves(tree: Mapping[str, Any], right: Numbers, count: int, sizes: _Sizes) -> None:
    """Check the values of nodes, which are vectors where a tree has all targets.

    A leaf has no right child; with vectors in a table, it is the row of that table.
    """
    width = max(1, int(tree["tree_param"].get("size_leaf_vector", 1)))
    _need(width in (1, sizes.groups), "size_leaf_vector")
    _need(len(tree["base_weights"]) == count * width, "base_weights")
    if width > 1 and "leaf_weights" in tree:
        _need(len(tree["leaf_weights"]) == len(right) * width, "leaf_weights")
        _need(_within(right, 0, len(right)), "children")
    else:
        _need(bool((right == _NONE).all()), "children")


def _splits_by_category(tree: Mapping[str, Any], count: int) -> None:
    if "split_type" not in tree:
        return  # before XGBoost 1.3 there were none
    kinds = _integers(tree["split_type"])
    _need(len(kinds) == count and _within(kinds, 0, 2), "split_type")
    nodes = _integers(tree.get("categories_nodes", ()))
    segments = _integers(tree.get("categories_segments", ()))
    lengths = _integers(tree.get("categories_sizes", ()))
    categories = _integers(tree.get("categories", ()))
    _need(len(nodes) == len(segments) == len(lengths), "categories_nodes")
    _need(np.array_equal(nodes, np.flatnonzero(kinds)), "categories_nodes")
    _need(_within(lengths, 0, len(categories) + 1), "categories_sizes")
    _need(_within(segments, 0, len(categories) + 1), "categories_segments")
    _need(_within(segments + lengths, 0, len(categories) + 1), "categories_segments")
    _need(_within(categories, 0, _MOST_CATEGORIES), "categories")


def _categories(cats: Mapping[str, Any], sizes: _Sizes) -> None:
    """Check the names of categories, which models have since XGBoost 3.1."""
    if not cats or not len(cats["enc"]):
        return
    _need(len(cats["enc"]) == sizes.features, "cats")
    total = 0
    for each in cats["enc"]:
        values, offsets = each["values"], _integers(each.get("offsets", ()))
        if len(offsets):
            _pointers(offsets, len(values), "the offsets of cats")
        total += len(offsets) - 1 if len(offsets) else len(values)
    _pointers(cats["feature_segments"], total, "feature_segments")
    _need(len(cats["feature_segments"]) == sizes.features + 1, "feature_segments")
    order = _integers(cats["sorted_idx"])
    _need(len(order) == total and _within(order, 0, total), "sorted_idx")


def _pointers(values: Any, last: int, what: str) -> None:  # noqa: ANN401 - numbers
    """Check that *values* rise from 0 to *last*."""
    found = _integers(values)
    _need(len(found) > 0 and found[0] == 0 and found[-1] == last, what)
    _need(bool((np.diff(found) >= 0).all()), what)


def _integers(values: Any) -> Numbers:  # noqa: ANN401 - numbers
    found = np.asarray(values)
    _need(found.ndim == 1 and (found.size == 0 or found.dtype.kind in "iub"), "numbers")
    return found.astype(np.int64)


def _within(values: Numbers, least: int, end: int) -> bool:
    return bool(((values >= least) & (values < end)).all())


def _need(right: bool, what: str) -> None:  # noqa: FBT001 - as an assertion reads
    if not right:
        raise ValueError(f"{what} cannot be right")
