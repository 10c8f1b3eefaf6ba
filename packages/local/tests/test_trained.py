"""TrainedModels are planned as their service would be, or refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.api import loads
from inferry.config import load_settings
from inferry.errors import PlanningError
from inferry.plugins import (
    ImportRef,
    ModelFormat,
    Option,
    Plugins,
    Provided,
    Runtime,
    load_plugins,
)
from inferry_local.applying import plan_services
from inferry_local.trained import memory_budget

if TYPE_CHECKING:
    from inferry.api import Document
    from inferry_local.applying import Planned

HOST = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: host}
spec:
  predictor:
    serviceAccountName: reader
    model:
      modelFormat: {name: obedient}
      args: [--mood=calm]
"""
MODEL = """\
apiVersion: serving.kserve.io/v1alpha1
kind: TrainedModel
metadata: {{name: {name}}}
spec:
  inferenceService: {host}
  model: {{framework: {framework}, storageUri: {uri}, memory: {memory}}}
"""


@pytest.fixture
def world() -> tuple[Plugins, Any]:
    runtimes = [
        Runtime(
            name=name,
            formats=(ModelFormat(name=name, priority=1),),
            model=ImportRef("models:Obedient"),
            artifacts=("*.bin",),
            options=(Option(name="mood", default=""),),
        )
        for name in ("obedient", "wilful")
    ]
    settings = load_settings(environ={})
    loaded = load_plugins("local", settings)
    provided = dict(loaded.provided)
    provided["inferry_runtimes"] = tuple(
        Provided(descriptor=each, plugin="test", distribution="test", version="1.0")
        for each in runtimes
    )
    plugins = Plugins(
        records=loaded.records, problems=(), provided=tuple(provided.items())
    )
    return plugins, settings


def model(**more: Any) -> str:
    usual = {"name": "one", "host": "host", "framework": "obedient"}
    return MODEL.format(**{**usual, "uri": "s3://a/b", "memory": "64Mi", **more})


def documents(*texts: str) -> list[Document]:
    loaded = loads("---\n".join(texts))
    loaded.raise_for_problems()
    return [each.document for each in loaded.documents]


def planned(world: tuple[Plugins, Any], *models: str, **more: Any) -> Planned:
    service, *others = documents(HOST, *models)
    (found,) = plan_services([service], others, *world, **more)
    return found


def test_a_service_without_a_model_of_its_own_hosts(
    world: tuple[Plugins, Any],
) -> None:
    found = planned(world, model(), model(name="two", uri="./x", memory=1000))

    assert found.hosts
    assert {each.name: each.memory for each in found.trained} == {
        "one": 64 * 1024**2,
        "two": 1000,
    }


def test_without_models_it_says_where_one_could_come_from(
    world: tuple[Plugins, Any],
) -> None:
    with pytest.raises(PlanningError) as caught:
        planned(world)

    assert "does not say where the model is" in caught.value.message
    assert "TrainedModels" in caught.value.remedy


def test_one_that_hosted_goes_on_without_models(world: tuple[Plugins, Any]) -> None:
    found = planned(world, known={("default", "host"): True})

    assert found.hosts
    assert not found.trained


def test_a_model_has_the_secrets_and_options_of_its_service(
    world: tuple[Plugins, Any],
) -> None:
    (found,) = planned(world, model()).trained

    component = found.revision.component("predictor")
    assert component is not None
    assert component.model is not None
    assert component.model.options["mood"] == "calm"
    assert [each.uri for each in component.sources] == ["s3://a/b"]


def test_a_model_of_another_format_has_a_runtime_of_its_own(
    world: tuple[Plugins, Any],
) -> None:
    (found,) = planned(world, model(framework="wilful")).trained

    component = found.revision.component("predictor")
    assert component is not None
    assert component.runtime is not None
    assert component.runtime.name == "wilful"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"framework": "unheard-of"}, "TrainedModel x: no runtime here serves"),
        ({"name": "host"}, "has a model of that name itself"),
        ({"host": "nowhere"}, "no InferenceService default/nowhere to serve it"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(
    world: tuple[Plugins, Any], more: dict[str, str], message: str
) -> None:
    with pytest.raises(PlanningError, match=message):
        planned(world, model(), model(**{"name": "x", **more}))


@pytest.mark.parametrize(
    ("container", "budget"),
    [
        ({}, 0),
        ({"resources": {"limits": {"memory": "1Gi"}}}, 1024**3),
        ({"resources": {"limits": {"cpu": 1}}}, 0),
    ],
)
def test_the_limit_of_the_container_is_the_budget(
    container: dict[str, Any], budget: int
) -> None:
    assert memory_budget(container) == budget
