"""A small HTTP client of the standard library's: one request, JSON or bytes out."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inferry.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The most of an answer that is read; an answer of a model is far smaller.
MAX_ANSWER = 1 << 30
_OK = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return self.status < _OK

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body as JSON.

        Raises:
            BackendError: It is something else.

        """
        try:
            return json.loads(self.body)
        except ValueError:
            start = self.body[:80].decode("utf-8", "replace")
            msg = f"the server answered {self.status} with no JSON: {start!r}"
            raise BackendError(msg, remedy="check the url") from None

    def error(self) -> str:
        """Return the ``error`` text of the body, or its beginning."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return self.body[:300].decode("utf-8", "replace").strip()
        text = value.get("error") if isinstance(value, dict) else None
        return str(text or json.dumps(value)[:300])


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where requests go, what every one carries, and how long an answer may take.

    ``hint`` says what to do where the url cannot be reached.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    hint: str = ""

    def get(self, path: str) -> Answer:
        """Send a GET below the base url."""
        return self._request("GET", path, None, {})

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a POST below the base url; a body of JSON unless *headers* differ."""
        content = {"Content-Type": "application/json", **(headers or {})}
        return self._request("POST", path, body, content)

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        connection, base = self._connection()
        try:
            connection.request(
                method, base + path, body=body, headers={**headers, **self.headers}
            )
            response = connection.getresponse()
            return Answer(status=response.status, body=response.read(MAX_ANSWER))
        except TimeoutError:
            msg = f"{self.url} did not answer within {self.timeout:g} s"
            raise BackendError(msg, remedy="raise --timeout") from None
        except (OSError, http.client.HTTPException) as error:
            msg = f"{self.url} cannot be reached: {error}"
            remedy = self.hint or "check that it is running: `inferry get`"
            raise BackendError(msg, remedy=remedy) from None
        finally:
            connection.close()

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(self.url)
        kinds = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in kinds or not parts.hostname or port == -1:
            msg = f"{self.url!r} is no http url"
            raise BackendError(msg, remedy="write it as http://HOST:PORT")
        made = kinds[parts.scheme](parts.hostname, port, timeout=self.timeout)
        return made, parts.path.rstrip("/")
