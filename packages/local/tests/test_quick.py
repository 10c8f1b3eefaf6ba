"""``model.py:MyModel``: a service without YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.api import loads, to_dict
from inferry_local.quick import QuickTarget, kebab_case, parse

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """\
class MyModel:
    def load(self, path, options): ...
    def predict(self, x):
        return x * 2
"""


@pytest.fixture
def target(tmp_path: Path) -> QuickTarget:
    file = tmp_path / "model.py"
    file.write_text(MODEL)
    found = parse(f"{file}:MyModel")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MyModel", "my-model"),
        ("HTTPModel", "http-model"),
        ("Iris2Model", "iris2-model"),
        ("_Private_Model", "private-model"),
        ("lower", "lower"),
    ],
)
def test_a_class_name_becomes_a_service_name(name: str, expected: str) -> None:
    assert kebab_case(name) == expected


@pytest.mark.parametrize("text", ["service.yaml", "folder", "s3://x/y", "c:/x", "-"])
def test_something_else_is_no_quick_target(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.py", "name the class to serve, as in model.py:MyModel"),
        ("model.py:", "'' is no class name; write model.py:MyModel"),
        ("model.py:1x", "'1x' is no class name"),
        ("model.py:__", "choose one with --name"),
        ("model:MyModel", "as in model.py:MyModel"),
        ("models.iris:MyModel", "as in models/iris.py:MyModel"),
    ],
)
def test_a_bad_target_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_the_document_is_a_valid_service_of_the_format_python(
    target: QuickTarget,
) -> None:
    import json

    loaded = loads(json.dumps(to_dict(target.document())))

    assert loaded.problems == ()
    service = loaded.documents[0].document
    assert service.metadata.name == "my-model"
    model = service.spec.predictor.model
    assert model.model_format.name == "python"
    assert model.storage_uri == str(target.folder)
    assert model.container == {"args": ["--module=model.py", "--class=MyModel"]}


def test_an_edit_of_the_code_changes_the_document(target: QuickTarget) -> None:
    before = target.document()
    same = target.document()
    target.file.write_text(MODEL.replace("2", "3"))

    assert before == same
    assert target.document() != before


def test_an_edit_of_an_imported_package_changes_the_document(
    target: QuickTarget,
) -> None:
    package = target.folder / "parts"
    package.mkdir()
    (package / "__init__.py").touch()
    before = target.document()
    (package / "tools.py").write_text("X = 1")

    assert target.document() != before


def test_a_log_that_the_model_writes_changes_nothing(target: QuickTarget) -> None:
    before = target.document()
    (target.folder / "predictions.log").write_text("x")
    (target.folder / "__pycache__").mkdir()
    (target.folder / "__pycache__" / "model.py").write_text("x")

    assert target.document() == before


def test_good_code_has_no_problems(target: QuickTarget) -> None:
    assert target.problems() == []


@pytest.mark.parametrize(
    "code",
    [
        "from elsewhere import MyModel",
        "import elsewhere as MyModel",
        "MyModel = make()",
        "if True:\n    class MyModel: ...",
        "from elsewhere import *",
    ],
)
def test_a_class_may_come_from_elsewhere(target: QuickTarget, code: str) -> None:
    target.file.write_text(code)

    assert target.problems() == []


def test_a_syntax_error_has_its_line(target: QuickTarget) -> None:
    target.file.write_text("x = 1\nclass MyModel\n")

    (problem,) = target.problems()

    assert str(problem).startswith(f"{target.file}:2:14: error: expected ':'")


def test_a_misspelt_class_gets_a_suggestion(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(MODEL)
    target = parse(f"{file}:MyModl")
    assert target is not None

    (problem,) = target.problems()

    assert "there is no class 'MyModl' (classes here: MyModel)" in str(problem)
    assert "did you mean 'MyModel'" in str(problem)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    target = parse(f"{tmp_path}/model.py:MyModel")
    assert target is not None

    (problem,) = target.problems()

    assert "the file cannot be read: No such file or directory" in str(problem)


def test_code_is_never_run_to_find_problems(target: QuickTarget) -> None:
    marker = target.folder / "ran"
    target.file.write_text(f"open({str(marker)!r}, 'w')\nclass MyModel: ...\n")

    target.problems()
    target.document()

    assert not marker.exists()
