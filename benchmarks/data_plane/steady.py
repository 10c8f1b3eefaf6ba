"""A client of its own process: small requests at a steady rate.

Run as a script with ``{"port", "body", "seconds"}`` on its standard input.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

CONNECTIONS = 4
RATE = 200


async def _connection(
    port: int, body: bytes, seconds: float, number: int
) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "POST /v2/models/iris/infer HTTP/1.1\r\nhost: bench\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    message = head.encode() + body
    every = CONNECTIONS / RATE
    began = time.perf_counter() + number * every / CONNECTIONS
    times = []
    for turn in range(int(seconds / every)):
        due = began + turn * every
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent = max(due, time.perf_counter())
        writer.write(message)
        await _answer(reader)
        times.append(time.perf_counter() - sent)
    writer.close()
    return times


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise RuntimeError(head[:200])
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)


async def main() -> None:
    """Ask, and print the milliseconds of each answer."""
    asked = json.load(sys.stdin)
    tasks = [
        _connection(asked["port"], asked["body"].encode(), asked["seconds"], number)
        for number in range(CONNECTIONS)
    ]
    times = itertools.chain(*await asyncio.gather(*tasks))
    print(json.dumps([seconds * 1e3 for seconds in times]))


if __name__ == "__main__":
    asyncio.run(main())
