"""`PluginTests` passes a good plugin and names what is wrong with a bad one."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

from inferry.testing import PluginTests, run_kit
from inferry.testing._plugin import _probe

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
REQUIRES = ("inferry<2,>=0.1.0.dev0", "numpy; extra == 'serve'")


def facts(name: str = "toy") -> dict[str, Any]:
    found: dict[str, Any] = _probe(name, tuple(sys.path))
    return found


def install(site: Site, source: str = GOOD, **options: Any) -> None:
    site.plugin(
        "toy", source, **{"requires": REQUIRES, "extras": ("serve",), **options}
    )


class Kit(PluginTests):
    plugin = "toy"


Kit.__test__ = False  # type: ignore[attr-defined]


class TestGood(PluginTests):
    """The kit itself, run by this pytest against a plugin that is as it must be."""

    plugin = "toy"

    @pytest.fixture(autouse=True)
    def _installed(self, site: Site) -> None:
        install(site)


def test_a_plugin_that_is_not_installed_fails(site: Site) -> None:
    with pytest.raises(AssertionError, match="plugin 'toy' is in no distribution"):
        Kit().test_is_installed_once(facts())


def test_two_distributions_fail(site: Site) -> None:
    install(site)
    install(site, distribution="other-toy")
    with pytest.raises(AssertionError, match=r"acme-inferry-toy.*other-toy"):
        Kit().test_is_installed_once(facts())


def test_a_broken_import_fails(site: Site) -> None:
    install(site, "import no_such_module")
    with pytest.raises(AssertionError, match="no_such_module"):
        Kit().test_loads_without_problems(facts())


def test_a_plugin_without_hooks_fails(site: Site) -> None:
    install(site, "import inferry.plugins")
    with pytest.raises(AssertionError, match="yields nothing"):
        Kit().test_yields_something(facts())


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("import numpy", "numpy"),
        ("import yaml", "yaml"),
        ("import inferry.model", "inferry.model"),
    ],
)
def test_an_import_of_more_than_the_contract_fails(
    site: Site, line: str, module: str
) -> None:
    install(site, f"{line}\n{GOOD}")
    with pytest.raises(AssertionError, match=rf"imported:.*\b{module}"):
        Kit().test_imports_no_framework(facts())


def test_the_standard_library_is_fine(site: Site) -> None:
    install(site, f"import sqlite3, asyncio, unittest.mock\n{GOOD}")
    Kit().test_imports_no_framework(facts())


def test_a_hook_without_docstring_fails(site: Site) -> None:
    install(site, GOOD.replace('"Yield the toy runtime."', "pass"))
    with pytest.raises(AssertionError, match="no docstring: inferry_runtimes"):
        Kit().test_every_hook_is_documented(facts())


def test_a_descriptor_that_does_not_pickle_fails(site: Site) -> None:
    install(site, GOOD.replace("image=", "pod={'f': lambda: 1}, image="))
    with pytest.raises(AssertionError, match="Runtime toy:"):
        Kit().test_descriptors_survive_pickle(facts())


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (["inferry>=0.0.1"], "no upper bound"),
        (["inferry<2"], "no lower bound"),
        ([], "only nothing"),
    ],
)
def test_open_bounds_fail(site: Site, requires: list[str], said: str) -> None:
    install(site, requires=requires)
    with pytest.raises(AssertionError, match=said):
        Kit().test_bounds_inferry_on_both_sides(
            metadata.distribution("acme-inferry-toy")
        )


def test_a_heavy_requirement_fails(site: Site) -> None:
    install(site, requires=[*REQUIRES, "Torch>=2", "click"])
    with pytest.raises(AssertionError, match=r"always installs Torch\n"):
        Kit().test_needs_nothing_heavy(
            facts(), metadata.distribution("acme-inferry-toy")
        )


def test_an_extra_that_does_not_exist_fails(site: Site) -> None:
    install(site, extras=["serving"])
    with pytest.raises(AssertionError, match="toy_model:Model names the extra 'serve'"):
        Kit().test_its_extras_exist(facts(), metadata.distribution("acme-inferry-toy"))


def test_a_container_that_no_cluster_accepts_fails(site: Site) -> None:
    install(site, GOOD.replace("image=", "pod={'volumess': []}, image="))
    with pytest.raises(AssertionError, match="volumess"):
        Kit().test_renders_to_valid_documents(facts())


def test_a_plugin_that_prints_is_no_trouble(site: Site) -> None:
    install(site, f"print('hello')\n{GOOD}")
    Kit().test_loads_without_problems(facts())


def test_a_plugin_that_ends_the_interpreter_fails(site: Site) -> None:
    install(site, "import os; os._exit(7)")
    with pytest.raises(pytest.fail.Exception, match="ended the interpreter"):
        facts()


def test_settings_of_the_user_do_not_change_the_verdict(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site)
    monkeypatch.setenv("INFERRY_PLUGINS_DENY", "toy")
    Kit().test_yields_something(facts())


def test_run_kit_gives_the_exit_status(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    install(site)
    monkeypatch.setenv("PYTHONPATH", str(site.folder))
    status = run_kit("toy")
    out = capfd.readouterr().out
    assert (status, "11 passed" in out) == (0, True), out
