"""Names that several plugins claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.config import load_settings
from inferry.errors import PluginConflict
from inferry.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    from conftest import Site

HEAD = "from inferry.plugins import *\n\n@hookimpl\n"


def runtime(name: str, aliases: tuple[str, ...] = ()) -> str:
    return (
        HEAD + f"def inferry_runtimes():\n"
        f"    yield Runtime(name={name!r}, aliases={aliases!r},\n"
        f"        formats=(ModelFormat(name='toy'),), model=ImportRef('m:M'))\n"
    )


def storage(name: str, *schemes: str) -> str:
    return (
        HEAD + f"def inferry_storage_backends():\n"
        f"    yield StorageBackend(name={name!r}, schemes={schemes!r},\n"
        f"        client=ImportRef('m:M'))\n"
    )


def policy(name: str) -> str:
    return (
        HEAD + "def inferry_autoscaling_policies():\n"
        f"    yield AutoscalingPolicy(name={name!r}, policy=ImportRef('m:M'))\n"
    )


def load(*only: str, **environ: str) -> Plugins:
    return load_plugins("local", load_settings(environ=environ), only=only)


def owners(plugins: Plugins) -> dict[str, str]:
    items = (
        *plugins.runtimes(),
        *plugins.storage_backends(),
        *plugins.autoscaling_policies(),
    )
    return {item.descriptor.name: item.plugin for item in items}


def test_two_claims_disable_both_and_nobody_else(site: Site) -> None:
    site.plugin("one", runtime("toy"))
    site.plugin("two", runtime("toy"))
    site.plugin("three", runtime("other"))
    plugins = load("one", "two", "three")
    assert owners(plugins) == {"other": "three"}
    (problem,) = plugins.problems
    assert type(problem) is PluginConflict
    assert problem.message == (
        "runtime 'toy' is claimed by acme-inferry-one and acme-inferry-two; "
        "none of them is usable"
    )
    assert "plugins.deny" in problem.remedy


def test_an_override_chooses(site: Site) -> None:
    site.plugin("one", runtime("toy"))
    site.plugin("two", runtime("toy"))
    for name in ("two", "acme-inferry-two"):
        environ = {"INFERRY_PLUGINS__OVERRIDE": f"runtime.toy={name}"}
        plugins = load("one", "two", **environ)
        assert owners(plugins) == {"toy": "two"}
        assert plugins.problems == ()


def test_a_denied_plugin_conflicts_with_nobody(site: Site) -> None:
    site.plugin("one", runtime("toy"))
    site.plugin("two", runtime("toy"))
    plugins = load("one", "two", INFERRY_PLUGINS_DENY="two")
    assert owners(plugins) == {"toy": "one"}


def test_a_first_party_name_is_protected(site: Site) -> None:
    site.plugin("zz", runtime("toy"), distribution="inferry-runtime-tensorflow")
    site.plugin("one", runtime("toy"))
    plugins = load("zz", "one")
    assert owners(plugins) == {"toy": "zz"}
    (problem,) = plugins.problems
    assert problem.plugin == "one"
    assert "inferry-runtime-tensorflow's is kept" in problem.message
    environ = {"INFERRY_PLUGINS__OVERRIDE": "runtime.toy=acme-inferry-one"}
    assert owners(load("zz", "one", **environ)) == {"toy": "one"}


def test_a_prefix_makes_nobody_first_party(site: Site) -> None:
    site.plugin("zz", runtime("toy"), distribution="inferry-runtime-acme")
    site.plugin("one", runtime("toy"))
    assert owners(load("zz", "one")) == {}


def test_an_alias_is_a_claim(site: Site) -> None:
    site.plugin("one", runtime("toy", ("old-toy",)))
    site.plugin("two", runtime("old-toy"))
    plugins = load("one", "two")
    assert owners(plugins) == {}
    assert "runtime 'old-toy' is claimed" in str(plugins.problems[0])


@pytest.mark.parametrize(
    ("first", "second", "claim"),
    [
        (storage("one", "toy"), storage("two", "toy"), "scheme 'toy'"),
        (storage("same", "a"), storage("same", "b"), "storage 'same'"),
        (policy("same"), policy("same"), "policy 'same'"),
    ],
)
def test_schemes_and_policies_are_claims_too(
    site: Site, first: str, second: str, claim: str
) -> None:
    site.plugin("one", first)
    site.plugin("two", second)
    plugins = load("one", "two")
    assert owners(plugins) == {}
    assert claim in plugins.problems[0].message


def test_one_plugin_with_a_name_twice_is_a_conflict(site: Site) -> None:
    source = runtime("toy")
    site.plugin(
        "one",
        source + source.splitlines(keepends=True)[-2] + "        "
        "formats=(ModelFormat(name='toy'),), model=ImportRef('m:M'))\n",
    )
    plugins = load("one")
    assert owners(plugins) == {}
    assert "claimed by acme-inferry-one;" in plugins.problems[0].message
