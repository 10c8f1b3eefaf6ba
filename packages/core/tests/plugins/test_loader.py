"""Depth 1: one good plugin beside every kind of bad one."""

from __future__ import annotations

import logging
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from inferry.config import Settings, load_settings
from inferry.errors import (
    PluginHookError,
    PluginLoadError,
    SettingsError,
)
from inferry.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    from conftest import Site

HEAD = """\
from inferry.plugins import *

@hookimpl
"""
GOOD = (
    HEAD
    + """\
def inferry_runtimes(host):
    yield Runtime(
        name="good",
        formats=(ModelFormat(name="toy"),),
        model=ImportRef("good_model:Model"),
    )
"""
)
BAD = {
    "broken-import": ("import no_such_module", PluginLoadError, "no_such_module"),
    "verbose": (
        "raise ImportError('no driver:\\n  install it')",
        PluginLoadError,
        "ImportError: no driver: install it",
    ),
    "exits": ("raise SystemExit(3)", PluginLoadError, "SystemExit: 3"),
    "bad-signature": (
        HEAD + "def inferry_runtimes(host, more):\n    return ()\n",
        PluginLoadError,
        "hook that does not fit",
    ),
    "misspelt": (
        HEAD + "def inferry_runtime(host):\n    return ()\n",
        PluginLoadError,
        "unknown hook 'inferry_runtime'; did you mean 'inferry_runtimes'?",
    ),
    "unmarked": (
        "def inferry_runtimes(host):\n    return ()\n",
        PluginLoadError,
        "without the decorator @hookimpl",
    ),
    "async": (
        HEAD + "async def inferry_runtimes(host):\n    return ()\n",
        PluginLoadError,
        "async hook 'inferry_runtimes'",
    ),
    "wrapping": (
        (
            "from inferry.plugins import hookimpl\n"
            "@hookimpl(wrapper=True)\n"
            "def inferry_runtimes(host):\n    return (yield)\n"
        ),
        PluginLoadError,
        "wraps the hook",
    ),
    "raising": (
        HEAD + "def inferry_runtimes(host):\n    raise KeyError('oh')\n    yield\n",
        PluginHookError,
        "inferry_runtimes raised KeyError: 'oh'",
    ),
    "exiting-hook": (
        HEAD + "def inferry_runtimes(host):\n    raise SystemExit\n",
        PluginHookError,
        "inferry_runtimes raised SystemExit",
    ),
    "wrong-type": (
        HEAD + "def inferry_runtimes(host):\n    return ['onnx']\n",
        PluginHookError,
        "yielded 'onnx', which is no Runtime",
    ),
    "no-iterable": (
        HEAD + "def inferry_runtimes(host):\n    return None\n",
        PluginHookError,
        "TypeError",
    ),
    "invalid": (
        HEAD + "def inferry_runtimes(host):\n    yield Runtime(name='X', formats=())\n",
        PluginHookError,
        "must be a DNS label",
    ),
}


def load(
    *, role: str = "local", settings: Settings | None = None, **kwargs: Any
) -> Plugins:
    settings = settings or load_settings(environ={})
    return load_plugins(role, settings, **kwargs)  # type: ignore[arg-type]


def names(plugins: Plugins) -> list[str]:
    return [item.descriptor.name for item in plugins.runtimes()]


def test_a_good_plugin_says_what_it_provides(site: Site) -> None:
    site.plugin("good", GOOD, version="2.5")
    plugins = load(only=["good"])
    assert plugins.problems == ()
    (item,) = plugins.runtimes()
    assert item.descriptor.name == "good"
    assert (item.plugin, item.distribution, item.version) == (
        "good",
        "acme-inferry-good",
        "2.5",
    )
    record = next(r for r in plugins.records if r.installed.name == "good")
    assert record.status == "loaded"
    assert record.provides == ("runtime good",)
    assert record.file.endswith("acme_inferry_good_plugin.py")


def test_bad_plugins_never_break_the_good_one(site: Site) -> None:
    site.plugin("good", GOOD)
    for name, (source, _, _) in BAD.items():
        site.plugin(name, source)
    plugins = load(only=["good", *BAD])
    assert names(plugins) == ["good"]
    assert sorted(problem.plugin for problem in plugins.problems) == sorted(BAD)


@pytest.mark.parametrize("name", BAD)
def test_each_fault_is_named_with_its_distribution(site: Site, name: str) -> None:
    source, kind, said = BAD[name]
    site.plugin(name, source)
    plugins = load(only=[name])
    (problem,) = plugins.problems
    assert type(problem) is kind
    assert said in problem.message
    assert problem.distribution == f"acme-inferry-{name}"
    assert f"acme-inferry-{name} 1.0" in problem.message
    assert "plugins.deny" in problem.remedy
    assert "\n" not in str(problem)
    assert names(plugins) == []


def test_a_failed_plugin_leaves_no_hook_behind(site: Site) -> None:
    site.plugin("half", GOOD + "\n\n@hookimpl\ndef inferry_setting():\n    return ()\n")
    plugins = load(only=["half"])
    assert names(plugins) == []
    assert plugins.records[0].status in {"failed", "disabled"}


def test_a_fault_of_one_hook_leaves_the_others(site: Site) -> None:
    source = """
    @hookimpl
    def inferry_settings():
        raise RuntimeError("no settings today")
    """
    site.plugin("good", GOOD + textwrap.dedent(source))
    plugins = load(only=["good"])
    assert names(plugins) == ["good"]
    assert [type(p) for p in plugins.problems] == [PluginHookError]


def test_control_c_is_not_swallowed(site: Site) -> None:
    site.plugin("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(only=["slow"])


def test_an_optional_hook_of_a_later_core_is_fine(site: Site) -> None:
    later = (
        "\n\n@hookimpl(optionalhook=True)\ndef inferry_later(host):\n    return ()\n"
    )
    site.plugin("good", GOOD + later)
    plugins = load(only=["good"])
    assert (names(plugins), plugins.problems) == (["good"], ())


def test_a_hook_without_arguments_is_fine(site: Site) -> None:
    site.plugin("good", GOOD.replace("(host)", "()"))
    assert names(load(only=["good"])) == ["good"]


def test_a_disabled_plugin_is_not_imported(site: Site) -> None:
    site.plugin("good", GOOD)
    plugins = load(settings=load_settings(environ={"INFERRY_PLUGINS_DENY": "good"}))
    assert "acme_inferry_good_plugin" not in sys.modules
    assert "good" not in names(plugins)


def test_loading_twice_gives_the_same(site: Site) -> None:
    site.plugin("good", GOOD)
    assert names(load(only=["good"])) == names(load(only=["good"]))


def test_a_hook_sees_the_role_and_its_settings(site: Site) -> None:
    source = """\
    from inferry.plugins import *

    @hookimpl
    def inferry_settings():
        yield SettingsSpec(section="plugins.curious", key="size", type="int", default=1)

    @hookimpl
    def inferry_runtimes(host):
        yield Runtime(
            name=f"{host.role}-{host.settings('curious')['size']}",
            formats=(ModelFormat(name="toy"),),
            model=ImportRef("m:M"),
        )
    """
    site.plugin("curious", source)
    settings = load_settings(environ={"INFERRY_PLUGINS__CURIOUS__SIZE": "7"})
    plugins = load(only=["curious"], settings=settings)
    assert plugins.problems == ()
    assert names(plugins) == ["local-7"]
    assert settings.value("plugins.curious", "size") == 7


def test_a_wrong_value_of_a_plugins_setting_stops(site: Site) -> None:
    source = """\
    from inferry.plugins import *

    @hookimpl
    def inferry_settings():
        yield SettingsSpec(section="plugins.curious", key="size", type="int", default=1)
    """
    site.plugin("curious", source)
    settings = load_settings(environ={"INFERRY_PLUGINS__CURIOUS__SIZE": "big"})
    with pytest.raises(SettingsError) as error:
        load(only=["curious"], settings=settings)
    assert error.value.problems == (
        "INFERRY_PLUGINS__CURIOUS__SIZE: must be a whole number, got 'big'",
    )


def test_a_third_party_declares_only_in_its_section(site: Site) -> None:
    source = """\
    from inferry.plugins import *

    @hookimpl
    def inferry_settings():
        yield SettingsSpec(section="gateway", key="evil")
    """
    site.plugin("grabby", source)
    plugins = load(only=["grabby"])
    assert plugins.settings() == ()
    (problem,) = plugins.problems
    assert "declares a setting in [gateway]" in problem.message
    assert "declare it in [plugins.grabby]" in problem.remedy


def test_tracing_is_seen_without_any_logging_set_up(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.plugin("good", GOOD)
    settings = load_settings(environ={"INFERRY_PLUGINS_TRACE": "1"})
    with caplog.at_level(logging.WARNING):
        load(only=["good"], settings=settings)
    assert "good: imported acme_inferry_good_plugin" in caplog.messages
