"""One line in the log per inference request, where the settings ask for it."""

from __future__ import annotations

import logging
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.calls import Call

logger = logging.getLogger(__name__)

GRPC_SERVICE = "inference.GRPCInferenceService"
#: What stands before and behind a model's name, and version.
_AROUND: Mapping[str, tuple[str, str]] = {
    "explain_v1": ("/v1/models/", ":explain"),
    "generate": ("/v2/models/", "/generate"),
    "generate_stream": ("/v2/models/", "/generate_stream"),
    "infer": ("/v2/models/", "/infer"),
    "predict_v1": ("/v1/models/", ":predict"),
}


class Asked(NamedTuple):
    """What a call asked for, as a client would write it.

    ``template`` has ``{model}`` where ``path`` has the name.
    """

    method: str
    path: str
    template: str


def asked(call: Call) -> Asked:
    """Return what *call* asked for; ``method`` is empty for gRPC."""
    target = call.target
    if isinstance(target, str):
        path = f"/{GRPC_SERVICE}/{target or 'ModelInfer'}"
        return Asked("", path, path)
    if target.kind == "openai":
        path = f"/v1/{target.operation}"
        return Asked("POST", path, path)
    before, after = _AROUND[target.kind]
    name, pattern = target.model, "{model}"
    if target.version is not None:
        name += f"/versions/{target.version}"
        pattern += "/versions/{version}"
    return Asked("POST", before + name + after, before + pattern + after)


class RequestLog:
    """Writes the lines; a request without an id gets one."""

    def began(self, call: Call) -> None:
        """Give *call* an id, so that all that is logged on its way has it."""
        call.identify()

    async def close(self, patience: float) -> None:
        """Do nothing: each line is out already."""

    def ended(
        self, call: Call, model: str, code: int, *, received: int, sent: int
    ) -> None:
        """Write the line of *call*; its fields are strings of a JSON line."""
        what = asked(call)
        milliseconds = (perf_counter_ns() - call.arrived) / 1e6
        logger.info(
            "%s %d in %.2f ms, %d bytes in, %d out, id %s",
            f"{what.method} {what.path}".strip()[:300],
            code,
            milliseconds,
            received,
            sent,
            call.identify(),
            extra={
                "fields": {
                    "method": what.method or "POST",
                    "path": what.path[:300],
                    "model": model,
                    "code": code,
                    "milliseconds": round(milliseconds, 3),
                    "received": received,
                    "sent": sent,
                    "request_id": call.identify(),
                    **({} if call.trace is None else call.trace.ids),
                }
            },
        )
