from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.api import Document, from_object, loads
from inferry.errors import InvalidDocument

KSERVE = Path(__file__).parent / "kserve"


def objects() -> list[dict[str, Any]]:
    files = sorted(KSERVE.glob("*.yaml"))
    read = [each for f in files for each in yaml.safe_load_all(f.read_text())]
    return [each for each in read if each]


OBJECTS = {f"{each['kind']}/{each['metadata']['name']}": each for each in objects()}


def loaded(value: Any) -> Document:
    result = loads(json.dumps(value))
    assert result.errors == ()
    return result.documents[0].document


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_the_document_that_its_file_is(name: str) -> None:
    assert from_object(OBJECTS[name]) == loaded(OBJECTS[name])


@pytest.mark.parametrize("name", OBJECTS)
def test_nothing_of_the_object_is_changed(name: str) -> None:
    before = copy.deepcopy(OBJECTS[name])
    from_object(OBJECTS[name])
    assert before == OBJECTS[name]


def test_what_a_server_adds_makes_no_difference() -> None:
    value = copy.deepcopy(OBJECTS["InferenceService/sklearn-legacy"])
    value["status"] = {"url": "http://here", "inferry": {"inputs": "1"}}
    value["metadata"] |= {"selfLink": "/apis", "labels": None}
    assert from_object(value) == from_object(OBJECTS["InferenceService/sklearn-legacy"])


def test_a_broken_rule_is_told_in_the_words_of_a_file() -> None:
    value = copy.deepcopy(OBJECTS["InferenceService/sklearn-iris"])
    value["metadata"]["annotations"] = {"serving.kserve.io/deploymentMode": "Raw"}
    value["spec"]["predictor"]["model"]["livenessProbe"] = {"htpGet": {"path": "/"}}
    with pytest.raises(InvalidDocument) as caught:
        from_object(value)
    told = caught.value.problems
    assert len(told) == 2
    assert any("livenessProbe.htpGet: unknown field" in each for each in told)
    assert caught.value.message == "InferenceService/sklearn-iris is not valid"
    assert [each for each in told if each.startswith(("metadata.", "spec."))] == [*told]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"kind": "InferenceService"},
        {"kind": ["a"], "apiVersion": 1},
        {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}},
        {"kind": "InferenceService", "apiVersion": "serving.kserve.io/v1alpha2"},
    ],
)
def test_what_is_no_document_of_ours_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocument):
        from_object(value)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        inner = [each for k, v in value.items() for each in paths(v, (*path, k))]
    elif isinstance(value, list):
        inner = [each for i, v in enumerate(value) for each in paths(v, (*path, i))]
    return [path, *inner]


ODD = (
    *(None, 0, 1, -1, 0.5, True, 2**70, "", "a", "v2", "1Gi", "pvc://a/b"),
    *([], {}, [None], {"a": None}, {"name": "a"}, [{"name": "a"}]),
    [{"name": "a"}, {"name": "a"}],
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_both_ways_agree_on_any_change(
    data: st.DataObject,
) -> None:
    """Whatever is put anywhere, both give one document, or both refuse it."""
    value = copy.deepcopy(data.draw(st.sampled_from(list(OBJECTS.values()))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(paths(value)[1:]))
        inner = value
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    told = loads(json.dumps(value))
    if told.errors or not told.documents:
        with pytest.raises(InvalidDocument):
            from_object(value)
    else:
        document = from_object(value)
        assert document == told.documents[0].document
        assert msgspec.to_builtins(document) == msgspec.to_builtins(
            told.documents[0].document
        )
