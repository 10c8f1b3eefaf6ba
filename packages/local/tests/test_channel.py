"""The channel between replicas and the supervisor, with sockets and no Ray."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inferry_local import messages
from inferry_local.channel import Channel, Link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HELLO = messages.Hello(application="a", replica="r-1", pid=1)


class Heard:
    def __init__(self) -> None:
        self.links: list[Link] = []
        self.messages: list[messages.FromReplica] = []
        self.ended: list[Link] = []

    def joined(self, link: Link) -> None:
        self.links.append(link)

    def said(self, link: Link, message: messages.FromReplica) -> None:
        self.messages.append(message)

    def gone(self, link: Link) -> None:
        self.ended.append(link)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def channel(heard: Heard) -> AsyncIterator[Channel]:
    with tempfile.TemporaryDirectory() as folder:
        channel = Channel(Path(folder) / "c.sock", heard)
        await channel.start()
        yield channel
        await channel.stop()


async def wait_for(condition: list[Any]) -> None:
    async with asyncio.timeout(5):
        while not condition:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)


async def test_a_replica_joins_speaks_drains_and_goes(
    channel: Channel, heard: Heard
) -> None:
    reader, writer = await asyncio.open_unix_connection(channel.path)
    writer.write(messages.line(HELLO) + messages.line(messages.Listening(port=5)))
    await wait_for(heard.messages)
    assert heard.messages == [messages.Listening(port=5)]
    link = heard.links[0]
    link.send(messages.Drain())
    assert messages.to_replica(await reader.readline()) == messages.Drain()
    writer.write(messages.line(messages.Drained()))
    await asyncio.wait_for(link.drained.wait(), 5)
    writer.close()
    await asyncio.wait_for(link.gone.wait(), 5)
    assert heard.ended == [link]


async def test_only_the_user_can_connect(channel: Channel) -> None:
    assert stat.S_IMODE(channel.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "data",
    [b"not json\n", b'{"type":"drained"}\n', b"x" * (messages.MAX_LINE_BYTES + 1)],
)
async def test_who_does_not_say_hello_is_sent_away(
    channel: Channel, heard: Heard, data: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(channel.path)
    writer.write(data)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert heard.links == []


async def test_a_stopped_channel_ends_its_replicas(
    channel: Channel, heard: Heard
) -> None:
    reader, writer = await asyncio.open_unix_connection(channel.path)
    writer.write(messages.line(HELLO))
    await wait_for(heard.links)
    await channel.stop()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
