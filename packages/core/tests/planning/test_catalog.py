from __future__ import annotations

from typing import Any

from inferry.config import load_settings
from inferry.errors import PluginLoadError
from inferry.planning import Catalog
from inferry.plugins import Plugins

RUNTIMES = """
    apiVersion: serving.kserve.io/v1alpha1
    kind: ClusterServingRuntime
    metadata: {name: kserve-sklearnserver}
    spec:
      supportedModelFormats: [{name: sklearn, version: "1", autoSelect: true}]
      protocolVersions: [v1, v2]
      containers: [{name: kserve-container, image: kserve/sklearnserver}]
    ---
    apiVersion: serving.kserve.io/v1alpha1
    kind: ServingRuntime
    metadata:
      name: mine
      namespace: lab
      annotations: {inferry.dev/runtime: sklearn}
    spec:
      supportedModelFormats: [{name: sklearn}]
      containers: [{name: kserve-container, image: mine}]
    ---
    apiVersion: serving.kserve.io/v1alpha1
    kind: ServingRuntime
    metadata: {name: other, namespace: elsewhere}
    spec:
      supportedModelFormats: [{name: sklearn}]
      containers: [{name: kserve-container, image: other}]
"""


def test_runtimes_stand_in_order_of_precedence(kitchen: Any) -> None:
    catalog = kitchen.catalog(documents=RUNTIMES)
    assert [(each.scope, each.name) for each in catalog.runtimes] == [
        ("namespace", "other"),
        ("namespace", "mine"),
        ("cluster", "kserve-sklearnserver"),
        ("plugin", "sklearn"),
    ]


def test_a_namespace_sees_its_own_runtimes_only(kitchen: Any) -> None:
    catalog = kitchen.catalog(documents=RUNTIMES)
    names = [each.name for each in catalog.visible("lab")]
    assert names == ["mine", "kserve-sklearnserver", "sklearn"]


def test_a_runtime_from_yaml_is_implemented_by_the_plugin_of_its_annotation(
    kitchen: Any,
) -> None:
    mine = kitchen.catalog(documents=RUNTIMES).visible("lab")[0]
    assert mine.model == kitchen.sklearn.model
    assert (mine.plugin, mine.version) == ("acme-sklearn", "1.2.3")
    assert mine.origin == "ServingRuntime mine"


def test_a_runtime_of_kserves_name_is_implemented_by_the_plugin_with_that_alias(
    kitchen: Any,
) -> None:
    cluster = kitchen.catalog(documents=RUNTIMES).visible("lab")[1]
    assert cluster.model == kitchen.sklearn.model
    assert cluster.aliases == ()


def test_a_plugin_is_in_the_same_form(kitchen: Any) -> None:
    (entry,) = kitchen.catalog().runtimes
    assert entry.origin == "plugin acme-sklearn 1.2.3"
    assert entry.protocols == ("v1", "v2")
    assert [each.version for each in entry.formats] == ["1", "0"]
    container = entry.pod["containers"][0]
    assert container["image"] == "ghcr.io/inferry/inferry-runtime-sklearn:1.2.3"


def test_a_later_document_replaces_an_earlier_one(kitchen: Any) -> None:
    text = """
        apiVersion: serving.kserve.io/v1alpha1
        kind: ClusterServingRuntime
        metadata: {name: a}
        spec:
          supportedModelFormats: [{name: FORMAT}]
          containers: [{name: kserve-container, image: i}]
    """
    documents = [
        *kitchen.documents(text.replace("FORMAT", "old")),
        *kitchen.documents(text.replace("FORMAT", "new")),
    ]
    catalog = Catalog.build(kitchen.plugins(), documents, load_settings(environ={}))
    assert [each.formats[0].name for each in catalog.runtimes] == ["new"]


def test_the_order_of_plugins_makes_no_difference(kitchen: Any) -> None:
    onnx = kitchen.runtime("onnx")
    assert kitchen.catalog(onnx, kitchen.sklearn) == kitchen.catalog(
        kitchen.sklearn, onnx
    )


def test_settings_name_the_registry_and_the_domain(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        settings={"images.registry": "r.example", "ingress.domain": "models.example"}
    )
    image = catalog.runtimes[0].pod["containers"][0]["image"]
    assert image == "r.example/inferry-runtime-sklearn:1.2.3"
    assert catalog.ingress.domain == "models.example"


def test_broken_plugins_are_remembered_with_what_is_wrong(kitchen: Any) -> None:
    problem = PluginLoadError("cannot be imported", plugin="onnx")
    plugins = Plugins(problems=(problem,))
    catalog = Catalog.build(plugins, [], load_settings(environ={}))
    assert catalog.broken == {"onnx": "cannot be imported"}
