from __future__ import annotations

import pytest

from inferry.errors import PlanningError
from inferry.planning._placeholders import Values, replace

VALUES = Values(
    name="iris",
    namespace="lab",
    labels={"modelClass": "A & <B>", "app.example.com/tier": "gold"},
    annotations={"modelFormat": "sklearn", "a.b/c": "dotted"},
    storage_uri="/models/iris",
    where="runtime sklearn",
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("--model_name={{.Name}}", "--model_name=iris"),
        ("{{ .Name }}-{{.Namespace}}", "iris-lab"),
        ("{{.Labels.modelClass}}", "A & <B>"),
        ("{{.Annotations.modelFormat}}", "sklearn"),
        ("{{.Annotations.a.b/c}}", "dotted"),
        ('{{index .Annotations "a.b/c"}}', "dotted"),
        ("{{ index .Labels `app.example.com/tier` }}", "gold"),
        ("{{.StorageUri}}", "/models/iris"),
        ("no placeholder } { here", "no placeholder } { here"),
    ],
)
def test_a_placeholder_is_replaced_without_escaping(
    written: str, expected: str
) -> None:
    assert replace(written, VALUES) == expected


def test_placeholders_are_found_at_any_depth() -> None:
    value = {"args": ["{{.Name}}"], "env": [{"name": "N", "value": "{{.Namespace}}"}]}
    assert replace(value, VALUES) == {
        "args": ["iris"],
        "env": [{"name": "N", "value": "lab"}],
    }


def test_other_values_stay_as_they_are() -> None:
    assert replace({"tty": True, "n": [1, None]}, VALUES) == {
        "tty": True,
        "n": [1, None],
    }


def test_a_missing_key_is_named() -> None:
    with pytest.raises(PlanningError) as raised:
        replace("{{.Labels.absent}}", VALUES)
    assert str(raised.value) == (
        "runtime sklearn: {{.Labels.absent}} needs the label 'absent', which is not "
        "set; add it to metadata.labels"
    )
    assert raised.value.reason == "InvalidSpec"


@pytest.mark.parametrize(
    "written", ["{{if .Name}}x{{end}}", "{{.Spec}}", "{{ messages }}", "{{}}"]
)
def test_anything_else_is_refused_and_says_what_is_allowed(written: str) -> None:
    with pytest.raises(PlanningError, match="is not a placeholder") as raised:
        replace(written, VALUES)
    assert "{{.Namespace}}" in raised.value.remedy


def test_a_storage_uri_that_is_not_there_is_refused() -> None:
    values = Values(name="iris", namespace="lab", where="runtime x")
    with pytest.raises(PlanningError, match="stands for nothing here; set storageUri"):
        replace("{{.StorageUri}}", values)
