"""The supervisor's end of the channel that each replica holds open.

A connection is a replica: it says who it is and how its model fares, and when it closes
the replica is gone, which is known at once and without asking Ray.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

import msgspec

from inferry_local import messages

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

HELLO_SECONDS = 30.0


class Listener(Protocol):
    """What is told about replicas; called in the supervisor's loop, never blocks."""

    def joined(self, link: Link) -> None:
        """Take notice of a new replica; `Link.hello` says who it is."""

    def said(self, link: Link, message: messages.FromReplica) -> None:
        """Take notice of what a replica says."""

    def gone(self, link: Link) -> None:
        """Take notice that a replica is gone, whatever ended it."""


class Link:
    """One replica, as long as its process lives."""

    def __init__(self, hello: messages.Hello, writer: asyncio.StreamWriter) -> None:
        self.hello = hello
        self.drained = asyncio.Event()
        self.gone = asyncio.Event()
        self._writer = writer

    def send(self, message: messages.ToReplica) -> None:
        """Send *message*; nothing happens where the replica is gone."""
        if not self.gone.is_set():
            self._writer.write(messages.line(message))

    def close(self) -> None:
        """Close the connection, upon which the replica ends itself."""
        self._writer.close()


class Channel:
    """The unix socket to which replicas connect, readable by this user alone."""

    def __init__(self, path: Path, listener: Listener) -> None:
        self.path = path
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; the socket's folder is private already."""
        self._server = await asyncio.start_unix_server(
            self._connected, self.path, limit=messages.MAX_LINE_BYTES
        )
        self.path.chmod(0o600)

    async def stop(self) -> None:
        """Close every connection, which ends the replicas."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._converse(reader, writer)
        except (OSError, ValueError, msgspec.DecodeError, TimeoutError) as error:
            logger.warning("a replica's connection failed: %s", error)
        except asyncio.CancelledError:
            logger.debug("a replica's connection is closed by the supervisor")
        finally:
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(HELLO_SECONDS):
            first = await reader.readline()
        if not first:
            return
        hello = messages.from_replica(first)
        if not isinstance(hello, messages.Hello):
            logger.warning("a connection did not begin with hello")
            return
        link = Link(hello, writer)
        self._links.add(link)
        self._listener.joined(link)
        try:
            while data := await reader.readline():
                message = messages.from_replica(data)
                if isinstance(message, messages.Drained):
                    link.drained.set()
                self._listener.said(link, message)
        finally:
            self._links.discard(link)
            link.gone.set()
            link.drained.set()
            self._listener.gone(link)
