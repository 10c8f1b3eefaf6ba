"""Planning keeps what serves, and refuses everything or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.api import loads
from inferry.config import load_settings
from inferry.errors import BackendError, PlanningError
from inferry.planning import PLUGIN_ANNOTATION, RuntimeChoice
from inferry.plugins import (
    ImportRef,
    ModelFormat,
    Plugins,
    Provided,
    Runtime,
    load_plugins,
)
from inferry.status import Reason
from inferry_local.applying import key, plan_services

if TYPE_CHECKING:
    from inferry.api import Document

SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    model:
      modelFormat:
        name: {format}
      storageUri: /models
"""
RUNTIME = f"""
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata:
  name: better
  annotations:
    {PLUGIN_ANNOTATION}: obedient
spec:
  supportedModelFormats:
  - name: obedient
    autoSelect: true
  containers:
  - name: kserve-container
    image: example/better:1
"""


def documents(text: str) -> list[Any]:
    loaded = loads(text)
    loaded.raise_for_problems()
    return [one.document for one in loaded.documents]


@pytest.fixture
def world() -> tuple[Plugins, Any]:
    settings = load_settings(environ={})
    loaded = load_plugins("local", settings)
    runtime = Runtime(
        name="obedient",
        formats=(ModelFormat(name="obedient"),),
        protocols=("v1", "v2"),
        model=ImportRef("served:Obedient"),
    )
    provided = dict(loaded.provided)
    provided["inferry_runtimes"] = (
        Provided(descriptor=runtime, plugin="test", distribution="test", version="1.0"),
    )
    records = loaded.records
    plugins = Plugins(records=records, problems=(), provided=tuple(provided.items()))
    return plugins, settings


def chosen_by(
    world: tuple[Plugins, Any], runtimes: list[Document], **chosen: Any
) -> RuntimeChoice:
    [service] = documents(SERVICE.format(name="one", format="obedient"))
    kept = {key(service): chosen["before"]} if chosen else {}
    [planned] = plan_services([service], runtimes, *world, chosen=kept)
    predictor = planned.plan.revisions[0].component("predictor")
    assert predictor is not None
    assert predictor.runtime is not None
    return predictor.runtime


def test_a_service_keeps_its_runtime_when_a_better_one_appears(
    world: tuple[Plugins, Any],
) -> None:
    before = chosen_by(world, [])
    assert (before.name, before.scope) == ("obedient", "plugin")
    better = documents(RUNTIME)
    assert chosen_by(world, better).name == "better"
    assert chosen_by(world, better, before=before).name == "obedient"


def test_one_service_that_cannot_be_planned_is_told_as_it_is(
    world: tuple[Plugins, Any],
) -> None:
    services = documents(SERVICE.format(name="one", format="unheard-of"))
    with pytest.raises(PlanningError, match="unheard-of"):
        plan_services(services, [], *world)


def test_several_are_told_at_once_and_none_is_planned(
    world: tuple[Plugins, Any],
) -> None:
    texts = [SERVICE.format(name=name, format="unheard-of") for name in ("one", "two")]
    texts.append(SERVICE.format(name="three", format="obedient"))
    with pytest.raises(BackendError, match="2 services cannot be served") as caught:
        plan_services(documents("---".join(texts)), [], *world)
    assert "one" in str(caught.value)
    assert "two" in str(caught.value)
    assert "three" not in str(caught.value)


def test_keeping_the_best_runtime_is_no_change(world: tuple[Plugins, Any]) -> None:
    before = chosen_by(world, [])
    assert chosen_by(world, [], before=before) == before


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (
            "InferenceGraph",
            "{nodes: {root: {routerType: Sequence, steps: [{serviceName: iris}]}}}",
        ),
    ],
)
def test_a_kind_that_nothing_here_serves_is_refused_by_name(
    world: tuple[Plugins, Any], kind: str, spec: str
) -> None:
    text = f"""\
apiVersion: serving.kserve.io/v1alpha1
kind: {kind}
metadata: {{name: mine}}
spec: {spec}
"""
    with pytest.raises(PlanningError) as caught:
        plan_services([], documents(text), *world)
    assert caught.value.reason == Reason.NotSupportedByBackend
    assert f"{kind} mine" in caught.value.message


def test_a_container_that_fetches_models_is_reported(
    world: tuple[Plugins, Any], caplog: pytest.LogCaptureFixture
) -> None:
    text = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {name: abc}
spec:
  container: {name: a, image: b}
  supportedUriFormats: [{prefix: "abc://"}]
"""
    plan_services([], documents(text), *world)
    assert "ClusterStorageContainer abc has no effect here" in caplog.text
