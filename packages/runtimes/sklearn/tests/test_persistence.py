"""Files are read as safely as their format allows, versions are compared."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import sklearn

from inferry.errors import ModelLoadError
from inferry_runtime_sklearn import _persistence

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Fitted


def read(
    path: Path, *, allow_pickle: bool = False, trusted: str = "", strict: bool = False
) -> _persistence.Saved:
    types = frozenset(filter(None, [trusted]))
    return _persistence.read(
        path, allow_pickle=allow_pickle, trusted=types, strict=strict
    )


def test_a_skops_file_is_read_with_its_version(fitted: Fitted) -> None:
    saved = read(fitted.skops(fitted.classifier()), strict=True)

    assert saved.version == sklearn.__version__
    assert saved.mismatch == ""


def test_types_that_are_not_known_are_named_with_the_way_to_allow_them(
    fitted: Fitted,
) -> None:
    path = fitted.skops(fitted.neighbours())

    with pytest.raises(ModelLoadError, match=r"_kd_tree\.KDTree") as caught:
        read(path)

    assert caught.value.reason == "ModelUnsafe"
    assert 'args: ["--trustedTypes=' in caught.value.remedy


class Canary:
    """Unpickling it makes a folder: the proof that code ran."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("suffix", [".joblib", ".pkl", ".pickle"])
def test_a_pickle_is_refused_before_any_of_it_runs(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Canary(str(tmp_path / "ran"))))

    with pytest.raises(ModelLoadError, match="runs whatever code") as caught:
        read(path)

    assert caught.value.reason == "ModelUnsafe"
    assert 'args: ["--allowPickle=true"]' in caught.value.remedy
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_read_where_it_is_allowed(fitted: Fitted) -> None:
    saved = read(fitted.joblib(fitted.classifier()), allow_pickle=True)

    assert saved.model.predict([[0, 0]]).tolist() == [0]


def test_a_pickle_that_needs_a_missing_module_says_which(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"cnot_installed_here\nThing\n.")

    with pytest.raises(ModelLoadError, match="needs the module not_installed_here"):
        read(path, allow_pickle=True)


def test_another_version_is_reported_with_both(fitted: Fitted) -> None:
    path = fitted.aged(fitted.skops(fitted.classifier()), "1.2.0")

    assert read(path).mismatch == (
        f"saved by scikit-learn 1.2.0, installed is {sklearn.__version__}"
    )
    with pytest.raises(ModelLoadError, match=r"by scikit-learn 1\.2\.0") as caught:
        read(path, strict=True)
    assert caught.value.reason == "ModelVersionMismatch"
    assert "install scikit-learn==1.2.0" in caught.value.remedy


def test_a_pickle_of_another_version_is_reported(fitted: Fitted) -> None:
    model = fitted.classifier()
    older = model.steps[-1][1]
    older.__dict__["_sklearn_version"] = "1.2.0"
    state = older.__dict__.copy()

    class Older(type(older)):  # type: ignore[misc]
        """Pickles itself as its parent with the older version."""

        def __reduce__(self) -> tuple[Any, ...]:
            return type(older).__new__, (type(older),), state

    path = fitted.joblib(Older())

    assert read(path, allow_pickle=True).version == "1.2.0"
    with pytest.raises(ModelLoadError) as caught:
        read(path, allow_pickle=True, strict=True)
    assert caught.value.reason == "ModelVersionMismatch"


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_archive_is_corrupt(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(data)

    with pytest.raises(ModelLoadError, match="is not a skops file") as caught:
        read(path)

    assert caught.value.reason == "ModelCorrupt"


@pytest.mark.parametrize("schema", ["{", "[]", "{}", '{"__loader__": "NoSuchNode"}'])
def test_an_archive_without_a_model_is_corrupt(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema)

    with pytest.raises(ModelLoadError) as caught:
        read(path)

    assert caught.value.reason == "ModelCorrupt"


def test_deep_nesting_is_corrupt_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "[" * 100_000)

    with pytest.raises(ModelLoadError) as caught:
        read(path)

    assert caught.value.reason == "ModelCorrupt"


def test_a_model_whose_arrays_are_missing_is_corrupt(fitted: Fitted) -> None:
    path = fitted.skops(fitted.classifier())
    with zipfile.ZipFile(path) as archive:
        schema = archive.read("schema.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema)

    with pytest.raises(ModelLoadError, match="cannot be read") as caught:
        read(path)

    assert caught.value.reason == "ModelCorrupt"
    assert json.loads(schema)
