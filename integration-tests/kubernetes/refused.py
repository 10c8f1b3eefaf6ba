"""Documents that an API server refuses: which, the field it names, and its words."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
MODEL: Object = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/iris"}
MAIN: Object = {"name": "kserve-container", "image": "example.com/model:v1"}


def service(name: str = "iris", **spec: Any) -> Object:
    """Return an InferenceService of *spec*."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"model": MODEL}, **spec},
    }


def predictor(**fields: Any) -> Object:
    """Return a service whose predictor has a model and *fields*."""
    return service(predictor={"model": MODEL, **fields})


def model(**fields: Any) -> Object:
    """Return a service whose model has *fields*."""
    return predictor(model=MODEL | fields)


def only(**fields: Any) -> Object:
    """Return a service whose predictor is *fields*."""
    return service(predictor=fields)


def canaries(*each: Object, **stable: Any) -> Object:
    """Return a service with named canaries."""
    return service(predictor={"model": MODEL, **stable}, canary=list(each))


def canary(name: str, percent: int = 10, **fields: Any) -> Object:
    """Return one named canary."""
    named = {"name": name} if name else {}
    return {"trafficPercent": percent, "predictor": {**named, "model": MODEL, **fields}}


def runtime(**spec: Any) -> Object:
    """Return a ServingRuntime."""
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "mine"},
        "spec": {"containers": [MAIN], **spec},
    }


def graph(**spec: Any) -> Object:
    """Return an InferenceGraph."""
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "InferenceGraph",
        "metadata": {"name": "graph"},
        "spec": spec,
    }


def nodes(*steps: Object, kind: str = "Sequence", **more: Object) -> Object:
    """Return a graph with a root of *steps*."""
    return graph(nodes={"root": {"routerType": kind, "steps": list(steps)}, **more})


def trained(**given: Any) -> Object:
    """Return a TrainedModel."""
    whole = {"framework": "onnx", "storageUri": "s3://a/b", "memory": "1Gi", **given}
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "TrainedModel",
        "metadata": {"name": "trained"},
        "spec": {"inferenceService": "server", "model": whole},
    }


def fetcher(**spec: Any) -> Object:
    """Return a ClusterStorageContainer."""
    whole = {"container": MAIN, "supportedUriFormats": [{"prefix": "abc://"}], **spec}
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": "refused"},
        "spec": whole,
    }


def variables(*names: str) -> list[Object]:
    """Return environment variables."""
    return [{"name": name, "value": "x"} for name in names]


STEP: Object = {"serviceName": "iris"}
PODS: Object = {"name": "transformer-container", "image": "example.com/t:v1"}

REFUSED: dict[str, tuple[Object, str, str]] = {
    "a name in capitals": (service("Iris"), "metadata.name", "RFC 1123"),
    "a name that begins with a digit": (service("1st"), "metadata.name", "is invalid"),
    "a name too long": (service("a" * 60), "metadata.name", "63 characters"),
    "a name too long with the predictor's": (
        predictor(name="b" * 50),
        "metadata.name",
        "63 characters",
    ),
    "a predictor's name": (predictor(name="B"), "spec.predictor.name", "should match"),
    "no predictor": (
        {k: v for k, v in service().items() if k != "spec"} | {"spec": {}},
        "spec.predictor",
        "Required",
    ),
    "no implementation": (only(), "spec.predictor", "exactly one of"),
    "two implementations": (
        predictor(sklearn={"storageUri": "s3://a/b"}),
        "spec.predictor",
        "exactly one of",
    ),
    "a model and a container": (
        predictor(containers=[MAIN]),
        "spec.predictor",
        "exactly one of",
    ),
    "no container that serves": (
        only(containers=[MAIN | {"name": "a"}, MAIN | {"name": "b"}]),
        "spec.predictor",
        "exactly one of",
    ),
    "a container without image": (
        only(containers=[{"name": "kserve-container"}]),
        "spec.predictor.containers",
        "image is required",
    ),
    "a container twice": (
        only(containers=[MAIN, MAIN]),
        "spec.predictor.containers",
        "Duplicate",
    ),
    "a variable twice": (
        model(env=variables("A", "A")),
        "spec.predictor.model.env",
        "Duplicate",
    ),
    "no format": (
        only(model={"storageUri": "s3://a/b"}),
        "spec.predictor.model",
        "modelFormat is required",
    ),
    "a model's container has a name": (
        model(name="mine"),
        "spec.predictor.model.name",
        "not allowed in standard predictor",
    ),
    "code by a variable of the model": (
        model(env=variables("PYTHONPATH")),
        "spec.predictor.model.env",
        "PYTHONPATH",
    ),
    "code by a variable of a container": (
        only(containers=[MAIN | {"env": variables("LD_PRELOAD")}]),
        "spec.predictor.containers[0].env",
        "LD_PRELOAD",
    ),
    "a protocol of a model": (
        model(protocolVersion="v3"),
        "spec.predictor.model.protocolVersion",
        "supported values",
    ),
    "a protocol of a container": (
        only(containers=[MAIN | {"env": [{"name": "PROTOCOL", "value": "v9"}]}]),
        "spec.predictor.containers",
        "[v1, v2]",
    ),
    "more least than most replicas": (
        predictor(minReplicas=3, maxReplicas=2),
        "spec.predictor.minReplicas",
        "cannot be greater than MaxReplicas",
    ),
    "negative replicas": (
        predictor(minReplicas=-1),
        "spec.predictor.minReplicas",
        "greater than or equal to 0",
    ),
    "replicas in quotes": (
        predictor(minReplicas="2"),
        "spec.predictor.minReplicas",
        "must be of type integer",
    ),
    "a share of cpu above all": (
        predictor(scaleMetric="cpu", scaleTarget=120),
        "spec.predictor.scaleTarget",
        "[1-100]",
    ),
    "an unknown metric": (
        predictor(scaleMetric="gpu"),
        "spec.predictor.scaleMetric",
        "supported values",
    ),
    "a share of traffic above all": (
        predictor(canaryTrafficPercent=101),
        "spec.predictor.canaryTrafficPercent",
        "less than or equal to 100",
    ),
    "two sources": (
        predictor(storageUris=[{"uri": "s3://a/b"}]),
        "spec.predictor.storageUris",
        "Setting both",
    ),
    "a source and a storage path": (
        model(storage={"path": "a"}),
        "spec.predictor.model.storage",
        "only one of storageUri and storage.path",
    ),
    "an empty URI": (
        predictor(model={"modelFormat": {"name": "a"}}, storageUris=[{"uri": ""}]),
        "spec.predictor.storageUris[0].uri",
        "at least 1",
    ),
    "a mount path that leads out": (
        predictor(
            model={"modelFormat": {"name": "a"}},
            storageUris=[{"uri": "s3://a/b", "mountPath": "/mnt/../etc"}],
        ),
        "spec.predictor.storageUris[0].mountPath",
        "'..'",
    ),
    "a relative mount path": (
        predictor(
            model={"modelFormat": {"name": "a"}},
            storageUris=[{"uri": "s3://a/b", "mountPath": "mnt"}],
        ),
        "spec.predictor.storageUris[0].mountPath",
        "should match",
    ),
    "the root as mount path": (
        predictor(
            model={"modelFormat": {"name": "a"}},
            storageUris=[{"uri": "s3://a/b", "mountPath": "/"}],
        ),
        "spec.predictor.storageUris[0].mountPath",
        "cannot be empty",
    ),
    "one mount path twice": (
        predictor(
            model={"modelFormat": {"name": "a"}},
            storageUris=[{"uri": "s3://a/b"}, {"uri": "s3://a/c"}],
        ),
        "spec.predictor.storageUris",
        "unique",
    ),
    "a URI for the transformer beside the model": (
        predictor(containers=[PODS | {"env": variables("STORAGE_URI")}]),
        "spec.predictor.containers",
        "should not be specified in transformer container",
    ),
    "confidential without a model": (
        only(model={"modelFormat": {"name": "a"}, "confidential": {"enabled": True}}),
        "spec.predictor.model.confidential",
        "requires storageUri",
    ),
    "a confidential key": (
        model(confidential={"enabled": True, "resourceId": "key"}),
        "spec.predictor.model.confidential.resourceId",
        "should match",
    ),
    "a logger's mode": (
        predictor(logger={"mode": "some"}),
        "spec.predictor.logger.mode",
        "supported values",
    ),
    "half a logger's storage": (
        predictor(logger={"storage": {"path": "a"}}),
        "spec.predictor.logger.storage",
        "invalid logger storage configuration",
    ),
    "an empty batch": (
        predictor(batcher={"maxBatchSize": 0}),
        "spec.predictor.batcher.maxBatchSize",
        "greater than or equal to 1",
    ),
    "several nodes without a shared model": (
        predictor(workerSpec={"pipelineParallelSize": 2}),
        "spec.predictor.model",
        "'pvc' and 'oci'",
    ),
    "a worker with two containers": (
        predictor(
            model=MODEL | {"storageUri": "pvc://a/b"},
            workerSpec={"containers": [MAIN, PODS]},
        ),
        "spec.predictor.workerSpec.containers",
        "multiple containers in workerSpec",
    ),
    "no workers": (
        predictor(
            model=MODEL | {"storageUri": "pvc://a/b"},
            workerSpec={"tensorParallelSize": 0},
        ),
        "spec.predictor.workerSpec.tensorParallelSize",
        "greater than or equal to 1",
    ),
    "a size as a variable": (
        predictor(
            model=MODEL
            | {
                "storageUri": "pvc://a/b",
                "env": variables("TENSOR_PARALLEL_SIZE"),
            },
            workerSpec={"tensorParallelSize": 2},
        ),
        "spec.predictor.model",
        "workerSpec.tensorParallelSize",
    ),
    "a transformer of nothing": (
        service(transformer={"minReplicas": 1}),
        "spec.transformer",
        "TransformerSpec",
    ),
    "an explainer of nothing": (
        service(explainer={}),
        "spec.explainer",
        "ExplainerSpec",
    ),
    "an explainer of two kinds": (
        service(explainer={"art": {"type": "SquareAttack"}, "containers": [MAIN]}),
        "spec.explainer",
        "ExplainerSpec",
    ),
    "a canary without a name": (
        canaries(canary("")),
        "spec.canary[0].predictor",
        "name is required",
    ),
    "two canaries of one name": (
        canaries(canary("a"), canary("a")),
        "spec.canary",
        "duplicated",
    ),
    "a canary with the name of the stable one": (
        canaries(canary("a"), name="a"),
        "spec.canary",
        "conflicts with stable",
    ),
    "canaries with all and more": (
        canaries(canary("a", 60), canary("b", 41)),
        "spec.canary",
        "<= 100",
    ),
    "a canary's share": (
        canaries(canary("a", 101)),
        "spec.canary[0].trafficPercent",
        "less than or equal to 100",
    ),
    "a canary that scales": (
        canaries(canary("a", maxReplicas=2)),
        "spec.canary[0].predictor",
        "fixed replicas",
    ),
    "a canary on several nodes": (
        canaries(canary("a", workerSpec={})),
        "spec.canary[0].predictor.workerSpec",
        "one node",
    ),
    "a canary larger than the stable one": (
        canaries(canary("a", minReplicas=3), minReplicas=2),
        "spec.canary",
        "must not exceed",
    ),
    "canaries beside a share": (
        canaries(canary("a"), canaryTrafficPercent=10),
        "spec.canary",
        "cannot stand beside",
    ),
    "a runtime without a server": (
        runtime(containers=[MAIN | {"name": "other"}]),
        "spec.containers",
        "kserve-container",
    ),
    "a runtime without an image": (
        runtime(containers=[{"name": "kserve-container"}]),
        "spec.containers",
        "image is required",
    ),
    "a runtime's priority": (
        runtime(supportedModelFormats=[{"name": "a", "priority": 0}]),
        "spec.supportedModelFormats[0].priority",
        "greater than or equal to 1",
    ),
    "two priorities of one format": (
        runtime(
            supportedModelFormats=[
                {"name": "a", "version": v, "autoSelect": True, "priority": int(v)}
                for v in "12"
            ]
        ),
        "spec.supportedModelFormats",
        "different priorities",
    ),
    "a runtime with code by a variable": (
        runtime(containers=[MAIN | {"env": variables("PYTHONPATH")}]),
        "spec.containers[0].env",
        "PYTHONPATH",
    ),
    "a graph without a root": (
        graph(nodes={"a": {"routerType": "Sequence", "steps": [STEP]}}),
        "spec.nodes",
        "root node not found",
    ),
    "a node without steps": (nodes(), "spec.nodes.root.steps", "at least 1"),
    "a step to nowhere": (
        nodes({"name": "a"}),
        "spec.nodes[root].steps[0]",
        "exactly one inference target",
    ),
    "a step to two places": (
        nodes({**STEP, "serviceUrl": "http://a"}),
        "spec.nodes[root].steps[0]",
        "exactly one inference target",
    ),
    "a step to no node": (
        nodes({"nodeName": "there"}),
        "spec.nodes",
        "name of a node of this graph",
    ),
    "two steps of one name": (
        nodes({**STEP, "name": "a"}, {**STEP, "name": "a"}),
        "spec.nodes[root].steps",
        "more than one step",
    ),
    "weights of less than all": (
        nodes({**STEP, "weight": 60}, kind="Splitter"),
        "spec.nodes[root].steps",
        "should be 100",
    ),
    "a router of no type": (
        nodes(STEP, kind="Random"),
        "spec.nodes.root.routerType",
        "supported values",
    ),
    "a trained model from elsewhere": (
        trained(storageUri="hf://a/b"),
        "spec.model.storageUri",
        "must start with one of the prefixes",
    ),
    "a trained model of no size": (
        trained(memory=None),
        "spec.model.memory",
        "Required",
    ),
    "a container that fetches, without image": (
        fetcher(container={"name": "a"}),
        "spec.container",
        "an image",
    ),
    "a container that fetches nothing": (
        fetcher(supportedUriFormats=[]),
        "spec.supportedUriFormats",
        "at least 1",
    ),
    "a container that fetches anything": (
        fetcher(supportedUriFormats=[{}]),
        "spec.supportedUriFormats[0]",
        "'prefix' or a 'regex'",
    ),
}
