"""What of an answer is compared: facts by name, the same for every server."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import httpx

from inferry.testing.protocol import clients, wire

if TYPE_CHECKING:
    from differential.cases import Request

    from inferry.model import Tensor

    Facts = dict[str, Any]

#: Members of the documents about servers and models that are worth comparing; the rest
#: says who the server is.
_TOLD = ("versions", "inputs", "outputs", "ready", "live", "id", "model_version")


#: Made once, without certificates: nothing here is asked over TLS.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Asked(Protocol):
    """A server: its addresses."""

    url: str
    grpc: str


def over_http(served: Asked, request: Request) -> Facts:
    """Send *request* and return the facts about the answer."""
    method, path, content, headers = request
    url = served.url + path
    with httpx.Client(verify=_NO_TLS) as client:
        response = client.request(
            method, url, content=content, headers=headers, timeout=30
        )
    facts: Facts = {"status": response.status_code}
    try:
        answer = wire.read(response)
    except (KeyError, TypeError, ValueError) as error:
        return facts | {"unreadable": f"{type(error).__name__}: {error}"}
    if not response.is_success:
        return facts | {"error": bool(answer.error)}
    document = answer.document
    if isinstance(document, dict):
        told = {key: document[key] for key in _TOLD if document.get(key) is not None}
        told.pop("outputs", None) if answer.outputs else None
        facts |= told
    return facts | {
        "header length": wire.HEADER_LENGTH.lower() in response.headers,
        "binary": sorted(answer.binary),
        "outputs": {name: _tensor(each) for name, each in answer.outputs.items()}
        or facts.get("outputs", {}),
    }


def over_grpc(served: Asked, method: str, request: Any) -> Facts:
    """Send *request* and return the facts about the answer."""
    try:
        answer = clients.call(served, method, request)
    except grpc.RpcError as error:
        return {"status": error.code().name}
    facts: Facts = {"status": "OK"}
    if method == "ModelInfer":
        return facts | {
            "id": answer.id,
            "model_version": answer.model_version,
            "raw": bool(answer.raw_output_contents),
            "outputs": {
                name: _tensor(each) for name, each in clients.tensors(answer).items()
            },
        }
    for field in ("live", "ready"):
        if hasattr(answer, field):
            facts[field] = getattr(answer, field)
    for field in ("inputs", "outputs"):
        if hasattr(answer, field):
            facts[field] = [
                (each.name, each.datatype, list(each.shape))
                for each in getattr(answer, field)
            ]
    if hasattr(answer, "versions"):
        facts["versions"] = list(answer.versions)
    if hasattr(answer, "models"):
        facts["index"] = sorted((m.name, m.version, m.state) for m in answer.models)
    if hasattr(answer, "config"):
        facts["config"] = [
            [(each.name, each.data_type, list(each.dims)) for each in side]
            for side in (answer.config.input, answer.config.output)
        ]
    return facts


def _tensor(tensor: Tensor) -> tuple[str, list[int], str]:
    return (tensor.datatype, list(tensor.data.shape), wire.to_raw(tensor).hex())


def differences(theirs: Facts, ours: Facts) -> dict[str, tuple[Any, Any]]:
    """Return the facts that are not the same: theirs and ours.

    Where only one of them succeeded, the rest follows from that.
    """
    if _succeeded(theirs) != _succeeded(ours):
        return {"status": (theirs["status"], ours["status"])}
    names = [*theirs, *(name for name in ours if name not in theirs)]
    return {
        name: (theirs.get(name), ours.get(name))
        for name in names
        if theirs.get(name) != ours.get(name)
    }


def _succeeded(facts: Facts) -> bool:
    return facts["status"] in {200, "OK"}
