"""Catalogs of descriptors and documents, without anything installed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from inferry.api import InferenceService, loads
from inferry.config import load_settings
from inferry.planning import Catalog
from inferry.plugins import (
    AutoscalingPolicy,
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Plugins,
    Provided,
    Runtime,
    StorageBackend,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SKLEARN = Runtime(
    name="sklearn",
    formats=(
        ModelFormat(name="sklearn", version="1", priority=2),
        ModelFormat(name="sklearn", version="0", priority=2),
    ),
    protocols=("v1", "v2"),
    container=ContainerTemplate(
        image="{registry}/inferry-runtime-sklearn:{version}",
        args=("--model_name={{.Name}}", "--model_dir=/mnt/models"),
        env={"LEVEL": "info"},
    ),
    model=ImportRef("acme_sklearn.model:Model", extra="serve"),
    artifacts=("*.skops",),
    aliases=("kserve-sklearnserver",),
    options=(
        Option(name="allowPickle", type="bool", default=False),
        Option(name="method", default="predict"),
        Option(name="threads", type="int", default=0),
        Option(name="threshold", type="float"),
    ),
)
FILES = StorageBackend(
    name="local", schemes=("file", "https"), client=ImportRef("acme_files:Files")
)


class Kitchen:
    """Makes catalogs and services from short texts."""

    sklearn = SKLEARN
    files = FILES

    def runtime(self, name: str, *formats: ModelFormat, **fields: Any) -> Runtime:
        """Return a runtime that serves *formats*; by default its own name."""
        fields.setdefault("model", ImportRef(f"acme_{name.replace('-', '_')}:Model"))
        fields.setdefault("protocols", ("v1", "v2"))
        return Runtime(
            name=name, formats=formats or (ModelFormat(name=name),), **fields
        )

    def provided(self, descriptor: Any, distribution: str = "") -> Provided[Any]:
        name = distribution or f"acme-{descriptor.name}"
        return Provided(
            descriptor=descriptor,
            plugin=descriptor.name,
            distribution=name,
            version="1.2.3",
        )

    def plugins(self, *descriptors: Any) -> Plugins:
        def of(kind: type) -> tuple[Provided[Any], ...]:
            return tuple(self.provided(d) for d in descriptors if isinstance(d, kind))

        return Plugins(
            provided=(
                ("inferry_runtimes", of(Runtime)),
                ("inferry_storage_backends", of(StorageBackend)),
                ("inferry_autoscaling_policies", of(AutoscalingPolicy)),
            )
        )

    def catalog(
        self,
        *descriptors: Any,
        documents: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> Catalog:
        """Return a catalog of *descriptors* (default: sklearn, files) and YAML."""
        return Catalog.build(
            self.plugins(*(descriptors or (SKLEARN, FILES))),
            self.documents(documents),
            load_settings(environ={}, overrides=dict(settings or {})),
        )

    def documents(self, text: str) -> Sequence[Any]:
        if not text.strip():
            return []
        loaded = loads(textwrap.dedent(text))
        loaded.raise_for_problems()
        return [each.document for each in loaded.documents]

    def service(self, predictor: str, *, metadata: str = "", spec: str = "") -> Any:
        """Return an InferenceService ``iris`` with *predictor*, all in YAML."""
        text = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
        text += "metadata:\n  name: iris\n" + _indented(metadata, 2)
        text += "spec:\n" + _indented(spec, 2)
        text += "  predictor:\n" + _indented(predictor, 4)
        (document,) = self.documents(text)
        assert isinstance(document, InferenceService)
        return document

    def model(self, text: str = "", **more: str) -> Any:
        """Return a service of an sklearn model with further model fields."""
        fields = "modelFormat: {name: sklearn}\nstorageUri: https://example.org/iris\n"
        return self.service("model:\n" + _indented(fields + text, 2), **more)


def _indented(text: str, width: int) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * width) + "\n"


@pytest.fixture
def kitchen() -> Kitchen:
    """Give the factory of catalogs and services."""
    return Kitchen()
