"""Models in OCI images: mounted by the kubelet, shown by a sidecar, or fetched."""

from __future__ import annotations

import os.path
import shlex
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from inferry.storage import uri_scheme

if TYPE_CHECKING:
    from inferry.storage import Source

Mode = Literal["native", "modelcar", "fetch"]
_MODES: dict[str, Mode] = {
    "oci+native": "native",
    "oci+modelcar": "modelcar",
    "oci+fetch": "fetch",
}
#: Where the model is in its image.
_FOLDER = "models"
_REQUESTS = {"cpu": "10m", "memory": "15Mi"}


class Modelcar(msgspec.Struct, frozen=True, kw_only=True):
    """A sidecar that shows the files of its image, and the volume with a link there."""

    container: dict[str, Any]
    volume: dict[str, Any]
    mount: dict[str, Any]


def mode(uri: str, default: Mode) -> Mode | None:
    """Return how the model of *uri* comes into a pod; None where it is in no image."""
    kind = uri_scheme(uri)
    return default if kind == "oci" else _MODES.get(kind)


def to_fetch(source: Source) -> Source:
    """Return *source* with a URI that is fetched, whatever the default is."""
    reference = source.uri.partition("://")[2]
    return msgspec.structs.replace(source, uri=f"oci+fetch://{reference}")


def native(source: Source, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the image volume of *source* and its mount (Kubernetes 1.33 and later)."""
    name = f"oci-model-{number}"
    volume = {"name": name, "image": {"reference": source.uri.partition("://")[2]}}
    mount = {
        "name": name,
        "mountPath": source.mount_path,
        "subPath": _FOLDER,
        "readOnly": True,
    }
    return volume, mount


def modelcar(source: Source, number: int) -> Modelcar:
    """Return the sidecar of *source*: KServe's, started before the server.

    The link leads into the sidecar's root through its process, so both need one user
    and the pod one process namespace. ``$$$$`` is Kubernetes' way to write ``$$``.
    """
    name, path = f"modelcar-link-{number}", source.mount_path
    folder = os.path.dirname(path)  # noqa: PTH120 - a path in the pod
    link = shlex.quote(path).replace("$", "$$")
    command = f"ln -sfn /proc/$$$$/root/{_FOLDER} {link} && exec sleep infinity"
    container: dict[str, Any] = {
        "name": "modelcar" if number == 0 else f"modelcar-{number}",
        "image": source.uri.partition("://")[2],
        "restartPolicy": "Always",
        "command": ["sh", "-c", command],
        "startupProbe": {
            "exec": {"command": ["test", "-L", path]},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "resources": {"requests": dict(_REQUESTS), "limits": dict(_REQUESTS)},
        "volumeMounts": [{"name": name, "mountPath": folder}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return Modelcar(
        container=container,
        volume={"name": name, "emptyDir": {}},
        # Not read-only: other models may be mounted below it.
        mount={"name": name, "mountPath": folder},
    )
