"""What an API server can answer when it does not do what was asked.

```
ApiError
├── Unauthorized     401: the credentials are missing, wrong or expired
├── Forbidden        403: RBAC, quota or an admission policy says no
├── NotFound         404: no such object, or the kind is not served
├── Conflict         409: changed meanwhile, another owner, or AlreadyExists
├── Gone             410: the version asked for is compacted away
├── Invalid          400, 422, a typed-patch 500: asking again cannot help
└── Unavailable      429, 5xx, no connection, no answer in time: asking again may help
```
"""

from __future__ import annotations

import re

import msgspec

from inferry.errors import BackendError, printable

#: What a server-side apply of a wrong type or unknown field is answered with, as a 500.
_TYPED_PATCH = "failed to create typed patch object"
_LONGEST = 600
_TOKENS = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_TOO_MANY, _SERVER_ERROR = 429, 500


class ApiError(BackendError):
    """An API server refused, failed or did not answer.

    ``status`` is the HTTP status (0: no answer), ``reason`` the machine-readable one of
    Kubernetes, ``retry_after`` the seconds it asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Unauthorized(ApiError):
    """The server does not know who asks."""


class Forbidden(ApiError):
    """The server knows who asks, and refuses."""


class NotFound(ApiError):
    """There is no such object, or no such kind."""


class Conflict(ApiError):
    """The object changed meanwhile, or exists already (`exists`)."""

    @property
    def exists(self) -> bool:
        """Whether a create found the name taken."""
        return self.reason == "AlreadyExists"


class Gone(ApiError):
    """A version or continue token is older than what the server keeps."""


class Invalid(ApiError):
    """What was asked is wrong and stays wrong."""


class Unavailable(ApiError):
    """The server is not reachable, overloaded or broken; it may be better later."""


class _Status(msgspec.Struct):
    """The fields of a ``Status`` object that are read."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0


_DECODER = msgspec.json.Decoder(_Status)
_CLASSES: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
}
_REMEDIES = {
    401: "check the credentials of the kubeconfig or the ServiceAccount",
    403: "grant this right with RBAC, or choose what is allowed",
}


def from_answer(
    status: int, body: bytes, what: str, *, retry_after: float | None = None
) -> ApiError:
    """Return the error that an answer means; *what* names the call and its object.

    The body is a ``Status``, or plain text where a proxy, or an API that is not served,
    answers.
    """
    found = parsed(body)
    message = told(found.message if found.kind == "Status" else body[:_LONGEST])
    return classified(
        status,
        f"{what}: {message or f'HTTP {status}'}",
        reason=found.reason,
        retry_after=retry_after,
    )


def classified(
    status: int, message: str, *, reason: str = "", retry_after: float | None = None
) -> ApiError:
    """Return the error of class and remedy that *status* asks for."""
    made = _CLASSES.get(status)
    if made is None:
        retry = status == _TOO_MANY or status >= _SERVER_ERROR or status == 0
        made = Unavailable if retry and _TYPED_PATCH not in message else Invalid
    return made(
        message,
        status=status,
        reason=reason,
        retry_after=retry_after,
        remedy=_REMEDIES.get(status, ""),
    )


def parsed(body: bytes) -> _Status:
    """Return the ``Status`` in *body*, or an empty one."""
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError:
        return _Status()


def told(text: str | bytes) -> str:
    """Return what a server said as one short line without credentials."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = _TOKENS.sub(r"\1 ***", " ".join(text.split()))
    return printable(text[:_LONGEST])
