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


IN_PROGRESS = frozenset(
    {
        Reason.Pending,
        Reason.Downloading,
        Reason.Loading,
        Reason.WarmingUp,
        Reason.ReplicaRestarting,
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
    }
)


def remedy(reason: str) -> str:
    """Return the one line that says what to do about *reason*; empty if unknown."""
    try:
        return REMEDIES[Reason(reason)]
    except ValueError:
        return ""
