"""Files that are no model are refused before XGBoost's native code reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_xgboost import _document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Trained


def refused(path: Path) -> ModelLoadError:
    with pytest.raises(ModelLoadError) as caught:
        _document.read(path)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("data", "reason", "said"),
    [
        (b"", "ModelCorrupt", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1", "ModelCorrupt", "Git LFS"),
        (b"<!DOCTYPE html>", "ModelCorrupt", "a web page"),
        (b"tree\nversion=v4\n", "ModelCorrupt", "is a LightGBM model"),
        (b"\x80\x04\x95", "ModelUnsafe", "is a pickle"),
        (b"binf\x00\x00", "ModelCorrupt", "the old binary format"),
        (b"{", "ModelCorrupt", "is damaged"),
        (b"{}", "ModelCorrupt", "it has no learner"),
        (b"[1, 2]", "ModelCorrupt", "no XGBoost model"),
        (b'{"learner": {}}', "ModelCorrupt", "'learner_model_param' is missing"),
        (b'{"learner":' * 100_000, "ModelCorrupt", "damaged"),
        (b"{L\x7f\xff\xff\xff\xff\xff\xff\xff", "ModelCorrupt", "cut off"),
    ],
)
def test_what_is_no_model_is_named(
    tmp_path: Path, data: bytes, reason: str, said: str
) -> None:
    path = tmp_path / "model.bst"
    path.write_bytes(data)
    error = refused(path)
    assert error.reason == reason
    assert said in error.message


def test_a_folder_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").touch()
    error = refused(tmp_path)
    assert error.reason == "ModelNotFound"
    assert "looked for model.ubj" in error.message
    assert "found weights.bin" in error.message


def test_one_of_several_has_to_be_named(trained: Trained) -> None:
    for name in ("a.ubj", "b.json"):
        trained.saved(trained.booster(), name)
    assert "2 XGBoost models" in refused(trained.folder).message
    trained.saved(trained.booster(), "model.ubj")
    assert _document.read(trained.folder).name == "model.ubj"


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_what_is_cut_off_is_refused(trained: Trained, suffix: str) -> None:
    path = trained.saved(trained.booster(), f"model.{suffix}")
    whole = path.read_bytes()
    for share in (0.01, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert refused(path).reason == "ModelCorrupt"


def tree(model: Any) -> Any:
    return model["learner"]["gradient_booster"]["model"]["trees"][1]


def changed(key: str, value: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        tree(model)[key][0] = value

    return change


def without(key: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        del tree(model)[key][-1]

    return change


def booster(**values: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model["learner"]["gradient_booster"]["model"].update(values)

    return change


def parameter(**values: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model["learner"]["learner_model_param"].update(values)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("left_children", 0), "tree 1: children"),
        (changed("left_children", 10**6), "tree 1: children"),
        (changed("right_children", -7), "tree 1: children"),
        (changed("left_children", 2), "tree 1: children"),
        (changed("left_children", 0.5), "tree 1: numbers"),
        (changed("split_indices", 4), "tree 1: splits"),
        (changed("split_indices", -1), "tree 1: splits"),
        (changed("split_type", 1), "categories_nodes"),
        (without("split_conditions"), "split_conditions"),
        (without("base_weights"), "base_weights"),
        (booster(tree_info=[0, 0, 7]), "tree_info"),
        (booster(tree_info=[0]), "tree_info"),
        (booster(iteration_indptr=[0, 9]), "iteration_indptr"),
        (booster(iteration_indptr=[]), "iteration_indptr"),
        (booster(trees=[]), "num_trees"),
        (parameter(num_feature="1"), "splits"),
        (parameter(num_feature="-1"), "num_feature"),
        (parameter(num_feature="many"), "invalid literal"),
        (parameter(num_class="99999999"), "num_class"),
    ],
)
def test_a_model_that_leads_astray_is_refused(
    trained: Trained, change: Callable[[Any], None], said: str
) -> None:
    # The feature that is asked for has to have a number above 0 to be out of place.
    rows, labels = trained.rows, trained.rows[:, 1]
    assert rows.shape[1] == 4
    path = trained.saved(trained.booster(labels), "model.json")
    model = json.loads(path.read_text())
    change(model)
    path.write_text(json.dumps(model))
    error = refused(path)
    assert said in error.message
    assert error.reason == "ModelCorrupt"


def test_sizes_of_other_boosters_are_checked(trained: Trained) -> None:
    for kind, key in (("dart", "weight_drop"), ("gblinear", "weights")):
        path = trained.saved(trained.booster(booster=kind), "model.json")
        model = json.loads(path.read_text())
        found = model["learner"]["gradient_booster"]
        del (found if key in found else found["model"])[key][-1]
        path.write_text(json.dumps(model))
        assert key in refused(path).message


def test_categories_are_checked(trained: Trained) -> None:
    path = trained.saved(trained.categorical(), "model.json")
    text = path.read_text()
    for key, value in (
        ("categories", 2**31),
        ("categories_sizes", 100),
        ("categories_segments", 100),
        ("categories_nodes", 1),
    ):
        model = json.loads(text)
        trees = model["learner"]["gradient_booster"]["model"]["trees"]
        trees[0][key][0] = value
        path.write_text(json.dumps(model))
        assert "categories" in refused(path).message, key


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_changed_files_never_end_the_process(trained: Trained, suffix: str) -> None:
    """A process of its own reads and asks 300 damaged models."""
    path = trained.saved(trained.classes(), f"model.{suffix}")
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]


READER = """
import pathlib, random, sys
from inferry.errors import ModelLoadError
from inferry_runtime_xgboost.model import XgboostModel

path = pathlib.Path(sys.argv[1])
whole, chance = path.read_bytes(), random.Random(0)
for _ in range(300):
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data))
        data[place] = chance.choice((chance.randrange(256), data[place] ^ 1))
    path.write_bytes(data)
    model = XgboostModel()
    try:
        model.load(path, {})
    except ModelLoadError:
        continue
    model.predict(model.warm_up())
"""


def test_files_of_older_versions_are_read(trained: Trained) -> None:
    """Before 2.0 there was no iteration_indptr, before 1.3 no split_type."""
    path = trained.saved(trained.booster(), "model.json")
    model = json.loads(path.read_text())
    inner = model["learner"]["gradient_booster"]["model"]
    del inner["iteration_indptr"]
    for each in inner["trees"]:
        del each["split_type"]
    path.write_text(json.dumps(model))
    assert _document.read(path).learner["objective"]["name"] == "reg:squarederror"
