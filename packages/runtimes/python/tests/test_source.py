"""The file is found, runs as a module of its own, and its faults have a line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_python import _source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = """
    class Model:
        def predict(self, values):
            return values
"""


def load(folder: Path, name: str = "") -> type[Any]:
    return _source.load_class(_source.find(folder, "model.py"), name)


def test_a_file_is_taken_as_it_is(write: Callable[..., Path]) -> None:
    file = write("", other="") / "other.py"

    assert _source.find(file, "model.py") == file


def test_a_missing_file_names_those_there_are(write: Callable[..., Path]) -> None:
    folder = write("", other="")

    with pytest.raises(ModelLoadError, match=r"found model\.py, other\.py") as caught:
        _source.find(folder, "iris.py")

    assert caught.value.reason == "ModelNotFound"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="nowhere is neither a folder"):
        _source.find(tmp_path / "nowhere", "model.py")


def test_a_file_outside_the_folder_is_refused(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "other.py").touch()

    with pytest.raises(ModelLoadError, match="leaves the model's folder") as caught:
        _source.find(write(""), "../other.py")

    assert caught.value.reason == "ModelUnsafe"


def test_the_only_class_with_predict_is_taken(write: Callable[..., Path]) -> None:
    folder = write("from pathlib import Path\nclass Other: pass\n", more=MODEL)
    (folder / "model.py").write_text(
        "from pathlib import Path\nclass Other: pass\n"
        "class Mine:\n    def predict(self, x): return x\n"
    )

    assert load(folder).__name__ == "Mine"


def test_two_classes_are_named(write: Callable[..., Path]) -> None:
    folder = write("""
        class A:
            def predict(self, x): return x
        class B(A):
            pass
    """)

    with pytest.raises(ModelLoadError, match=r"2 classes with predict \(A, B\)"):
        load(folder)
    assert load(folder, "B").__name__ == "B"


def test_a_misspelt_class_gets_a_suggestion(write: Callable[..., Path]) -> None:
    with pytest.raises(ModelLoadError, match=r"did you mean Model\?") as caught:
        load(write(MODEL), "Modle")

    assert caught.value.reason == "ModelNotFound"


def test_no_class_says_so(write: Callable[..., Path]) -> None:
    with pytest.raises(ModelLoadError, match="no class with predict; write one"):
        load(write("x = 1"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\ndef f(:\n", r"model\.py:2: SyntaxError: invalid syntax"),
        ("x = 1\n\nraise ValueError('boom')", r"model\.py:3: ValueError: boom"),
        ("import not_installed_xyz", r"model\.py:1: ModuleNotFoundError: No module"),
        ("import sys\nsys.exit(3)", r"model\.py:2: SystemExit: 3"),
        ("import broken", r"broken\.py:2: ZeroDivisionError"),
    ],
)
def test_a_fault_has_its_line(write: Callable[..., Path], code: str, said: str) -> None:
    folder = write(code, broken="x = 1\n1 / 0")

    with pytest.raises(ModelLoadError, match=said):
        load(folder)


def test_a_missing_module_says_what_to_install(write: Callable[..., Path]) -> None:
    with pytest.raises(ModelLoadError, match="install what provides not_installed_xyz"):
        load(write("import not_installed_xyz"))


def test_a_change_within_the_same_second_is_seen(write: Callable[..., Path]) -> None:
    code = """
        from helper import FACTOR
        class Model:
            factor = FACTOR
            def predict(self, x): return x
    """

    first = load(write(code, helper="FACTOR = 1"))
    second = load(write(code, helper="FACTOR = 2"))

    assert (first.factor, second.factor) == (1, 2)


def test_nothing_of_the_folder_stays_behind(write: Callable[..., Path]) -> None:
    folder = write("import helper\n" + "class M:\n    def predict(self, x): return x\n")
    (folder / "helper.py").touch()
    before = list(sys.path)

    load(folder)

    assert sys.path == before
    assert "helper" not in sys.modules
    assert sorted(path.name for path in folder.iterdir()) == ["helper.py", "model.py"]


def test_a_failed_import_leaves_no_module(write: Callable[..., Path]) -> None:
    before = set(sys.modules)

    with pytest.raises(ModelLoadError):
        load(write("import helper\n1 / 0", helper=""))

    assert {n for n in set(sys.modules) - before if n.startswith("_inferry")} == set()
    assert "helper" not in sys.modules


def test_dataclasses_work(write: Callable[..., Path]) -> None:
    cls = load(
        write("""
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Model:
            factor: float = 2.0
            def predict(self, x): return x
    """)
    )

    assert cls().factor == 2.0
