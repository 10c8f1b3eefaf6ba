"""Tier 0: what a plugin must be before anything of it runs. Needs no framework."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import pytest
from packaging.requirements import Requirement

from inferry.plugins._discovery import normalised
from inferry.testing._overrides import KitRules

_PROBE = Path(__file__).with_name("_probe.py")
_TIMEOUT = 60
_LOWER = frozenset({">=", ">", "==", "~=", "==="})
_UPPER = frozenset({"<", "<=", "==", "~=", "==="})
#: What a controller must not have to install only to know what a plugin offers.
_HEAVY = frozenset(
    {
        "catboost", "fastapi", "grpcio", "inferry-local", "inferry-server", "jax",
        "keras", "lightgbm", "mlflow", "numpy", "onnxruntime", "onnxruntime-gpu",
        "opencv-python", "openvino", "paddlepaddle", "pandas", "polars", "pyarrow",
        "pyspark", "ray", "scikit-learn", "scipy", "sentence-transformers", "spacy",
        "tensorflow", "tensorrt", "torch", "torchvision", "transformers",
        "tritonclient", "vllm", "xgboost",
    }
)  # fmt: skip


class PluginTests(KitRules):
    """Checks an installed plugin from the outside, in an interpreter of its own.

    Set ``plugin`` to the name of the entry point in the group ``inferry.plugins.v1``.
    """

    plugin: ClassVar[str]

    @pytest.fixture
    def facts(self) -> dict[str, Any]:
        """What a fresh interpreter found when it loaded the plugin."""
        return _probe(self.plugin, tuple(sys.path))

    @pytest.fixture
    def distribution(self) -> metadata.Distribution:
        """The distribution that the plugin comes from."""
        for point in metadata.entry_points(group="inferry.plugins.v1"):
            if point.name == self.plugin and point.dist is not None:
                return point.dist
        return pytest.fail(f"no plugin {self.plugin!r} is installed")

    def test_is_installed_once(self, facts: dict[str, Any]) -> None:
        """Exactly one distribution has the plugin.

        On failure: install your package into this environment (``pip install -e .``)
        and check ``[project.entry-points."inferry.plugins.v1"]`` in pyproject.toml; or
        remove the other distribution that uses the name.
        """
        assert len(facts["installed"]) == 1, (
            f"plugin {self.plugin!r} is in {facts['installed'] or 'no distribution'}"
        )

    def test_loads_without_problems(self, facts: dict[str, Any]) -> None:
        """The module imports, its hooks are known, each yields descriptors.

        On failure: ``inferry plugins doctor -v`` prints the same with a traceback.
        """
        assert not facts["problems"], "\n".join(facts["problems"])

    def test_yields_something(self, facts: dict[str, Any]) -> None:
        """At least one hook yields at least one descriptor.

        On failure: the hook is not in the module that the entry point names, it lacks
        ``@hookimpl``, or it returns nothing.
        """
        assert facts["descriptors"], f"plugin {self.plugin!r} yields nothing"

    def test_imports_no_framework(self, facts: dict[str, Any]) -> None:
        """Loading imports the plugin's own package, the standard library, no more.

        On failure: move the import into the module that an ``ImportRef`` names. Of
        Inferry, only ``inferry.plugins`` may be imported at this depth; look also at
        the ``__init__`` of your package.
        """
        assert not facts["foreign"], f"imported: {', '.join(facts['foreign'])}"

    def test_every_hook_is_documented(self, facts: dict[str, Any]) -> None:
        """Each hook has a docstring that says what it adds.

        On failure: write one sentence below the ``def``.
        """
        undocumented = ", ".join(facts["undocumented"])
        assert not undocumented, f"no docstring: {undocumented}"

    def test_descriptors_survive_pickle(self, facts: dict[str, Any]) -> None:
        """Descriptors travel to other processes unchanged.

        On failure: put plain values into them, no functions, modules or locks.
        """
        broken = [
            f"{each['kind']} {each['name']}: {each['pickle']}"
            for each in facts["descriptors"]
            if each["pickle"]
        ]
        assert not broken, "\n".join(broken)

    def test_bounds_inferry_on_both_sides(
        self, distribution: metadata.Distribution
    ) -> None:
        """The plugin says which versions of Inferry it works with.

        On failure: put ``"inferry>=0.1,<2"`` into ``dependencies``: the lowest version
        that you test, and the next major.
        """
        bounds = [r.specifier for r in _requirements(distribution, "inferry")]
        operators = {each.operator for bound in bounds for each in bound}
        given = ",".join(map(str, bounds)) or "nothing"
        assert operators & _LOWER, f"no lower bound on inferry, only {given}"
        assert operators & _UPPER, f"no upper bound on inferry, only {given}"

    def test_needs_nothing_heavy(
        self, facts: dict[str, Any], distribution: metadata.Distribution
    ) -> None:
        """Without its extras the plugin installs in a controller in a second.

        On failure: move the requirement into an extra, name that in
        ``ImportRef(..., extra="serve")``.
        """
        kinds = {each["kind"] for each in facts["descriptors"]}
        if kinds <= {"SettingsSpec"}:
            pytest.skip("the plugin offers nothing that a controller would load")
        heavy = [r.name for r in _requirements(distribution) if _is_heavy(r)]
        assert not heavy, f"always installs {', '.join(heavy)}"

    def test_its_extras_exist(
        self, facts: dict[str, Any], distribution: metadata.Distribution
    ) -> None:
        """Each extra that an ``ImportRef`` names is one of the distribution's.

        On failure: correct the name, or add it to ``[project.optional-dependencies]``;
        users are told to install it when the implementation is missing.
        """
        known = {
            normalised(extra)
            for extra in distribution.metadata.get_all("Provides-Extra") or ()
        }
        missing = [
            f"{reference['target']} names the extra {reference['extra']!r}"
            for each in facts["descriptors"]
            for reference in each["references"]
            if reference["extra"] and normalised(reference["extra"]) not in known
        ]
        assert not missing, "\n".join(missing)

    def test_renders_to_valid_documents(self, facts: dict[str, Any]) -> None:
        """Each container template becomes a document that a cluster accepts.

        On failure: the messages name the fields; most come from ``container.pod``.
        """
        if not facts["rendered"]:
            pytest.skip("no descriptor of the plugin has a container")
        from inferry.api import loads

        problems = []
        for document in facts["rendered"]:
            if document["kind"] == "ClusterServingRuntime":
                name = document["metadata"]["name"]
                loaded = loads(json.dumps(document), file=name)
                problems += [str(problem) for problem in loaded.errors]
        assert not problems, "\n".join(problems)


@functools.lru_cache
def _probe(plugin: str, path: tuple[str, ...]) -> dict[str, Any]:
    """Load *plugin* in a fresh interpreter that sees *path*, and no settings."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("INFERRY_")}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    done = subprocess.run(  # noqa: S603 - our own file
        [sys.executable, "-P", str(_PROBE), plugin],
        capture_output=True,
        check=False,
        env=environ,
        text=True,
        timeout=_TIMEOUT,
    )
    if done.returncode:
        pytest.fail(f"loading {plugin!r} ended the interpreter:\n{done.stderr}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def _requirements(
    distribution: metadata.Distribution, name: str = ""
) -> list[Requirement]:
    """Return what *distribution* needs without any extra, of one *name* if given."""
    requirements = map(Requirement, distribution.requires or ())
    return [
        requirement
        for requirement in requirements
        if (not name or normalised(requirement.name) == name)
        and (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
    ]


def _is_heavy(requirement: Requirement) -> bool:
    return normalised(requirement.name) in _HEAVY
