"""Services as plans, from YAML and without anything installed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.options import RenderOptions
from inferry_controller.rendering import render
from inferry_controller.rendering.placement import fresh
from inferry_controller.rendering.pods import Pod, pod
from inferry_controller.rendering.surroundings import NOTHING_KNOWN

from inferry.api import InferenceService, loads
from inferry.config import load_settings
from inferry.planning import Catalog, plan
from inferry.plugins import (
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
    from collections.abc import Callable, Sequence

    from inferry_controller.options import Mode
    from inferry_controller.rendering import Placement, Rendered
    from inferry_controller.rendering.surroundings import Surroundings

    from inferry.planning import Component, ServingPlan

RUNTIME = Runtime(
    name="acme",
    formats=(ModelFormat(name="acme", version="1"),),
    protocols=("v1", "v2", "grpc-v2"),
    container=ContainerTemplate(
        image="{registry}/inferry-runtime-acme:{version}",
        args=(
            "--runtime=acme",
            "--model_name={{.Name}}",
            "--model_dir=/mnt/models",
            "--http_port=8080",
        ),
        requests={"cpu": "1", "memory": "2Gi"},
        limits={"cpu": "1", "memory": "2Gi"},
    ),
    model=ImportRef("acme_runtime.model:Model", extra="serve"),
    options=(Option(name="allowPickle", type="bool", default=False),),
)
STORES = StorageBackend(
    name="stores",
    schemes=("s3", "gs", "hf", "https", "oci+fetch", "hdfs", "file"),
    client=ImportRef("acme_stores:Store"),
)


def planned(text: str, mode: Mode = "Standard") -> ServingPlan:
    """Return the plan of the InferenceService among the documents of *text*."""
    loaded = loads(textwrap.dedent(text))
    loaded.raise_for_problems()
    documents = [each.document for each in loaded.documents]
    (service,) = (each for each in documents if isinstance(each, InferenceService))
    catalog = Catalog.build(_plugins(), documents, load_settings(environ={}))
    return plan(service, catalog, backend="kubernetes", mode=mode)


def _plugins() -> Plugins:
    def of(descriptor: Any) -> Provided[Any]:
        return Provided(
            descriptor=descriptor,
            plugin=descriptor.name,
            distribution=f"acme-{descriptor.name}",
            version="1.2.0",
        )

    return Plugins(
        provided=(
            ("inferry_runtimes", (of(RUNTIME),)),
            ("inferry_storage_backends", (of(STORES),)),
        )
    )


def service(predictor: str, *, metadata: str = "", spec: str = "") -> str:
    """Return the document of an InferenceService ``iris`` in namespace ``team``."""
    return "".join(
        (
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n",
            "metadata:\n  name: iris\n  namespace: team\n",
            _indented(metadata, 2),
            "spec:\n",
            _indented(spec, 2),
            "  predictor:\n",
            _indented(predictor, 4),
        )
    )


def _indented(text: str, width: int) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * width) + "\n"


class Bench:
    """Renders one component of a service given as YAML."""

    service = staticmethod(service)
    planned = staticmethod(planned)

    def pod(
        self,
        text: str,
        *,
        component: Component = "predictor",
        options: RenderOptions | None = None,
        around: Surroundings = NOTHING_KNOWN,
    ) -> Pod:
        """Return the pod of *component*; *text* is the predictor, or all documents."""
        if "kind: InferenceService" not in text:
            text = service(text)
        made = planned(text)
        placement = fresh(made)[0]
        part = placement.revision.component(component)
        assert part is not None
        return pod(
            part,
            placement.revision,
            made,
            options or RenderOptions(storage_image="registry/inferry-storage:1"),
            around,
            name=f"iris-{component}",
            slot=placement.slot,
        )

    def render(
        self,
        text: str = "",
        *,
        placements: Sequence[Placement] | None = None,
        around: Surroundings = NOTHING_KNOWN,
        **options: Any,
    ) -> Rendered:
        """Return what *text* is rendered to; it is a predictor, or all documents."""
        if "kind: InferenceService" not in text:
            text = service(text if "containers:" in text else model(more=text))
        chosen = RenderOptions(**options)
        made = planned(text, chosen.mode)
        return render(made, chosen, placements, around=around)

    def model(self, text: str = "", more: str = "", **given: Any) -> Pod:
        """Return the pod of an acme model; *text* is below ``model``, *more* beside."""
        return self.pod(model(text, more), **given)


def model(text: str = "", more: str = "") -> str:
    """Return a predictor of an acme model in an S3 bucket."""
    if "storageUri" not in f"{text}{more}":
        text = f"storageUri: s3://bucket/iris\n{textwrap.dedent(text)}"
    fields = f"modelFormat: {{name: acme}}\n{textwrap.dedent(text)}"
    return f"model:\n{_indented(fields, 2)}{textwrap.dedent(more)}"


@pytest.fixture(scope="session")
def bench() -> Bench:
    """Return what renders pods."""
    return Bench()


@pytest.fixture
def plan_of() -> Callable[[str], ServingPlan]:
    """Return what plans the documents of a text."""
    return planned
