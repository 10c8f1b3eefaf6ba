"""``inferry config``: every setting with its origin, and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner, Result

from inferry.cli import main

if TYPE_CHECKING:
    import pytest
    from conftest import Site

PLUGIN = """\
from inferry.plugins import *

@hookimpl
def inferry_settings():
    yield SettingsSpec(section="plugins.hub", key="token", secret=True, help="Key.")
"""


def inferry(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def line(result: Result, name: str) -> list[str]:
    found = next(each for each in result.stdout.splitlines() if each.startswith(name))
    return found.split()


def test_each_setting_has_value_and_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("inferry.toml").write_text('[ingress]\ndomain = "file.example"\n')
    monkeypatch.setenv("INFERRY_PLUGINS_DENY", "a,b")
    result = inferry("--set", "ingress.url_scheme=https", "config")
    assert result.exit_code == 0
    assert line(result, "ingress.domain ")[1:3] == ["file.example", "inferry.toml"]
    assert line(result, "ingress.url_scheme")[1:3] == ["https", "--set"]
    assert line(result, "plugins.deny")[1:3] == ["a,b", "INFERRY_PLUGINS_DENY"]
    assert line(result, "plugins.trace")[1:3] == ["false", "default"]


def test_secrets_of_plugins_are_hidden(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("hub", PLUGIN)
    monkeypatch.setenv("INFERRY_PLUGINS__HUB__TOKEN", "t0p-s3cret")
    result = inferry("config", "plugins.hub")
    assert line(result, "plugins.hub.token")[1] == "********"
    (setting,) = json.loads(inferry("config", "plugins.hub", "--json").stdout)
    assert setting["value"] == "********"
    assert setting["secret"] is True
    assert setting["help"] == "Key."


def test_a_section_can_be_asked_for() -> None:
    settings = json.loads(inferry("config", "ingress", "--json").stdout)
    assert {each["section"] for each in settings} == {"ingress"}
    (one,) = json.loads(inferry("config", "ingress.domain", "--json").stdout)
    assert one["value"] == one["default"] == "example.com"
    assert one["origin"] == "default"


def test_an_unknown_section_is_a_usage_error() -> None:
    result = inferry("config", "nowhere")
    assert result.exit_code == 2
    assert "there is no setting 'nowhere'" in result.stderr


def test_wrong_settings_are_all_listed() -> None:
    Path("inferry.toml").write_text("[ingress]\ndomian = 'x'\nurl_scheme = 1\n")
    result = inferry("config")
    assert result.exit_code == 1
    assert "domian: unknown setting; did you mean 'domain'?" in result.stderr
    assert "url_scheme: must be a string, got 1" in result.stderr


def test_a_section_of_an_absent_plugin_is_a_warning() -> None:
    Path("inferry.toml").write_text("[plugins.absent]\nkey = 1\n")
    result = inferry("config")
    assert result.exit_code == 0
    assert "warning: inferry.toml: [plugins.absent] key: no plugin" in result.stderr
