"""Faults that only a real node finds: its kubelet, its containers, and what is fetched.

They come in waves, since a node of a test has no more than a share of a machine.
"""

from __future__ import annotations

import pickle
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bed.images import place
from bed.node import REGISTRY
from bed.site import ACCOUNT
from controlled import service
from faults_of_clusters import core
from faulty import CANARY, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bed.api import Object

#: The buckets of these faults, and what is in them.
GOOD, BROKEN = "faulty-good", "faulty-broken"
BUCKETS: Mapping[str, dict[str, bytes]] = {
    GOOD: {"notes/readme.txt": b"no model here"},
    BROKEN: {
        "corrupt/model.skops": b"\x00no model at all",
        "unsafe/model.pkl": pickle.dumps({"a": 1}),
        "onnx/model.onnx": b"\x00no model at all",
    },
}
#: Where containers have the Python of the tests.
PYTHON = str(place(Path(sys.executable)))
IMAGE = f"{REGISTRY}/inferry-runtime-sklearn:{version('inferry-controller')}"
#: Small, so that many pods fit on the nodes of one machine.
RESOURCES = {
    "requests": {"cpu": "20m", "memory": "64Mi"},
    "limits": {"cpu": "1", "memory": "512Mi"},
}
LITTLE = {"requests": {"memory": "32Mi"}, "limits": {"memory": "32Mi"}}
NAMED_SECRET = "serving.kserve.io/storageSecretName"
#: Faults at a time.
_AT_ONCE = 5
_GREEDY = "held = bytearray(1 << 30); print(len(held))"


def fetched(uri: str, format_: str = "sklearn", **more: Any) -> Object:
    """Return a service of the model at *uri*, read with the keys of the account."""
    metadata = {"annotations": more.pop("annotations", {})}
    account = {"serviceAccountName": more.pop("account", ACCOUNT)}
    pod = more.pop("pod", {})
    model = {
        "modelFormat": {"name": format_},
        "storageUri": uri,
        "resources": RESOURCES,
        **more,
    }
    made = service(predictor={"model": model, **account, **pod})
    made["metadata"] |= metadata
    return made


def contained(*command: str, image: str = IMAGE, **more: Any) -> Object:
    """Return a service of a container that a user brings."""
    pod = more.pop("pod", {})
    container: Object = {
        "name": "kserve-container",
        "image": image,
        "resources": RESOURCES,
        **more,
    }
    if command:
        container["command"] = list(command)
    return service(predictor={"containers": [container], **pod})


def python(code: str, **more: Any) -> Object:
    """Return a service of a container that runs *code*."""
    return contained(PYTHON, "-c", code, **more)


def prepared(code: str, **more: Any) -> Object:
    """Return a service with an init container of its own, which runs *code*."""
    container = {
        "name": "prepare",
        "image": IMAGE,
        "command": [PYTHON, "-c", code],
        "resources": RESOURCES,
        **more,
    }
    return python("pass", pod={"initContainers": [container]})


def mounted(volume: Object) -> Object:
    """Return a service whose container mounts *volume*."""
    return python(
        "pass",
        volumeMounts=[{"name": "more", "mountPath": "/more"}],
        pod={"volumes": [{"name": "more", **volume}]},
    )


def secret(name: str, **data: str) -> Object:
    """Return a Secret."""
    return core("Secret", name, stringData=data)


def environment(kind: str, name: str, key: str) -> list[Object]:
    """Return a variable that comes from a Secret or ConfigMap."""
    return [{"name": "TOKEN", "valueFrom": {kind: {"name": name, "key": key}}}]


#: What the kubelet says before a container runs.
BEFORE: dict[str, Fault] = {
    "secret-missing": Fault(
        document=fetched(f"s3://{GOOD}/notes", annotations={NAMED_SECRET: "not-there"}),
        reason="SecretNotFound",
        says=("there is no Secret 'not-there'",),
        advice="create the Secret",
    ),
    "env-secret-missing": Fault(
        document=python("pass", env=environment("secretKeyRef", "keys", "token")),
        reason="SecretNotFound",
        says=("there is no Secret 'keys'",),
        advice="create the Secret",
    ),
    "env-secret-without-key": Fault(
        around=(secret("half", other=CANARY),),
        document=python("pass", env=environment("secretKeyRef", "half", "token")),
        reason="SecretNotFound",
        says=("the Secret 'half' has no key 'token'",),
    ),
    "env-config-map-missing": Fault(
        document=python("pass", env=environment("configMapKeyRef", "conf", "token")),
        reason="ConfigMapNotFound",
        says=("there is no ConfigMap 'conf'",),
        advice="create the ConfigMap",
    ),
    "config-map-not-mounted": Fault(
        document=mounted({"configMap": {"name": "absent"}}),
        reason="ConfigMapNotFound",
        says=("there is no ConfigMap 'absent'",),
    ),
    "config-map-without-key": Fault(
        around=(core("ConfigMap", "partial", data={"a": "b"}),),
        document=mounted(
            {"configMap": {"name": "partial", "items": [{"key": "c", "path": "c"}]}}
        ),
        reason="ConfigMapNotFound",
        says=("has no key 'c'",),
        advice="add the key",
    ),
    "driver-missing": Fault(
        document=mounted({"csi": {"driver": "csi.acme.com"}}),
        reason="VolumeNotMounted",
        says=("the volume 'more' cannot be mounted", "csi.acme.com"),
    ),
    "image-no-name": Fault(
        document=contained(image="localhost/NoName:1"),
        reason="ImagePullFailed",
        says=("localhost/NoName:1 is no name of an image",),
        advice="correct the image",
    ),
    "image-never": Fault(
        document=contained(image="localhost/none:1", imagePullPolicy="Never"),
        reason="ImagePullFailed",
        says=("localhost/none:1", "imagePullPolicy is Never"),
    ),
    "image-unreachable": Fault(
        document=contained(image="127.0.0.1:1/acme/server:1"),
        reason="ImagePullFailed",
        says=("127.0.0.1:1/acme/server:1 cannot be pulled", "connection refused"),
        advice="imagePullSecrets",
    ),
    "root-in-restricted": Fault(
        document=python("pass", securityContext={"runAsUser": 0}),
        reason="PodRefused",
        says=("violates PodSecurity", "runAsNonRoot"),
    ),
    "root-and-not": Fault(
        where="open",
        document=python("pass", securityContext={"runAsUser": 0, "runAsNonRoot": True}),
        reason="ContainerRefused",
        says=("container kserve-container cannot start", "non-root"),
        advice="securityContext",
    ),
    "command-missing": Fault(
        document=contained("/no/such/program"),
        reason="ContainerRefused",
        says=("container kserve-container cannot start", "/no/such/program"),
        advice="command",
    ),
}
#: What is said of fetching, and by other init containers.
FETCHING: dict[str, Fault] = {
    "bad-key": Fault(
        around=(
            secret(
                "wrong", AWS_ACCESS_KEY_ID="AKIAWRONG", AWS_SECRET_ACCESS_KEY=CANARY
            ),
        ),
        document=fetched(
            f"s3://{GOOD}/notes", annotations={NAMED_SECRET: "wrong"}, account="default"
        ),
        reason="StorageAccessDenied",
        says=(GOOD,),
        advice="credentials",
    ),
    "bucket-missing": Fault(
        document=fetched("s3://there-is-none/iris"),
        reason="StorageNotFound",
        says=("s3://there-is-none",),
        advice="storageUri",
    ),
    "object-missing": Fault(
        document=fetched(f"s3://{GOOD}/not-there"),
        reason="StorageNotFound",
        says=(f"s3://{GOOD}/not-there",),
    ),
    "address-not-allowed": Fault(
        document=fetched("https://127.0.0.1:1/model.skops"),
        reason="StorageNotAllowed",
        says=("127.0.0.1",),
        advice="[storage]",
    ),
    "store-unreachable": Fault(
        document=fetched("hf://acme/iris"),
        reason="StorageUnreachable",
        says=("hf://acme/iris",),
        advice="network",
    ),
    "preparation-fails": Fault(
        document=prepared("raise SystemExit('no data today')"),
        reason="InitContainerFailed",
        says=("container prepare ended with exit code 1",),
        advice="inferry logs",
    ),
    "preparation-too-big": Fault(
        document=prepared(_GREEDY, resources=LITTLE),
        reason="OutOfMemory",
        says=("container prepare was killed", "its limit of 32Mi"),
        advice="memory",
    ),
}
#: What is said of models, and by servers.
LOADING: dict[str, Fault] = {
    "corrupt": Fault(
        document=fetched(f"s3://{BROKEN}/corrupt"),
        reason="ModelCorrupt",
        says=("model.skops",),
        advice="again",
    ),
    "corrupt-onnx": Fault(
        document=fetched(f"s3://{BROKEN}/onnx", "onnx"),
        reason="ModelCorrupt",
        says=("model.onnx",),
    ),
    "unsafe": Fault(
        document=fetched(f"s3://{BROKEN}/unsafe"),
        reason="ModelUnsafe",
        says=("model.pkl",),
        advice="allowPickle",
    ),
    "no-model": Fault(
        document=fetched(f"s3://{GOOD}/notes"),
        reason="ModelNotFound",
        says=("readme.txt",),
    ),
    "wrong-format": Fault(
        document=fetched(f"s3://{BROKEN}/corrupt", "onnx"),
        reason="ModelNotFound",
        says=(".onnx",),
    ),
    "too-big": Fault(
        document=fetched(f"s3://{BROKEN}/corrupt", resources=LITTLE),
        reason="OutOfMemory",
        says=("container kserve-container was killed", "its limit of 32Mi"),
        advice="memory",
    ),
    "bad-flag": Fault(
        document=fetched(f"s3://{BROKEN}/corrupt", args=["--load_timeout=soon"]),
        reason="InvalidSpec",
        says=("load_timeout", "soon"),
    ),
}
#: What is said of containers that a user brings.
RUNNING: dict[str, Fault] = {
    "crash-loop": Fault(
        document=python("raise SystemExit(3)"),
        reason="ReplicaCrashed",
        says=("container kserve-container ended with exit code 3",),
        advice="inferry logs",
    ),
    "crash-with-words": Fault(
        document=python("raise RuntimeError('no weights')"),
        reason="ReplicaCrashed",
        says=("ended with exit code 1", "RuntimeError: no weights"),
        advice="inferry logs",
    ),
    "greedy": Fault(
        document=python(_GREEDY, resources=LITTLE),
        reason="OutOfMemory",
        says=("container kserve-container was killed", "its limit of 32Mi"),
    ),
    "silent": Fault(
        document=python(
            "import time; time.sleep(900)",
            startupProbe={"exec": {"command": ["/usr/bin/true"]}},
            readinessProbe={
                "httpGet": {"path": "/", "port": 9999},
                "periodSeconds": 2,
            },
        ),
        reason="NotAnswering",
        says=("container kserve-container", "connection refused"),
        advice="inferry logs",
    ),
    "unhealthy": Fault(
        document=python(
            "import time; time.sleep(900)",
            livenessProbe={
                "httpGet": {"path": "/alive", "port": 9999},
                "periodSeconds": 1,
                "failureThreshold": 1,
                "terminationGracePeriodSeconds": 1,
            },
        ),
        reason="ReplicaCrashed",
        says=("container kserve-container was killed",),
        advice="inferry logs",
    ),
}
FAULTS: dict[str, Fault] = {**BEFORE, **FETCHING, **LOADING, **RUNNING}


def _waves() -> list[dict[str, Fault]]:
    names = list(FAULTS)
    return [
        {name: FAULTS[name] for name in names[first : first + _AT_ONCE]}
        for first in range(0, len(names), _AT_ONCE)
    ]


WAVES = _waves()
