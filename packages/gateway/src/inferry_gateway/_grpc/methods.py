"""The gRPC methods that the gateway knows: which of them name a model, and where."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

INFERENCE: Final = "/inference.GRPCInferenceService/"
MODEL_READY: Final = f"{INFERENCE}ModelReady"
HEALTH: Final = "/grpc.health.v1.Health/"


class Method(Struct, frozen=True):
    """What has to be known of a method to route a call of it.

    ``model`` are the numbers of the request's fields that may name the model, the first
    that is set counts. ``unary``: one request, one answer. ``asks``: the call only asks
    whether somebody can answer, so it takes no place in a queue.
    """

    model: tuple[int, ...] = ()
    unary: bool = True
    asks: bool = False


_NAMED = Method(model=(1,))
# Triton has the repository's name in field 1 and the model's in 2, KServe's has only
# the model's, in 1.
_REPOSITORY = Method(model=(2, 1))

METHODS: Final[dict[str, Method]] = {
    f"{INFERENCE}ServerLive": Method(asks=True),
    f"{INFERENCE}ServerReady": Method(asks=True),
    f"{INFERENCE}ServerMetadata": Method(),
    MODEL_READY: Method(model=(1,), asks=True),
    f"{INFERENCE}ModelMetadata": _NAMED,
    f"{INFERENCE}ModelConfig": _NAMED,
    f"{INFERENCE}ModelStatistics": _NAMED,
    f"{INFERENCE}ModelInfer": _NAMED,
    f"{INFERENCE}ModelStreamInfer": Method(model=(1,), unary=False),
    f"{INFERENCE}RepositoryIndex": Method(),
    f"{INFERENCE}RepositoryModelLoad": _REPOSITORY,
    f"{INFERENCE}RepositoryModelUnload": _REPOSITORY,
    f"{INFERENCE}TraceSetting": Method(model=(2,)),
    f"{HEALTH}Check": Method(asks=True),
    f"{HEALTH}Watch": Method(unary=False, asks=True),
}
#: Asks what can be called; every replica here gives the same answer.
REFLECTION: Final = frozenset(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    for version in ("v1", "v1alpha")
)
#: What the gateway does not know is passed on message by message.
UNKNOWN: Final = Method(unary=False)
