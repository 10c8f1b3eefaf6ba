"""The chart's own files; what Helm makes of them is tested with Helm."""

from __future__ import annotations

import json

import msgspec
import pytest
import yaml
from inferry_controller.install import InstallOptions, chart, kustomization, manifests
from inferry_controller.install.chart import semantic
from inferry_controller.install.options import HELP


def test_every_option_is_a_value_with_a_comment_and_a_type() -> None:
    names = {each.encode_name for each in msgspec.structs.fields(InstallOptions)}
    values = yaml.safe_load(chart()["values.yaml"])
    schema = json.loads(chart()["values.schema.json"])
    assert values.keys() == HELP.keys() == names - {"namespace"}
    assert schema["properties"].keys() - {"global"} == values.keys()
    described = [
        name for name, it in schema["properties"].items() if "description" in it
    ]
    assert described == [*HELP]


def test_the_kinds_stand_among_the_templates_and_stay_at_an_uninstall() -> None:
    files = chart()
    assert "templates/crds/inferenceservices.yaml" in files
    assert not [path for path in files if path.startswith("crds/")]
    assert yaml.safe_load(files["values.yaml"])["crds"] == {
        "install": True,
        "keep": True,
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("0.1.0.dev0", "0.1.0-dev.0"),
        ("1.2.3", "1.2.3"),
        ("1.2.3rc1", "1.2.3-rc.1"),
        ("1.2.3b2", "1.2.3-b.2"),
    ],
)
def test_versions_are_spelt_as_helm_wants_them(ours: str, theirs: str) -> None:
    assert semantic(ours) == theirs


def test_a_base_names_each_file_once_and_holds_every_object() -> None:
    files = kustomization()
    root = yaml.safe_load(files["kustomization.yaml"])
    assert sorted(root["resources"]) == ["controller", "crds"]
    found = []
    for folder in root["resources"]:
        inner = yaml.safe_load(files[f"{folder}/kustomization.yaml"])
        for name in inner["resources"]:
            found += list(yaml.safe_load_all(files[f"{folder}/{name}"]))
    assert sorted(map(identity, found)) == sorted(map(identity, manifests()))


def identity(document: dict[str, object]) -> str:
    return json.dumps(document, sort_keys=True)
