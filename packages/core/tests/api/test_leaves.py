from __future__ import annotations

import json

from inferry.api import loads
from inferry.api._leaves import MAX_PROBLEMS

HEAD = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}


def test_a_file_of_nothing_but_mistakes_is_told_so() -> None:
    predictor = {f"k{number}": 1 for number in range(2 * MAX_PROBLEMS)}
    service = {**HEAD, "metadata": {"name": "a"}, "spec": {"predictor": predictor}}

    loaded = loads(json.dumps(service))

    assert len(loaded.problems) == MAX_PROBLEMS + 1
    message = f"there are more than {MAX_PROBLEMS} problems"
    assert message in [each.message for each in loaded.errors]
    assert loaded.documents == ()


def test_documents_after_too_many_problems_are_not_called_valid() -> None:
    secret = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}}
    text = "\n---\n".join([json.dumps(secret)] * (MAX_PROBLEMS + 10))

    loaded = loads(text)

    assert len(loaded.warnings) == MAX_PROBLEMS
    assert len(loaded.errors) == 1


def test_a_long_value_makes_no_long_message() -> None:
    (problem,) = loads("a" * 100_000).problems

    assert len(problem.message) < 500
