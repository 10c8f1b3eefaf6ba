from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from inferry.cli import main

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

GOOD = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    sklearn:
      storageUri: s3://b/m
"""
BAD = GOOD.replace("storageUri", "storageURI") + "    minReplica: 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def validate(*args: Any, **options: Any) -> Any:
    return CliRunner().invoke(main, ["validate", *args], **options)


def test_a_valid_file_is_said_to_be_valid(folder: Path) -> None:
    done = validate("service.yaml")

    assert done.exit_code == 0
    assert done.output == ("service.yaml: InferenceService default/iris is valid\n")


def test_every_problem_is_a_line_and_the_exit_code_is_1(folder: Path) -> None:
    done = validate("bad.yaml", "service.yaml")

    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "service.yaml: InferenceService default/iris is valid",
        (
            "bad.yaml:8:7: error: spec.predictor.sklearn.storageURI: unknown field; "
            "did you mean 'storageUri'?"
        ),
        (
            "bad.yaml:9:5: error: spec.predictor.minReplica: unknown field; "
            "did you mean 'minReplicas'?"
        ),
        "2 errors, 1 valid document",
    ]


def test_a_missing_file_is_one_line(folder: Path) -> None:
    done = validate("srvice.yaml")

    assert done.exit_code == 1
    assert done.output == (
        "srvice.yaml: error: does not exist; did you mean 'service.yaml'?\n"
    )


def test_json_says_all_of_it(folder: Path) -> None:
    done = validate("--output", "json", "service.yaml", "bad.yaml")

    assert done.exit_code == 1
    answer = json.loads(done.output)
    assert answer["valid"] is False
    assert answer["documents"] == [
        {
            "file": "service.yaml",
            "line": 1,
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "namespace": "default",
            "name": "iris",
        }
    ]
    assert answer["problems"][0] == {
        "path": "spec.predictor.sklearn.storageURI",
        "message": "unknown field",
        "file": "bad.yaml",
        "line": 8,
        "column": 7,
        "suggestion": "storageUri",
        "severity": "error",
    }


def test_warnings_alone_exit_with_0(folder: Path) -> None:
    secret = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n"
    (folder / "service.yaml").write_text(GOOD + secret)

    done = validate("service.yaml")

    assert done.exit_code == 0
    assert "service.yaml:10:1: warning: ConfigMap s is ignored" in done.output
    assert done.output.splitlines()[-1] == "1 warning, 1 valid document"


def test_a_folder_and_standard_input_are_read(folder: Path) -> None:
    (folder / "bad.yaml").unlink()

    assert validate(".").output == (
        "service.yaml: InferenceService default/iris is valid\n"
    )
    assert validate("-", input=GOOD).output == (
        "<stdin>: InferenceService default/iris is valid\n"
    )
