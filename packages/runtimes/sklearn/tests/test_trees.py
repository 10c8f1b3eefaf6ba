"""Trees are served without being asked for by name, and never followed astray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from inferry.errors import ModelLoadError
from inferry_runtime_sklearn import _persistence
from inferry_runtime_sklearn._trusted import TREE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Fitted

ROWS, CLASSES = load_iris(return_X_y=True)


def read(path: Path, *trusted: str) -> Any:
    saved = _persistence.read(
        path, allow_pickle=False, trusted=frozenset(trusted), strict=True
    )
    return saved.model


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        DecisionTreeRegressor(max_depth=3),
        RandomForestClassifier(5),
        RandomForestRegressor(5),
        ExtraTreesClassifier(5),
        AdaBoostClassifier(n_estimators=3),
        BaggingClassifier(n_estimators=3, max_features=2),
        make_pipeline(SimpleImputer(), RandomForestClassifier(3)),
        make_pipeline(SimpleImputer(), MLPClassifier([3], max_iter=400, tol=1e-2)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_scikit_learn_saved_is_served_as_it_is(model: Any, fitted: Fitted) -> None:
    model.fit(ROWS, CLASSES)
    served = read(fitted.skops(model))
    assert served.predict(ROWS).tolist() == model.predict(ROWS).tolist()


def tamper(tree: Any, change: Callable[[Any], None]) -> None:
    state = tree.__getstate__()
    change(state["nodes"])
    tree.__setstate__(state)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 0),
        ("right_child", 10**9),
        ("left_child", -7),
        ("feature", 4),
        ("feature", -1),
    ],
)
@pytest.mark.parametrize("kind", [DecisionTreeClassifier, RandomForestClassifier])
def test_a_tree_that_leads_astray_is_refused(
    kind: Any, field: str, value: int, fitted: Fitted
) -> None:
    model = kind().fit(ROWS, CLASSES)
    tree = model.tree_ if hasattr(model, "tree_") else model.estimators_[3].tree_

    def change(nodes: Any) -> None:
        nodes[field][0] = value

    tamper(tree, change)
    with pytest.raises(ModelLoadError, match="a tree") as caught:
        read(fitted.skops(model))
    assert caught.value.reason == "ModelCorrupt"


def test_a_forest_that_checks_fewer_features_than_its_trees_is_refused(
    fitted: Fitted,
) -> None:
    model = RandomForestClassifier(2).fit(ROWS, CLASSES)
    model.n_features_in_ = 1
    with pytest.raises(ModelLoadError, match="other features") as caught:
        read(fitted.skops(model))
    assert caught.value.reason == "ModelCorrupt"


def test_a_tree_that_checks_fewer_features_than_it_asks_for_is_refused(
    fitted: Fitted,
) -> None:
    model = DecisionTreeClassifier().fit(ROWS, CLASSES)
    model.n_features_in_ = 1
    with pytest.raises(ModelLoadError, match="another number of features"):
        read(fitted.skops(model))


@pytest.mark.parametrize("model", [GradientBoostingClassifier(), IsolationForest()])
def test_callers_that_cannot_be_checked_have_to_be_trusted(
    model: Any, fitted: Fitted
) -> None:
    path = fitted.skops(model.fit(ROWS, CLASSES))
    with pytest.raises(ModelLoadError, match="cannot be checked") as caught:
        read(path)
    assert caught.value.reason == "ModelUnsafe"
    assert f'args: ["--trustedTypes={TREE}"]' in caught.value.remedy
    assert np.array_equal(read(path, TREE).predict(ROWS), model.predict(ROWS))
