"""The limit: an ASGI application that reads the body and answers the same bytes.

No router, no codec, no model: what uvicorn itself costs, on uvloop and httptools.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ANSWER = (
    b'{"model_name":"iris","outputs":[{"name":"label","datatype":"INT64","shape":[1],'
    b'"data":[1]},{"name":"probabilities","datatype":"FP32","shape":[1,3],'
    b'"data":[0.0011197609,0.8015483,0.19733188]}]}'
)
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(ANSWER)),
    ],
}
BODY = {"type": "http.response.body", "body": ANSWER}


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer every request with `ANSWER`."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send(BODY)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--http-port", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=arguments.http_port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
