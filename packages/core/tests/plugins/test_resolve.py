"""Depth 2: importing what a reference names, or saying what to install."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import ImplementationMissing, PluginLoadError
from inferry.plugins import ImportRef, resolve

if TYPE_CHECKING:
    from conftest import Site

REQUIRES = ["inferry<2", "acme-engine>=1; extra == 'serve'"]


def add(site: Site, **modules: str) -> None:
    files = {f"acme_rt/{name}.py": source for name, source in modules.items()}
    site.add(
        "acme-rt",
        {"acme_rt/__init__.py": "", **files},
        plugins={"acme": "acme_rt.plugin"},
        requires=REQUIRES,
        extras=["serve"],
    )


def get(target: str, extra: str | None = "serve") -> Any:
    return resolve(
        ImportRef(target, extra=extra), plugin="acme", distribution="acme-rt"
    )


def test_it_returns_the_attribute(site: Site) -> None:
    add(site, model="class Model:\n    class Inner: pass\n")
    assert get("acme_rt.model:Model").__name__ == "Model"
    assert get("acme_rt.model:Model.Inner").__name__ == "Inner"


def test_a_missing_extra_gives_the_pip_command(site: Site) -> None:
    add(site, model="import acme_engine\n")
    with pytest.raises(ImplementationMissing) as error:
        get("acme_rt.model:Model")
    assert str(error.value) == (
        "acme: acme_rt.model needs 'acme_engine', which is not installed; "
        "pip install 'acme-rt[serve]'"
    )
    assert error.value.plugin == "acme"


def test_a_missing_plugin_gives_the_pip_command(site: Site) -> None:
    with pytest.raises(ImplementationMissing, match="pip install 'acme-rt'"):
        get("acme_absent.model:Model", extra=None)


def test_a_defect_with_the_extra_installed_is_no_missing_extra(site: Site) -> None:
    add(site, model="import acme_engine_plus\n")
    site.add("acme-engine", {"acme_engine.py": ""}, plugins={})
    with pytest.raises(PluginLoadError, match="No module named 'acme_engine_plus'"):
        get("acme_rt.model:Model")


def test_a_missing_own_module_is_a_defect(site: Site) -> None:
    add(site, model="import acme_rt.forgotten\n")
    with pytest.raises(PluginLoadError, match=r"acme_rt\.forgotten"):
        get("acme_rt.model:Model")


@pytest.mark.parametrize(
    "source", ["1 / 0", "raise SystemExit(1)", "from os import no"]
)
def test_another_failure_is_a_load_error_with_its_cause(
    site: Site, source: str
) -> None:
    add(site, model=source + "\n")
    with pytest.raises(PluginLoadError) as error:
        get("acme_rt.model:Model")
    assert error.value.__cause__ is not None
    assert "reinstall acme-rt" in error.value.remedy


def test_a_missing_attribute_says_what_was_meant(site: Site) -> None:
    add(site, model="class Model: pass\n")
    with pytest.raises(PluginLoadError, match="did you mean 'Model'"):
        get("acme_rt.model:Modle")
