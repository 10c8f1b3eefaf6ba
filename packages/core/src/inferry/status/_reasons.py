"""The closed list of reasons, each with the one line that says what to do.

A reason is the same on a laptop and on a cluster. A new one is added here and in
``docs/reference/reasons.md``, which a test compares.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Why a condition is not True. Names that KServe has keep KServe's spelling."""

    # On the way: waiting cures these.
    Pending = "Pending"
    Downloading = "Downloading"
    Loading = "Loading"
    WarmingUp = "WarmingUp"
    ReplicaRestarting = "ReplicaRestarting"
    Stopped = "Stopped"
    # The document or its plan.
    InvalidSpec = "InvalidSpec"
    NoSupportingRuntime = "NoSupportingRuntime"
    AmbiguousRuntime = "AmbiguousRuntime"
    RuntimeNotRecognized = "RuntimeNotRecognized"
    RuntimeDisabled = "RuntimeDisabled"
    RuntimeNotInstalled = "RuntimeNotInstalled"
    NotSupportedByBackend = "NotSupportedByBackend"
    # Storage.
    StorageNotSupported = "StorageNotSupported"
    StorageNotFound = "StorageNotFound"
    StorageAccessDenied = "StorageAccessDenied"
    StorageNotAllowed = "StorageNotAllowed"
    StorageUnreachable = "StorageUnreachable"
    StorageCorrupt = "StorageCorrupt"
    StorageUnsafe = "StorageUnsafe"
    StorageFull = "StorageFull"
    StorageFailed = "StorageFailed"
    # The model.
    ModelNotFound = "ModelNotFound"
    ModelCorrupt = "ModelCorrupt"
    ModelUnsafe = "ModelUnsafe"
    ModelVersionMismatch = "ModelVersionMismatch"
    ModelLoadFailed = "ModelLoadFailed"
    WarmUpFailed = "WarmUpFailed"
    OutOfMemory = "OutOfMemory"
    LoadTimeout = "LoadTimeout"
    # The replica.
    RuntimeUnhealthy = "RuntimeUnhealthy"
    ReplicaCrashed = "ReplicaCrashed"
    InsufficientResources = "InsufficientResources"
    # What only a cluster can lack.
    InsufficientGPU = "InsufficientGPU"
    Unschedulable = "Unschedulable"
    QuotaExceeded = "QuotaExceeded"
    PodRefused = "PodRefused"
    ImagePullFailed = "ImagePullFailed"
    ContainerRefused = "ContainerRefused"
    InitContainerFailed = "InitContainerFailed"
    SecretNotFound = "SecretNotFound"
    ConfigMapNotFound = "ConfigMapNotFound"
    ServiceAccountNotFound = "ServiceAccountNotFound"
    VolumeNotFound = "VolumeNotFound"
    VolumeNotBound = "VolumeNotBound"
    VolumeNotMounted = "VolumeNotMounted"
    NotAnswering = "NotAnswering"
    Evicted = "Evicted"
    NodeLost = "NodeLost"
    GatewayNotFound = "GatewayNotFound"
    GatewayNotAccepted = "GatewayNotAccepted"
    RouteNotReady = "RouteNotReady"
    RouteNotResolved = "RouteNotResolved"
    IngressNotSupported = "IngressNotSupported"
    ConfigInvalid = "ConfigInvalid"
    NameConflict = "NameConflict"
    ApplyFailed = "ApplyFailed"


IN_PROGRESS = frozenset(
    {
        Reason.Pending,
        Reason.Downloading,
        Reason.Loading,
        Reason.WarmingUp,
        Reason.ReplicaRestarting,
        Reason.RouteNotReady,
        Reason.Stopped,
    }
)
FATAL = frozenset(Reason) - IN_PROGRESS

REMEDIES = MappingProxyType(
    {
        Reason.Pending: "wait: the replica has not started yet",
        Reason.Downloading: "wait: the model is being fetched",
        Reason.Loading: "wait: the model is being loaded",
        Reason.WarmingUp: "wait: the first inference is running",
        Reason.ReplicaRestarting: "wait: a replica died and is being replaced",
        Reason.Stopped: (
            "remove the annotation serving.kserve.io/stop to start it again"
        ),
        Reason.InvalidSpec: (
            "correct the document; `inferry validate FILE` lists every problem"
        ),
        Reason.NoSupportingRuntime: (
            "install a runtime plugin for the format; `inferry plugins list` shows "
            "what is there"
        ),
        Reason.AmbiguousRuntime: (
            "name one of the candidates in spec.predictor.model.runtime"
        ),
        Reason.RuntimeNotRecognized: (
            "correct spec.predictor.model.runtime; `inferry plugins list` shows the "
            "names"
        ),
        Reason.RuntimeDisabled: "enable the runtime or name another one",
        Reason.RuntimeNotInstalled: "install the extra that the message names",
        Reason.NotSupportedByBackend: "use another backend, or remove the field",
        Reason.StorageNotSupported: "install the storage plugin for the scheme",
        Reason.StorageNotFound: "correct the storageUri: nothing is there",
        Reason.StorageAccessDenied: (
            "give the service credentials that may read the storageUri"
        ),
        Reason.StorageNotAllowed: (
            "allow the source in the [storage] settings, or use another one"
        ),
        Reason.StorageUnreachable: (
            "check the address and the network, then apply again"
        ),
        Reason.StorageCorrupt: (
            "upload the model again: its bytes do not match their digest"
        ),
        Reason.StorageUnsafe: (
            "use a model without it, or trust its source in the [storage] settings"
        ),
        Reason.StorageFull: "free disk space or raise [storage] max_bytes",
        Reason.StorageFailed: "see the message; apply again when the store answers",
        Reason.ModelNotFound: (
            "put the file that the runtime looks for into the storageUri"
        ),
        Reason.ModelCorrupt: "save the model again: the file cannot be read",
        Reason.ModelUnsafe: (
            "save the model in a safe format, or allow this one by name"
        ),
        Reason.ModelVersionMismatch: (
            "save the model with the installed version of its library"
        ),
        Reason.ModelLoadFailed: "see the message, and the log (`inferry logs`)",
        Reason.WarmUpFailed: "see the message: the model loads but does not answer",
        Reason.OutOfMemory: "give the service more memory or use a smaller model",
        Reason.LoadTimeout: "raise the load timeout or use a smaller model",
        Reason.RuntimeUnhealthy: "see `inferry logs`",
        Reason.ReplicaCrashed: "see `inferry logs`: the process ends again and again",
        Reason.InsufficientResources: "free CPU, memory or GPUs, or ask for fewer",
        Reason.InsufficientGPU: (
            "free a GPU, add a node that has one, or remove it from resources.limits"
        ),
        Reason.Unschedulable: (
            "change nodeSelector, affinity or tolerations so that a node fits"
        ),
        Reason.QuotaExceeded: (
            "raise the namespace's ResourceQuota, or ask for fewer resources"
        ),
        Reason.PodRefused: (
            "change the pod fields that the message names: a policy of the cluster "
            "refuses them"
        ),
        Reason.ImagePullFailed: (
            "correct the image, or name a Secret in imagePullSecrets that may pull it"
        ),
        Reason.ContainerRefused: (
            "correct the command, the image or the securityContext of the container"
        ),
        Reason.InitContainerFailed: "see `inferry logs` for its last lines",
        Reason.SecretNotFound: "create the Secret that the message names",
        Reason.ConfigMapNotFound: "create the ConfigMap that the message names",
        Reason.ServiceAccountNotFound: (
            "create the ServiceAccount, or correct serviceAccountName"
        ),
        Reason.VolumeNotFound: (
            "create the PersistentVolumeClaim, or correct the pvc:// URI"
        ),
        Reason.VolumeNotBound: (
            "give the PersistentVolumeClaim a StorageClass or a volume that fits"
        ),
        Reason.VolumeNotMounted: "see the message: the node cannot mount the volume",
        Reason.NotAnswering: (
            "see `inferry logs`: the container runs, and its model does not answer"
        ),
        Reason.Evicted: "ask for as much memory and disk as the model really needs",
        Reason.NodeLost: "wait, or delete the node: its pods come back elsewhere",
        Reason.GatewayNotFound: (
            "create the Gateway, or name another in the setting kubernetes.gateway"
        ),
        Reason.GatewayNotAccepted: (
            "let the Gateway's listener take routes of this namespace and host name"
        ),
        Reason.RouteNotReady: "wait: the Gateway has not taken the route yet",
        Reason.RouteNotResolved: (
            "see the message: the Gateway cannot use the Service that the route names"
        ),
        Reason.IngressNotSupported: (
            "install the Gateway API, or choose another setting kubernetes.ingress"
        ),
        Reason.ConfigInvalid: (
            "correct the ConfigMap inferenceservice-config; its events say where"
        ),
        Reason.NameConflict: (
            "rename the service, or delete the object that has its name"
        ),
        Reason.ApplyFailed: "see the message; it is tried again",
    }
)

MEANINGS = MappingProxyType(
    {
        Reason.Pending: "nothing of it runs yet",
        Reason.Downloading: "its model is being fetched",
        Reason.Loading: "its model is being loaded",
        Reason.WarmingUp: "its model answers a first inference before it is ready",
        Reason.ReplicaRestarting: "a replica died and another takes its place",
        Reason.Stopped: "it was stopped on purpose",
        Reason.InvalidSpec: "the document asks for something that cannot be",
        Reason.NoSupportingRuntime: (
            "no runtime serves the format, version and protocol"
        ),
        Reason.AmbiguousRuntime: "several runtimes serve it and none comes first",
        Reason.RuntimeNotRecognized: "no runtime has the name that the service gives",
        Reason.RuntimeDisabled: "the runtime that would serve it is disabled",
        Reason.RuntimeNotInstalled: "the runtime's own packages are not installed",
        Reason.NotSupportedByBackend: "this backend cannot do what a field asks for",
        Reason.StorageNotSupported: "nothing here reads URIs of that scheme",
        Reason.StorageNotFound: "there is nothing at the URI",
        Reason.StorageAccessDenied: "the store refuses to give it",
        Reason.StorageNotAllowed: "the settings do not allow that source",
        Reason.StorageUnreachable: "the store does not answer",
        Reason.StorageUnsafe: "the model holds what must not come to this machine",
        Reason.StorageCorrupt: "what was fetched is not what the store promised",
        Reason.StorageFull: "there is no room for the model",
        Reason.StorageFailed: "fetching the model failed",
        Reason.ModelNotFound: "the runtime finds no file that it can serve",
        Reason.ModelCorrupt: "the model's file cannot be read",
        Reason.ModelUnsafe: "loading the model could run code that came with it",
        Reason.ModelVersionMismatch: "another version of its library saved the model",
        Reason.ModelLoadFailed: "the runtime could not load the model",
        Reason.WarmUpFailed: "the model loads, but its first inference fails",
        Reason.OutOfMemory: "the memory did not suffice",
        Reason.LoadTimeout: "loading took longer than allowed",
        Reason.RuntimeUnhealthy: "the server of a replica does not answer",
        Reason.ReplicaCrashed: "a replica ends again and again",
        Reason.InsufficientResources: "there is no room for another replica",
        Reason.InsufficientGPU: "no node has a free GPU",
        Reason.Unschedulable: "no node is one that its pods may run on",
        Reason.QuotaExceeded: "the namespace's quota leaves no room for its pods",
        Reason.PodRefused: "admission to the cluster refuses its pods",
        Reason.ImagePullFailed: "the image of a container cannot be pulled",
        Reason.ContainerRefused: "a container cannot be made or started",
        Reason.InitContainerFailed: "a container that runs before the model failed",
        Reason.SecretNotFound: "a Secret that its pods need is not there",
        Reason.ConfigMapNotFound: "a ConfigMap that its pods need is not there",
        Reason.ServiceAccountNotFound: "its ServiceAccount is not there",
        Reason.VolumeNotFound: "a PersistentVolumeClaim is not there",
        Reason.VolumeNotBound: "no volume has been found for a claim that it mounts",
        Reason.VolumeNotMounted: "a volume cannot be mounted",
        Reason.NotAnswering: "a replica runs, and its probe fails",
        Reason.Evicted: "a node that ran short put its replica out",
        Reason.NodeLost: "the node of a replica does not answer",
        Reason.GatewayNotFound: "the Gateway of its route is not there",
        Reason.GatewayNotAccepted: "the Gateway refuses its route",
        Reason.RouteNotReady: "its route is not programmed yet",
        Reason.RouteNotResolved: "what its route leads to cannot be used",
        Reason.IngressNotSupported: "the cluster does not serve the kind of its route",
        Reason.ConfigInvalid: "the configuration of the controller has problems",
        Reason.NameConflict: "an object of somebody else has the name it needs",
        Reason.ApplyFailed: "the API server refused one of its objects",
    }
)


def remedy(reason: str) -> str:
    """Return the one line that says what to do about *reason*; empty if unknown."""
    try:
        return REMEDIES[Reason(reason)]
    except ValueError:
        return ""
