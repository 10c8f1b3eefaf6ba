"""What only a server can say about a request; the rest is in `inferry.errors`."""

from __future__ import annotations

from inferry.errors import InvalidInput, ModelError


class BodyTooLarge(InvalidInput):
    """The body, or what it inflates to, is over the limit (HTTP 413)."""


class BodyTimeout(ModelError):
    """The rest of the body did not come in time (HTTP 408)."""


class Conflict(ModelError):
    """There is one of that name already (HTTP 409)."""


class DeadlineExceeded(ModelError):
    """The answer did not come in time (HTTP 504)."""


class MethodNotAllowed(ModelError):
    """The path exists, but not for this method (HTTP 405); ``allowed`` names which."""

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class NotPermitted(ModelError):
    """What was asked for is not open on this port (HTTP 403)."""


class PredictorFailed(ModelError):
    """The predictor behind this component gave no answer of use (HTTP 502)."""


class Unauthorized(ModelError):
    """The caller has not shown who it is (HTTP 401)."""


class Unsupported(ModelError):
    """The model or the server has no such ability (HTTP 501)."""


class UpstreamFailed(ModelError):
    """The server that a model has of its own failed, and says why (HTTP 500)."""
