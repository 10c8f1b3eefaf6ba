"""Passes connections on, so that pods reach a server that listens on loopback."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

_START_SECONDS = 10
_PIECE = 1 << 16


class Relay:
    """Listens at an address of this machine; *port* is that of the server."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ended: asyncio.Event | None = None
        self._open: set[asyncio.Task[None] | None] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError("the relay did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_START_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._pass_on, self.address, 0)
        self.url = f"http://{self.address}:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._ended.wait()
        server.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # A loop holds its tasks weakly, and a connection that is at rest nobody does.
        task = asyncio.current_task()
        self._open.add(task)
        writers = [writer]
        try:
            there = await asyncio.open_connection("127.0.0.1", self.port)
            writers.append(there[1])
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        except (OSError, asyncio.CancelledError):
            pass  # whoever asked sees that the connection ends
        finally:
            for each in writers:
                each.close()
            self._open.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
