"""Our two HTTP lanes answer the same bytes, to right questions and to wrong ones."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from data_plane.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_plane.requests import Request

#: What two answers of one lane differ in too.
_TIMELY = frozenset({"date"})
_WRONG = (
    ("no-model", "POST", "/v2/models/nobody/infer", b"{}"),
    ("no-json", "POST", "/v2/models/iris/infer", b"{"),
    ("no-inputs", "POST", "/v2/models/iris/infer", b'{"inputs": []}'),
    ("no-instances", "POST", "/v1/models/iris:predict", b"{}"),
    ("no-method", "GET", "/v2/models/iris/infer", None),
    ("no-path", "POST", "/v2/models", b"{}"),
)

Answer = tuple[int, tuple[tuple[str, str], ...], bytes]


def answers(requests: Sequence[Request], port: int) -> dict[str, Answer]:
    """Return status, headers and body of each question."""
    found = {
        request.name: _ask(
            port, "POST", request.path, request.body, dict(request.headers)
        )
        for request in requests
    }
    headers = {"content-type": "application/json"}
    for name, method, path, body in _WRONG:
        found[name] = _ask(port, method, path, body, headers)
    return found


def _ask(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    kept = sorted(
        (name.lower(), value)
        for name, value in response.getheaders()
        if name.lower() not in _TIMELY
    )
    return response.status, tuple(kept), content


def judge(fast: dict[str, Answer], asgi: dict[str, Answer]) -> Verdict:
    """Compare the answers of both lanes."""
    different = [name for name, answer in fast.items() if asgi[name] != answer]
    same = len(fast) - len(different)
    result = f"{same} of {len(fast)}"
    if different:
        result += f", not {', '.join(different)}"
    return Verdict(
        what="answers of the fast and the ASGI lane, byte for byte",
        target="the same",
        result=result,
        met=not different,
    )
