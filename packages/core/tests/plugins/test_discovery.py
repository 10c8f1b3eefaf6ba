"""Depth 0: what metadata alone says about the installed plugins."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from inferry.config import load_settings
from inferry.errors import PluginIncompatible, PluginLoadError
from inferry.plugins import Installed, discover

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conftest import Site

EXPLODES = "raise RuntimeError('imported')"


def find(
    name: str, role: str = "cli", only: Iterable[str] | None = None, **environ: str
) -> Installed:
    installed, _ = discover(role, load_settings(environ=environ), only=only)  # type: ignore[arg-type]
    return next(plugin for plugin in installed if plugin.name == name)


def test_listing_imports_nothing(site: Site) -> None:
    site.plugin("quiet", EXPLODES)
    plugin = find("quiet")
    assert plugin.verdict == "allowed"
    assert plugin.distribution == "acme-inferry-quiet"
    assert plugin.version == "1.0"
    assert plugin.requires == "<2,>=0.1.0.dev0"
    assert "acme_inferry_quiet_plugin" not in sys.modules


@pytest.mark.parametrize("name", ["quiet", "acme-inferry-quiet", "Acme_Inferry.Quiet"])
def test_a_plugin_is_denied_by_name_or_distribution(site: Site, name: str) -> None:
    site.plugin("quiet", EXPLODES)
    assert find("quiet", INFERRY_PLUGINS_DENY=name).verdict == "disabled"


def test_an_allow_list_disables_the_others(site: Site) -> None:
    site.plugin("one", EXPLODES)
    site.plugin("two", EXPLODES)
    assert find("one", INFERRY_PLUGINS="one").verdict == "allowed"
    other = find("two", INFERRY_PLUGINS="one")
    assert (other.verdict, other.why) == (
        "disabled",
        "not in the setting plugins.allow",
    )


@pytest.mark.parametrize("role", ["controller", "server"])
def test_a_process_with_privileges_loads_only_what_is_named(
    site: Site, role: str
) -> None:
    site.plugin("one", EXPLODES)
    assert find("one", role).verdict == "disabled"
    assert find("one", role, INFERRY_PLUGINS="one").verdict == "allowed"
    assert find("one", role, only=["one"]).verdict == "allowed"
    assert find("one", role, only=["other"]).why == "not asked for"
    denied = find("one", role, only=["one"], INFERRY_PLUGINS_DENY="one")
    assert denied.verdict == "disabled"


@pytest.mark.parametrize(
    ("requires", "verdict"),
    [
        (["inferry<2,>=0.1.0.dev0"], "allowed"),
        (["inferry>=90"], "incompatible"),
        (["inferry<0.0.1"], "incompatible"),
        (["Inferry[local] >= 90"], "incompatible"),
        (["inferry>=90; extra == 'new'"], "allowed"),
        (["not a requirement!", "other>=1"], "allowed"),
        ([], "allowed"),
    ],
)
def test_bounds_on_core_gate_the_import(
    site: Site, requires: list[str], verdict: str
) -> None:
    site.plugin("gated", EXPLODES, requires=requires)
    assert find("gated").verdict == verdict


def test_an_incompatible_plugin_is_a_problem_with_a_remedy(site: Site) -> None:
    site.plugin("future", EXPLODES, requires=["inferry>=90"])
    _, problems = discover("cli", load_settings(environ={}))
    problem = next(p for p in problems if p.plugin == "future")
    assert isinstance(problem, PluginIncompatible)
    assert problem.distribution == "acme-inferry-future"
    assert "needs inferry>=90" in problem.message
    assert problem.remedy == "pip install --upgrade acme-inferry-future inferry"


def test_the_first_of_two_equal_names_is_kept(site: Site) -> None:
    site.plugin("twin", EXPLODES, distribution="b-inferry-twin")
    site.plugin("twin", EXPLODES, distribution="a-inferry-twin")
    installed, problems = discover("cli", load_settings(environ={}))
    twins = [plugin for plugin in installed if plugin.name == "twin"]
    assert [(p.distribution, p.verdict) for p in twins] == [
        ("a-inferry-twin", "allowed"),
        ("b-inferry-twin", "shadowed"),
    ]
    problem = next(p for p in problems if p.plugin == "twin")
    assert isinstance(problem, PluginLoadError)
    assert "a-inferry-twin has a plugin of the same name" in problem.message


def test_a_denied_distribution_shadows_nobody(site: Site) -> None:
    site.plugin("twin", EXPLODES, distribution="b-inferry-twin")
    site.plugin("twin", EXPLODES, distribution="a-inferry-twin")
    settings = load_settings(environ={"INFERRY_PLUGINS_DENY": "a-inferry-twin"})
    installed, problems = discover("cli", settings)
    verdicts = {p.distribution: p.verdict for p in installed if p.name == "twin"}
    assert verdicts == {"a-inferry-twin": "disabled", "b-inferry-twin": "allowed"}
    assert not [p for p in problems if p.plugin == "twin"]


def test_a_plugin_of_another_contract_is_reported(site: Site) -> None:
    site.plugin("later", EXPLODES, group="inferry.plugins.v2")
    _, problems = discover("cli", load_settings(environ={}))
    problem = next(p for p in problems if p.plugin == "later")
    assert isinstance(problem, PluginIncompatible)
    assert "speaks inferry.plugins.v2, this inferry speaks inferry.plugins.v1" in str(
        problem
    )


@pytest.mark.parametrize("text", ["[inferry.plugins.v1]\nno equals sign\n", "\xff="])
def test_broken_metadata_of_anybody_breaks_nobody(site: Site, text: str) -> None:
    site.plugin("fine", EXPLODES)
    site.plugin("garbled", EXPLODES)
    info = site.folder / "acme_inferry_garbled-1.0.dist-info"
    (info / "entry_points.txt").write_text(text, "latin-1")
    installed, problems = discover("cli", load_settings(environ={}))
    assert "fine" in {plugin.name for plugin in installed}
    (problem,) = (p for p in problems if p.distribution == "acme-inferry-garbled")
    assert "cannot be read" in problem.message


def test_what_an_interrupted_uninstall_left_breaks_nobody(site: Site) -> None:
    site.plugin("fine", EXPLODES)
    site.plugin("left", EXPLODES)
    (site.folder / "acme_inferry_left-1.0.dist-info" / "METADATA").unlink()
    assert find("fine").verdict == "allowed"
    assert find("left").distribution == "unknown"
