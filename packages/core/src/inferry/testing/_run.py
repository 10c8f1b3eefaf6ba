"""Run `PluginTests` against an installed plugin, for ``inferry plugins check``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_TEST = """\
from inferry.testing import PluginTests


class TestPlugin(PluginTests):
    plugin = {plugin!r}
"""


def run_kit(plugin: str, *, verbose: bool = False) -> int:
    """Run the kit against *plugin* in a pytest of its own; return the exit status."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_plugin.py"
        test.write_text(_TEST.format(plugin=plugin), "utf-8")
        settings = Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\n", "utf-8")
        done = subprocess.run(  # noqa: S603 - our own arguments
            [
                *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
                # It warns about a setting that only matters to asynchronous tests.
                *("-p", "no:asyncio"),
                *("-c", str(settings), "--rootdir", folder, "--tb=short", "-r", "fs"),
                *(["-v"] if verbose else ["-q"]),
                str(test),
            ],
            check=False,
            env=environ,
        )
    return done.returncode
