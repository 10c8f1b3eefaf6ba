"""``inferry plugins``: every command, with good and broken plugins installed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner, Result

from inferry.cli import main
from inferry.cli._plugin_facts import unknown

if TYPE_CHECKING:
    from conftest import Site

GOOD = """\
from inferry.plugins import *

@hookimpl
def inferry_runtimes():
    "Yield the toy runtime."
    yield Runtime(
        name="toy",
        formats=(ModelFormat(name="toy", version="1", priority=1),),
        container=ContainerTemplate(image="{registry}/toy:{version}"),
        model=ImportRef("toy_model:Model", extra="serve"),
    )
"""
STORAGE = """\
from inferry.plugins import *

@hookimpl
def inferry_storage_backends():
    yield StorageBackend(
        name="attic",
        schemes=("attic",),
        client=ImportRef("attic:Client"),
        container=ContainerTemplate(image="example.com/attic:1"),
    )
"""


def inferry(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def decoded(*arguments: str) -> Any:
    result = inferry(*arguments)
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _installed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("toy", GOOD)
    site.plugin("attic", STORAGE)
    site.plugin("broken", "1 / 0")
    monkeypatch.setenv("INFERRY_PLUGINS", "toy,attic,broken")


def test_list_imports_nothing() -> None:
    result = inferry("plugins", "list")
    assert result.exit_code == 0
    assert "toy" in result.stdout
    assert "acme-inferry-broken" in result.stdout
    assert "acme_inferry_toy_plugin" not in sys.modules


def test_list_in_json_says_what_is_allowed() -> None:
    rows = {row["name"]: row for row in decoded("plugins", "list", "--json")}
    assert rows["toy"] == {
        "name": "toy",
        "distribution": "acme-inferry-toy",
        "version": "1.0",
        "status": "allowed",
        "why": "",
    }


def test_list_with_load_says_what_works_and_what_does_not() -> None:
    result = inferry("plugins", "list", "--load")
    assert result.exit_code == 0
    assert "runtime toy" in result.stdout
    assert "ZeroDivisionError" in result.stdout
    assert "1 problem; `inferry plugins doctor` says more" in result.stderr
    rows = {r["name"]: r for r in decoded("plugins", "list", "--load", "--json")}
    assert rows["toy"]["status"] == "loaded"
    assert rows["toy"]["provides"] == ["runtime toy"]
    assert rows["broken"]["status"] == "failed"


def test_show_prints_descriptor_and_bounds() -> None:
    facts = decoded("plugins", "show", "toy", "--json")
    assert facts["requires"] == "inferry<2,>=0.1.0.dev0"
    assert facts["module"] == "acme_inferry_toy_plugin"
    assert facts["descriptors"][0]["model"]["target"] == "toy_model:Model"
    assert yaml.safe_load(inferry("plugins", "show", "toy").stdout)["name"] == "toy"


def test_show_of_a_broken_plugin_says_why() -> None:
    facts = decoded("plugins", "show", "broken", "--json")
    assert facts["status"] == "failed"
    assert "ZeroDivisionError" in facts["problems"][0]


def test_an_unknown_plugin_gets_a_suggestion() -> None:
    for command in ("show", "check", "render"):
        result = inferry("plugins", command, "tooy")
        assert result.exit_code == 1
        assert "no plugin 'tooy' is installed; did you mean 'toy'?" in result.stderr


def test_a_plugin_of_ours_that_is_absent_says_what_to_install() -> None:
    assert unknown("onnx", []).remedy == 'pip install "inferry[onnx]"'
    assert unknown("acme", []).remedy == "`inferry plugins list` lists those that are"


def test_doctor_lists_problems_and_fails() -> None:
    result = inferry("plugins", "doctor")
    assert result.exit_code == 1
    assert "problem: plugin 'broken' (acme-inferry-broken 1.0)" in result.stdout
    assert "plugins.deny" in result.stdout
    assert "Traceback" not in result.stdout
    assert "2 plugins loaded, 1 problem" in result.stdout
    assert "Traceback" in inferry("plugins", "doctor", "-v").stdout


def test_doctor_names_what_is_not_installed(site: Site) -> None:
    site.add(
        "acme-inferry-slim",
        {"slim_plugin.py": GOOD.replace('"toy"', '"slim"')},
        plugins={"slim": "slim_plugin"},
        requires=["inferry<2", "acme-engine; extra == 'serve'"],
        extras=["serve"],
    )
    result = inferry("--set", "plugins.allow=slim", "plugins", "doctor")
    assert result.exit_code == 0
    assert "pip install 'acme-inferry-slim[serve]'" in result.stdout


def test_doctor_in_json_names_kind_and_remedy() -> None:
    (problem,) = decoded("plugins", "doctor", "--json")
    assert problem["kind"] == "PluginLoadError"
    assert problem["plugin"] == "broken"
    assert problem["remedy"]


def test_doctor_is_content_when_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERRY_PLUGINS", "toy,attic")
    result = inferry("plugins", "doctor")
    assert result.exit_code == 0
    assert "2 plugins loaded, no problems" in result.stdout


def test_render_prints_what_a_cluster_accepts() -> None:
    result = inferry("--set", "images.registry=reg.io", "plugins", "render", "toy")
    document = yaml.safe_load(result.stdout)
    assert document["kind"] == "ClusterServingRuntime"
    assert document["spec"]["containers"][0]["image"] == "reg.io/toy:1.0"
    assert document["metadata"]["annotations"]
    (bare,) = decoded("plugins", "render", "--kserve", "--json", "toy")
    assert "annotations" not in bare["metadata"]


def test_render_prints_storage_containers() -> None:
    document = yaml.safe_load(inferry("plugins", "render", "attic").stdout)
    assert document["kind"] == "ClusterStorageContainer"
    assert document["spec"]["supportedUriFormats"] == [{"prefix": "attic://"}]


def test_render_of_a_broken_plugin_says_why() -> None:
    result = inferry("plugins", "render", "broken")
    assert result.exit_code == 1
    assert "nothing to render for 'broken'" in result.stderr
    assert "ZeroDivisionError" in result.stderr


def test_check_runs_the_kit(
    capfd: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(site.folder))
    assert inferry("plugins", "check", "toy").exit_code == 1
    out = capfd.readouterr().out
    assert "test_its_extras_exist" in out
    assert "test_imports_no_framework" not in out


def test_check_without_pytest_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = inferry("plugins", "check", "toy")
    assert result.exit_code == 1
    assert "pip install 'inferry[testing]'" in result.stderr
