"""Tensors in other files stay within the model's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferry.errors import ModelLoadError
from inferry_runtime_onnx import _external

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models

WEIGHTS = np.array([1, 2], dtype=np.float32).tobytes()


def test_a_model_without_external_data_passes(models: Models) -> None:
    path = models.linear()

    _external.check(path)

    assert _external.locations(path) == set()


@pytest.mark.parametrize("location", ["weights.bin", "data/weights.bin"])
def test_data_beside_the_model_passes(models: Models, location: str) -> None:
    path = models.external(location)
    (path.parent / location).parent.mkdir(exist_ok=True)
    (path.parent / location).write_bytes(WEIGHTS)

    _external.check(path)

    assert _external.locations(path) == {location}


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../weights.bin", "a/../../weights.bin", "C:\\x", "..\\x", ""],
)
def test_data_outside_the_folder_is_refused(models: Models, location: str) -> None:
    path = models.external(location)
    (path.parent.parent / "weights.bin").write_bytes(WEIGHTS)

    with pytest.raises(ModelLoadError, match="outside its own folder") as caught:
        _external.check(path)

    assert caught.value.reason == "ModelUnsafe"


def test_a_link_that_leaves_the_folder_is_refused(models: Models) -> None:
    path = models.external("weights.bin")
    secret = path.parent.parent / "secret"
    secret.write_bytes(WEIGHTS)
    (path.parent / "weights.bin").symlink_to(secret)

    with pytest.raises(ModelLoadError, match="outside its own folder"):
        _external.check(path)


def test_a_store_that_links_every_file_into_one_folder_is_served(
    models: Models, tmp_path: Path
) -> None:
    blob = models.external("weights.bin", name="blobs/1")
    (blob.parent / "2").write_bytes(WEIGHTS)
    snapshot = tmp_path / "models" / "snapshot"
    snapshot.mkdir()
    (snapshot / "model.onnx").symlink_to(blob)
    (snapshot / "weights.bin").symlink_to(blob.parent / "2")

    _external.check(snapshot / "model.onnx")


def test_missing_data_is_named(models: Models) -> None:
    path = models.external("weights.bin")

    with pytest.raises(ModelLoadError, match=r"put weights\.bin into") as caught:
        _external.check(path)

    assert caught.value.reason == "ModelNotFound"


def test_a_file_that_is_cut_off_is_corrupt(models: Models) -> None:
    path = models.linear()
    path.write_bytes(path.read_bytes()[:-3])

    with pytest.raises(ModelLoadError, match="an ONNX model, or is cut off") as caught:
        _external.check(path)

    assert caught.value.reason == "ModelCorrupt"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_walked_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.onnx"
    path.write_bytes(data)

    try:
        found = _external.locations(path)
    except ModelLoadError:
        return

    assert all(isinstance(name, str) for name in found)
