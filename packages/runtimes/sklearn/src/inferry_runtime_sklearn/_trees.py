"""Check the trees of a model before they are followed.

scikit-learn predicts with a tree by compiled loops that trust the node array: an index
out of range reads foreign memory, a child that points back never ends. What
scikit-learn writes keeps three laws, and a file that breaks one is refused:

- an inner node's children come behind it and lie within the array;
- its feature is one of the features that the model takes;
- who calls a tree without checking the rows again has checked as many features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble._forest import BaseForest
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_sklearn._trusted import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

#: These hand rows to trees in ways that the laws do not cover.
_UNCHECKED_CALLERS = ("sklearn.ensemble._gb", "sklearn.ensemble._iforest")


def check(model: Any, name: str) -> None:  # noqa: ANN401 - whatever a file holds
    """Check every tree that *model* reaches.

    Raises:
        ModelLoadError: A tree breaks a law, or belongs to what cannot be checked.

    """
    for holder, found in _objects(model):
        if isinstance(found, Tree):
            _check_owner(holder, found, name)
        elif isinstance(found, BaseForest):
            _check_forest(found, name)
        elif type(found).__module__ in _UNCHECKED_CALLERS:
            raise _refusal(f"{name} holds a {type(found).__name__}")


def _check_owner(holder: Any, tree: Tree, name: str) -> None:  # noqa: ANN401
    if not isinstance(holder, BaseDecisionTree) or holder.tree_ is not tree:
        raise _refusal(f"{name} holds a tree outside a decision tree")
    if holder.n_features_in_ != tree.n_features:
        raise _broken(name, "a tree of another number of features than its estimator")
    nodes = tree.__getstate__()["nodes"]
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != TREE_LEAF
    place = np.arange(len(nodes))[inner]
    for child in (left[inner], right[inner]):
        if not ((child > place) & (child < len(nodes))).all():
            raise _broken(name, "a tree whose children are not behind their parents")
    feature = nodes["feature"][inner]
    if not ((feature >= 0) & (feature < tree.n_features)).all():
        raise _broken(name, "a tree that asks for features the model does not have")


def _check_forest(forest: BaseForest, name: str) -> None:
    features = {one.n_features_in_ for one in forest.estimators_}
    if features != {forest.n_features_in_}:
        raise _broken(name, "a forest whose trees have other features than itself")


def _objects(model: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Yield each object below *model* once, with what holds it."""
    waiting: list[tuple[Any, Any]] = [(None, model)]
    seen: dict[int, Any] = {}
    while waiting:
        holder, found = waiting.pop()
        if id(found) in seen:
            continue
        seen[id(found)] = found
        yield holder, found
        waiting += [(found, child) for child in _children(found)]


def _children(found: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(found, BaseEstimator):
        return list(vars(found).values())
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, (list, tuple, set, frozenset)):
        return list(found)
    if isinstance(found, np.ndarray):
        return list(found.flat) if found.dtype == object else []
    return list(getattr(found, "__dict__", {}).values())


def _broken(name: str, what: str) -> ModelLoadError:
    return ModelLoadError(
        f"{name} holds {what}",
        reason=Reason.ModelCorrupt,
        remedy="save the model again with skops.io.dump",
    )


def _refusal(what: str) -> ModelLoadError:
    return ModelLoadError(
        f"{what}, whose use of {TREE} cannot be checked",
        reason=Reason.ModelUnsafe,
        remedy=f'if you trust it, add `args: ["--trustedTypes={TREE}"]` to the model',
    )
