"""``delete``: returns when nothing of a service runs any more."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from inferry.backends import Applied
from inferry.errors import BackendError
from inferry_controller.kube.kinds import INFERENCE_SERVICE, POD, TRAINED_MODEL
from inferry_controller.names import SERVICE_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_controller.kube.client import Client

#: Longer than a pod has to end, by default and with a long timeout of its service.
PATIENCE = 300.0
_PAUSE = 0.25


async def delete(
    client: Client,
    namespace: str,
    name: str,
    tell: Callable[[str], None],
    *,
    patience: float = PATIENCE,
) -> Applied:
    """Remove the service *name* and wait for its pods; *tell* how far that is.

    Raises:
        BackendError: Something of it is still there after *patience* seconds.

    """
    await client.delete(INFERENCE_SERVICE, namespace, name)
    deadline = time.monotonic() + patience
    said = ""
    while rest := await _remaining(client, namespace, name):
        if time.monotonic() > deadline:
            msg = f"{namespace}/{name} is deleted, but there still is {rest}"
            remedy = f"kubectl get pods -n {namespace} -l {SERVICE_LABEL}={name}"
            raise BackendError(msg, remedy=remedy)
        if rest != said:
            tell(f"{name}: waiting for {rest}")
            said = rest
        await asyncio.sleep(_PAUSE)
    return Applied(
        kind=INFERENCE_SERVICE.kind, namespace=namespace, name=name, action="deleted"
    )


async def delete_model(client: Client, namespace: str, name: str) -> Applied:
    """Remove the TrainedModel *name*, of which nothing runs.

    Raises:
        BackendError: There is none.

    """
    if await client.find(TRAINED_MODEL, namespace, name) is None:
        msg = f"there is no TrainedModel {name!r} in the namespace {namespace!r}"
        raise BackendError(msg, remedy="`kubectl get trainedmodels -A` lists them")
    await client.delete(TRAINED_MODEL, namespace, name)
    return Applied(
        kind=TRAINED_MODEL.kind, namespace=namespace, name=name, action="deleted"
    )


async def _remaining(client: Client, namespace: str, name: str) -> str:
    found = await client.find(INFERENCE_SERVICE, namespace, name)
    pods = await client.list(POD, namespace, selector=f"{SERVICE_LABEL}={name}")
    parts = [_of_pods(pods)] if pods else []
    if found:
        finalizers = ", ".join(found["metadata"].get("finalizers") or ())
        why = f" (finalizer {finalizers})" if finalizers else ""
        parts.append(f"the InferenceService{why}")
    return " and ".join(parts)


def _of_pods(pods: list[dict[str, Any]]) -> str:
    names = sorted(pod["metadata"]["name"] for pod in pods)
    if len(names) == 1:
        return f"the pod {names[0]}"
    return f"{len(names)} pods ({names[0]}, …)"
