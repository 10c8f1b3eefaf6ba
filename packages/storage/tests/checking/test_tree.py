"""The checks in their order: what was unpacked is what is verified and scanned."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from inferry.storage import UnsafeFormat
from inferry_storage.checking.tree import check_tree
from inferry_storage.testing._packing import tar, tar_member

PICKLE = pickle.dumps(pickle.loads)


def test_a_plain_model_is_published_as_it_is(folder: Any, policy: Any) -> None:
    root = folder({"model.onnx": b"x"})

    checked = check_tree(root, "s3://b/m", policy())

    assert (checked.folder, checked.signed) == (root, False)


def test_what_is_unpacked_is_scanned(folder: Any, policy: Any) -> None:
    packed = tar(tar_member("model.pkl", PICKLE))
    root = folder({"model.tar": packed})

    with pytest.raises(UnsafeFormat, match=r"'model\.pkl'"):
        check_tree(root, "s3://b/m", policy(unpack=True))


def test_layers_are_laid_and_scanned(folder: Any, policy: Any) -> None:
    root = folder({"0": tar(tar_member("models/model.pkl", PICKLE))})

    with pytest.raises(UnsafeFormat):
        check_tree(root, "oci://r/m", policy(), layers=[root / "0"])

    checked = check_tree(root, "oci://r/m", policy(), layers=[root / "0"], trusted=True)
    assert [each.name for each in checked.folder.iterdir()] == ["model.pkl"]
