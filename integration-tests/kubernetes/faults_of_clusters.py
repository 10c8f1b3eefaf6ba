"""Faults that a cluster without machines can have, every one of them a real one.

Admission, quotas, the scheduler, the garbage collector and the controller find them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlled import predictor, service
from faulty import Fault, model, pod

if TYPE_CHECKING:
    from bed.api import Object

#: A node that nobody tolerates; the tests make it.
TAINTED = "tainted"
ELSEWHERE = {"kubernetes.io/hostname": TAINTED}
GPU = "nvidia.com/gpu"
SERVING = "serving.kserve.io"


def core(kind: str, name: str, **fields: Any) -> Object:
    """Return an object of Kubernetes' own."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}


def runtime(name: str, format_: str, **fields: Any) -> Object:
    """Return a ServingRuntime for a format of its own."""
    known = {"name": format_, "version": "1", "autoSelect": True}
    container = {"name": "kserve-container", "image": "acme/server:1"}
    return {
        "apiVersion": f"{SERVING}/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "supportedModelFormats": [known],
            "protocolVersions": ["v2"],
            "containers": [container],
            **fields,
        },
    }


def deployment(name: str, **metadata: Any) -> Object:
    """Return a Deployment of somebody else."""
    labels = {"app": "theirs"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, **metadata},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "theirs", "image": "theirs"}]},
            },
        },
    }


def quota(name: str, **hard: str) -> Object:
    """Return a ResourceQuota."""
    return core("ResourceQuota", name, spec={"hard": hard})


def claim(name: str) -> Object:
    """Return a claim that no volume fits."""
    asks = {
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": "",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return core("PersistentVolumeClaim", name, spec=asks)


def volume(name: str, claimed: str) -> Object:
    """Return a volume for the claim *claimed*."""
    return core(
        "PersistentVolume",
        name,
        spec={
            "accessModes": ["ReadOnlyMany"],
            "capacity": {"storage": "1Gi"},
            "storageClassName": "",
            "hostPath": {"path": "/models"},
            "claimRef": {"name": claimed},
        },
    )


def annotated(**words: str) -> Object:
    """Return a service with annotations below ``serving.kserve.io``."""
    return service(
        annotations={f"{SERVING}/{key}": each for key, each in words.items()}
    )


def of_format(format_: str, **fields: Any) -> Object:
    """Return a service whose model is of this format."""
    return model(modelFormat={"name": format_}, **fields)


GOOD = service()

FAULTS: dict[str, Fault] = {
    # -- the scheduler
    "no-gpu": Fault(
        document=model(resources={"limits": {GPU: "1"}}),
        reason="InsufficientGPU",
        says=(GPU,),
        advice="GPU",
        mend=(GOOD,),
    ),
    "no-cpu": Fault(
        document=model(
            resources={"requests": {"cpu": "9000"}, "limits": {"cpu": "9000"}}
        ),
        reason="InsufficientResources",
        says=("cpu",),
        mend=(GOOD,),
    ),
    "no-memory": Fault(
        document=model(
            resources={"requests": {"memory": "9Pi"}, "limits": {"memory": "9Pi"}}
        ),
        reason="InsufficientResources",
        says=("memory",),
    ),
    "no-such-node": Fault(
        document=pod(nodeSelector={"zone": "none"}),
        reason="Unschedulable",
        says=("no node takes the pod", "node affinity/selector"),
        advice="nodeSelector",
        mend=(GOOD,),
    ),
    "tainted-node": Fault(
        document=pod(nodeSelector=ELSEWHERE),
        reason="Unschedulable",
        says=("taint",),
        advice="toleration",
        mend=(
            pod(
                nodeSelector=ELSEWHERE,
                tolerations=[{"key": TAINTED, "operator": "Exists"}],
            ),
        ),
    ),
    "claim-missing": Fault(
        document=model(storageUri="pvc://not-there/iris"),
        reason="VolumeNotFound",
        says=("there is no PersistentVolumeClaim 'not-there'",),
        advice="create the PersistentVolumeClaim",
    ),
    "claim-unbound": Fault(
        around=(claim("unbound"),),
        document=model(storageUri="pvc://unbound/iris"),
        reason="VolumeNotBound",
        says=("PersistentVolumeClaim",),
        advice="StorageClass",
    ),
    # -- admission of pods
    "account-missing": Fault(
        document=pod(serviceAccountName="not-there"),
        reason="ServiceAccountNotFound",
        says=("there is no ServiceAccount 'not-there'",),
        advice="create the ServiceAccount",
        mend=(core("ServiceAccount", "not-there"),),
    ),
    "priority-missing": Fault(
        document=pod(priorityClassName="not-there"),
        reason="PodRefused",
        says=("no PriorityClass with name not-there",),
    ),
    "runtime-class-missing": Fault(
        document=pod(runtimeClassName="not-there"),
        reason="PodRefused",
        says=('RuntimeClass "not-there" not found',),
    ),
    "privileged": Fault(
        where="restricted",
        document=model(
            securityContext={"privileged": True, "allowPrivilegeEscalation": True}
        ),
        reason="PodRefused",
        says=('violates PodSecurity "restricted', "privileged"),
        advice="policy",
        mend=(GOOD,),
    ),
    "over-the-limit-range": Fault(
        where="limited",
        document=GOOD,
        reason="PodRefused",
        says=("maximum memory usage per Container is 10Mi",),
    ),
    "webhook-down": Fault(
        where="hooked",
        document=GOOD,
        reason="PodRefused",
        says=("the cluster refuses the pod", "pods.acme.com"),
        advice="webhook",
    ),
    "no-quota-for-pods": Fault(
        where="quota",
        document=GOOD,
        reason="QuotaExceeded",
        says=("the quota small leaves no room", "pods=1"),
        advice="ResourceQuota",
        mend=(quota("small", pods="9"),),
    ),
    # -- admission of what the controller makes
    "no-quota-for-deployments": Fault(
        where="counted",
        document=GOOD,
        reason="QuotaExceeded",
        says=("the quota few leaves no room", "count/deployments.apps=1"),
        advice="ResourceQuota",
    ),
    "deployment-webhook-down": Fault(
        where="guarded",
        document=GOOD,
        reason="ApplyFailed",
        says=("Deployment", "deployments.acme.com"),
        advice="webhook",
    ),
    "policy-refuses": Fault(
        where="ruled",
        document=GOOD,
        reason="ApplyFailed",
        says=("Deployment", "every Deployment has an owner label"),
        advice="policy",
    ),
    "half-privileged": Fault(
        document=model(
            securityContext={"privileged": True, "allowPrivilegeEscalation": False}
        ),
        reason="InvalidSpec",
        says=("securityContext", "cannot set `allowPrivilegeEscalation` to false"),
        advice="field of the pod",
    ),
    "requests-over-limits": Fault(
        document=model(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        reason="InvalidSpec",
        says=("resources", "cpu"),
    ),
    "mount-without-volume": Fault(
        document=model(volumeMounts=[{"name": "none", "mountPath": "/data"}]),
        reason="InvalidSpec",
        says=("volumeMounts", "none"),
        advice="correct",
        mend=(GOOD,),
    ),
    "deployment-of-another": Fault(
        around=(deployment("deployment-of-another-predictor"),),
        document=GOOD,
        reason="NameConflict",
        says=("Deployment deployment-of-another-predictor", "somebody else"),
        advice="rename",
    ),
    "service-of-another": Fault(
        around=(
            core(
                "Service",
                "service-of-another-predictor",
                spec={"selector": {"app": "theirs"}, "ports": [{"port": 9000}]},
            ),
        ),
        document=GOOD,
        reason="NameConflict",
        says=("Service service-of-another-predictor", "somebody else"),
        advice="rename",
        mend=lambda api, place: api.delete(
            "services", "service-of-another-predictor", place
        ),
    ),
    # -- runtimes
    "unheard-of-format": Fault(
        document=of_format("unheard-of"),
        reason="NoSupportingRuntime",
        says=("unheard-of",),
        advice="runtime",
        mend=(runtime("late", "unheard-of"),),
    ),
    "wrong-protocol": Fault(
        around=(runtime("no-grpc", "no-grpc"),),
        document=of_format("no-grpc", protocolVersion="grpc-v1"),
        reason="NoSupportingRuntime",
        says=("grpc-v1",),
    ),
    "runtime-missing": Fault(
        document=model(runtime="not-there"),
        reason="RuntimeNotRecognized",
        says=("not-there",),
        advice="the runtimes here are",
        mend=(runtime("not-there", "sklearn"),),
    ),
    "runtime-disabled": Fault(
        around=(runtime("switched-off", "off", disabled=True),),
        document=of_format("off", runtime="switched-off"),
        reason="RuntimeDisabled",
        says=("switched-off",),
        advice="spec.disabled to false",
        mend=(runtime("switched-off", "off", disabled=False),),
    ),
    "runtime-ambiguous": Fault(
        around=(runtime("one", "both"), runtime("two", "both")),
        document=of_format("both"),
        reason="AmbiguousRuntime",
        says=("one", "two"),
        advice="name one",
        mend=(of_format("both", runtime="one"),),
    ),
    # -- where the model is
    "unknown-scheme": Fault(
        document=model(storageUri="acme://models/iris"),
        reason="StorageNotSupported",
        says=("acme",),
        advice="ClusterStorageContainer",
        mend=(GOOD,),
    ),
    "plain-path": Fault(
        document=model(storageUri="/home/me/models/iris"),
        reason="StorageNotSupported",
        says=("/home/me/models/iris",),
        advice="s3://",
    ),
    # -- what this backend or this cluster cannot do
    "modelmesh": Fault(
        document=annotated(deploymentMode="ModelMesh"),
        reason="NotSupportedByBackend",
        says=("ModelMesh",),
    ),
    "knative-missing": Fault(
        document=annotated(deploymentMode="Knative"),
        reason="NotSupportedByBackend",
        says=("Knative",),
        mend=(GOOD,),
    ),
    "several-nodes": Fault(
        document=service(
            predictor=predictor(
                workerSpec={"pipelineParallelSize": 2},
            )
            | {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "storageUri": "pvc://claim/iris",
                }
            }
        ),
        reason="NotSupportedByBackend",
        says=("workerSpec",),
    ),
    # -- annotations and names
    "bad-mode": Fault(
        document=annotated(deploymentMode="Sometimes"),
        reason="InvalidSpec",
        says=("deploymentMode", "Sometimes"),
        mend=(GOOD,),
    ),
    "bad-autoscaler": Fault(
        document=annotated(autoscalerClass="magic"),
        reason="InvalidSpec",
        says=("autoscalerClass", "magic"),
    ),
    # -- another component
    "transformer-refused": Fault(
        document=service(
            transformer={
                "serviceAccountName": "not-there-either",
                "containers": [{"name": "kserve-container", "image": "acme/t:1"}],
            }
        ),
        reason="ServiceAccountNotFound",
        says=("transformer", "not-there-either"),
    ),
}
