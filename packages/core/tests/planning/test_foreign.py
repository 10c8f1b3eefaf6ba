"""A runtime whose container is another server than ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.config import load_settings
from inferry.errors import PlanningError
from inferry.planning import plan, render_runtime
from inferry.plugins import ContainerTemplate, ModelFormat, Option

if TYPE_CHECKING:
    from typing import Any

    from conftest import Kitchen

    from inferry.plugins import Runtime


@pytest.fixture
def runtime(kitchen: Kitchen) -> Runtime:
    return kitchen.runtime(
        "triton",
        ModelFormat(name="triton", version="2", priority=1),
        protocols=("v2",),
        container=ContainerTemplate(
            image="example.com/tritonserver:1",
            args=("tritonserver", "--model-store=/mnt/models"),
            server_type="tritonserver",
            metrics_port=8002,
        ),
        artifacts=("config.pbtxt",),
        options=(
            Option(name="url", default=""),
            Option(name="logVerbose", type="int", default=0),
        ),
    )


def planned(kitchen: Kitchen, runtime: Runtime, args: str, backend: str) -> Any:
    service = kitchen.service(
        f"""
        triton:
          storageUri: https://example.org/models
          args: {args}
        """
    )
    catalog = kitchen.catalog(runtime, kitchen.files)
    (revision,) = plan(service, catalog, backend=backend).revisions
    (component,) = revision.components
    return component


def test_a_cluster_runs_its_container_as_it_is(
    kitchen: Kitchen, runtime: Runtime
) -> None:
    component = planned(kitchen, runtime, "[--log-verbose=1]", "kubernetes")

    assert component.container["args"] == [
        *("tritonserver", "--model-store=/mnt/models", "--log-verbose=1")
    ]
    assert component.model.target == ""
    assert component.model.options == {}


def test_a_laptop_reads_only_the_args_of_the_service(
    kitchen: Kitchen, runtime: Runtime
) -> None:
    component = planned(kitchen, runtime, "[--log-verbose=1]", "local")

    assert component.model.target == "acme_triton:Model"
    assert component.model.options == {"url": "", "logVerbose": 1}


def test_an_option_of_the_laptop_is_refused_on_a_cluster(
    kitchen: Kitchen, runtime: Runtime
) -> None:
    with pytest.raises(PlanningError, match="--url is for the local backend"):
        planned(kitchen, runtime, "['--url=localhost:8000']", "kubernetes")


def test_a_model_that_runs_elsewhere_needs_no_storage(
    kitchen: Kitchen, runtime: Runtime
) -> None:
    service = kitchen.service("triton:\n  args: ['--url=localhost:8000']\n")
    catalog = kitchen.catalog(runtime, kitchen.files)

    (revision,) = plan(service, catalog, backend="local").revisions

    assert revision.components[0].sources == ()


def test_it_renders_with_the_type_and_the_metrics_of_its_server(
    kitchen: Kitchen, runtime: Runtime
) -> None:
    document = render_runtime(kitchen.provided(runtime), load_settings(environ={}))

    assert document["metadata"]["annotations"] == {
        "inferry.dev/runtime": "triton",
        "serving.kserve.io/server-type": "tritonserver",
    }
    assert document["spec"]["annotations"]["prometheus.kserve.io/port"] == "8002"
