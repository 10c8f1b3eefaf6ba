"""Files that are no model are refused before LightGBM's native code reads them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_lightgbm import _document

if TYPE_CHECKING:
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
        (b"<html>", "ModelCorrupt", "a web page"),
        (b"{L\0\0", "ModelCorrupt", "is JSON or UBJSON"),
        (b'{"learner": {}}', "ModelCorrupt", "is JSON or UBJSON"),
        (b"\x80\x04\x95", "ModelUnsafe", "is a pickle"),
        (b"trees", "ModelCorrupt", "does not begin with tree"),
        (b"binf", "ModelCorrupt", "does not begin with tree"),
        (b"tree\n", "ModelCorrupt", "'end of trees' cannot be right"),
        (b"tree\nend of trees\n", "ModelCorrupt", "'version' is missing"),
        (b"tree\n\xff\xfe", "ModelCorrupt", "can't decode"),
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
    assert "looked for model.txt, model.bst" in error.message
    assert "found weights.bin" in error.message


def test_a_text_beside_the_model_is_not_taken_for_one(trained: Trained) -> None:
    trained.saved(trained.booster(), "churn.bst")
    (trained.folder / "requirements.txt").write_text("lightgbm\n")
    assert _document.read(trained.folder).name == "churn.bst"
    trained.saved(trained.booster(), "other.txt")
    assert "3 LightGBM models" in refused(trained.folder).message


def test_line_ends_of_windows_are_read(trained: Trained) -> None:
    path = trained.saved(trained.booster())
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert _document.read(path).header.features == 4


def test_what_is_cut_off_is_refused(trained: Trained) -> None:
    path = trained.saved(trained.booster())
    whole = path.read_bytes()
    for share in (0.02, 0.2, 0.4):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert refused(path).reason == "ModelCorrupt"


@pytest.mark.parametrize(
    ("pattern", "text", "said"),
    [
        (r"max_feature_idx=3", "max_feature_idx=2", "feature_names"),
        (r"max_feature_idx=3", "max_feature_idx=-9", "max_feature_idx"),
        (r"num_class=1", "num_class=0", "num_class"),
        (r"num_tree_per_iteration=1", "num_tree_per_iteration=2", "per_iteration"),
        (r"feature_infos=\S+", "feature_infos=", "feature_infos"),
        (r"tree_sizes=\d+", "tree_sizes=7", "tree_sizes"),
        (r"tree_sizes=.*", "tree_sizes=99999999", "tree_sizes"),
        (r"tree_sizes=.*", "tree_sizes=-5", "tree_sizes"),
        (r"num_leaves=\d", "num_leaves=9", "tree 0: leaf_value"),
        (r"num_leaves=\d", "num_leaves=x", "tree 0: 'x' cannot be right"),
        (r"leaf_value=", "leaf_value==", "tree 0: '=0."),
        (r"leaf_value=", "leaf_value=1_", "tree 0: '1_0."),
        (r"leaf_value=", "leaf_value=1.1.", "tree 0: could not convert"),
        (r"left_child=\S+", "left_child=0", "tree 0: children"),
        (r"left_child=\S+", "left_child=9", "tree 0: children"),
        (r"right_child=\S+", "right_chi=1", "tree 0: 'right_child' is missing"),
        (r"split_feature=\d", "split_feature=4", "tree 0: split_feature"),
        (r"decision_type=\d", "decision_type=1", "tree 0: threshold"),
        (r"threshold=\S+", "threshold=", "tree 0: threshold"),
        (r"leaf_count=\d+ ", "leaf_count=", "tree 0: leaf_count"),
        (r"pandas_categorical:.*", "pandas_categorical:{}x", "damaged"),
        (r"pandas_categorical:.*", "pandas_categorical:[1]", "pandas_categorical"),
        (r"\[0\.\d+:", "\n[0:", "feature_infos"),
    ],
)
def test_a_model_that_leads_astray_is_refused(
    trained: Trained, pattern: str, text: str, said: str
) -> None:
    path = trained.saved(trained.booster())
    whole = path.read_text()
    changed = re.sub(pattern, text, whole, count=1)
    assert changed != whole
    if "tree_sizes" not in said:
        changed = re.sub("tree_sizes=.*\n", "", changed)
    path.write_text(changed)
    error = refused(path)
    assert said in error.message
    assert error.reason == "ModelCorrupt"


def test_bounds_of_categories_are_checked(trained: Trained) -> None:
    path = trained.saved(trained.categorical())
    whole = re.sub("tree_sizes=.*\n", "", path.read_text())
    for pattern, text in (
        (r"cat_boundaries=0 \d", "cat_boundaries=0 9"),
        (r"cat_boundaries=0 \d", "cat_boundaries=0"),
        (r"cat_threshold=\d+", "cat_threshold=-1"),
        (r"num_cat=\d", "num_cat=0"),
    ):
        path.write_text(re.sub(pattern, text, whole, count=1))
        assert refused(path).reason == "ModelCorrupt"


def test_linear_leaves_are_checked(trained: Trained) -> None:
    path = trained.saved(trained.booster(linear_tree=True, rounds=2))
    whole = re.sub("tree_sizes=.*\n", "", path.read_text())
    for pattern, text in (
        (r"leaf_const=\S+", "leaf_const="),
        (r"num_features=(.*) \d", r"num_features=\1 7"),
    ):
        path.write_text(re.sub(pattern, text, whole))
        assert refused(path).reason == "ModelCorrupt"


@pytest.mark.parametrize("kind", ["classes", "categorical"])
def test_changed_files_never_end_the_process(trained: Trained, kind: str) -> None:
    """A process of its own reads and asks 200 damaged models."""
    path = trained.saved(getattr(trained, kind)())
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
from inferry_runtime_lightgbm.model import LightgbmModel

path = pathlib.Path(sys.argv[1])
whole, chance = path.read_bytes(), random.Random(0)
trees = whole.index(b"end of trees")
for _ in range(200):
    data = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(trees)
        data[place] = chance.choice((chance.randrange(256), *b"0123456789- =\\n"))
    path.write_bytes(data)
    model = LightgbmModel()
    try:
        model.load(path, {})
    except ModelLoadError:
        continue
    model.predict(model.warm_up())
"""
