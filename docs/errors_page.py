"""The page of errors: what each status means, from the tables of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]

_ERRORS = """\
# Errors

Over HTTP every error has the body `{{"error": "text"}}`; over gRPC the same text is the message of the status, and in a `ModelStreamInfer` stream the `error_message` of one answer.
The text says which tensor, model or limit it is about and what to do; it holds no internals.
What a client sent and a text repeats is cut short.

## Of a model server

{server}

Every other exception, of the model too, is 500 and `INTERNAL`: the text is `internal error, id ID: see the log of the server`, and the log has the traceback under that id.

## Before a request is understood

{transport}

## Of the gateway

{gateway}

## Retries

`Retry-After` (`retry-after` in the trailing metadata of gRPC) says after how many seconds to ask again.
A call that was refused with 503 was not started; one that got 504 may have been, where the text does not say that it was not.
"""

_WHEN = {
    "BodyTimeout": ("the rest of the body did not come in time", "closes"),
    "BodyTooLarge": (
        "the body is larger than `max_body_bytes`, also once inflated; over gRPC, the message than `max_message_bytes`",
        "closes",
    ),
    "Conflict": ("there is one of that name already, such as a memory region", ""),
    "DeadlineExceeded": (
        "the answer did not come within the request's own timeout or `request_timeout`",
        "",
    ),
    "InvalidInput": (
        "the body, a tensor, a shape, a datatype or a parameter is wrong",
        "",
    ),
    "MethodNotAllowed": ("the path exists for another method", "`Allow`"),
    "ModelLoadError": (
        "a model that was to be loaded cannot be; the text says why",
        "",
    ),
    "ModelNotFound": ("there is no such model, version or path", ""),
    "ModelNotReady": (
        "the model is known, but does not serve yet or no more",
        "`Retry-After`",
    ),
    "NotPermitted": ("what was asked for is not open on this port", ""),
    "Overloaded": (
        "as many calls wait as may, or all bodies together are too large",
        "`Retry-After`",
    ),
    "PredictorFailed": ("the predictor behind a transformer gave no answer of use", ""),
    "Unauthorized": (
        "no API key or token, or one that is not valid",
        "`WWW-Authenticate`",
    ),
    "UpstreamFailed": ("the server that a model has of its own failed", ""),
    "Unsupported": (
        "the model or the server has no such ability, such as `explain`",
        "",
    ),
}
_TRANSPORT = (
    ("400", "the request is no HTTP/1.1", "closes"),
    ("431", "the head of the request is larger than `max_header_bytes`", "closes"),
    ("503", "there are as many connections as `max_connections`", "closes"),
)
_GATEWAY = (
    ("400", "two services have a model of that name; the text says how to choose"),
    ("404", "no such service, model or path"),
    ("502", "every replica refuses connections"),
    ("503", "no replica came in time, or the service has failed; the text says why"),
    ("504", "no answer within the service's `timeout`"),
)


def write_errors(table: Table) -> str:
    """Return the page of all errors, one row for each that the server tells apart."""
    from inferry_server.grpc.errors import CODES
    from inferry_server.statuses import STATUS

    rows = []
    for kind, status in sorted(STATUS.items(), key=lambda item: item[1]):
        when, more = _WHEN[kind.__name__]
        rows.append((str(status), f"`{CODES[status].name}`", when, more))
    left = ("499", f"`{CODES[499].name}`", "the client left; only metrics show it", "")
    unforeseen = ("500", f"`{CODES[500].name}`", "what nobody foresaw, see below", "")
    rows = sorted([*rows, left, unforeseen])
    head = ("status", "gRPC", "when", "beside the text")
    return _ERRORS.format(
        server=table(head, rows),
        transport=table(("status", "when", "connection"), _TRANSPORT),
        gateway=table(("status", "when"), _GATEWAY),
    )
