"""What the package tells Inferry of itself, and at what price."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

from inferry_gateway import GatewaySettings
from inferry_gateway.plugin import inferry_settings


def test_every_setting_is_declared_with_type_default_and_help() -> None:
    specs = list(inferry_settings())
    defaults = GatewaySettings()
    assert [s.key for s in specs] == list(GatewaySettings.__struct_fields__)
    for spec in specs:
        assert spec.section == "gateway"
        assert spec.default == getattr(defaults, spec.key)
        assert spec.type == type(spec.default).__name__
        assert spec.help


def test_the_entry_point_leads_to_the_plugin() -> None:
    (found,) = entry_points(group="inferry.plugins.v1", name="gateway")
    assert found.value == "inferry_gateway.plugin"
    assert found.load().inferry_settings is inferry_settings


def test_the_descriptor_imports_no_proxy() -> None:
    code = (
        "import sys, inferry_gateway.plugin as p; list(p.inferry_settings());"
        "found = {'asyncio', 'httptools', 'uvloop'} & set(sys.modules);"
        "sys.exit(' '.join(found) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
