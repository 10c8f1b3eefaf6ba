"""Messages on their way to a sink: bounded, and out of the way of requests.

The event loop only puts a message into a queue, or drops and counts it where too many
wait. Threads take them out; they share no lock with the loop, so that none can hold it
up. Each counter has one writer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

import msgspec

from inferry_server.workers import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.payload_log.messages import Message

logger = logging.getLogger(__name__)

MAX_MESSAGES = 10_000
#: A larger file would take so long to write that the event loop noticed.
_MAX_BATCH_BYTES = 4 * 1024 * 1024
#: Seconds between two warnings about the same outbox.
_QUIET = 60.0
_TRIES = 3
_FIRST_PAUSE = 0.2


class SinkError(Exception):
    """What a sink was given did not arrive; ``again`` says whether to try again.

    ``left`` is what did not arrive; None is all of it.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool = True,
        left: Sequence[Message] | None = None,
    ) -> None:
        super().__init__(message)
        self.again = again
        self.left = left


class Sink(Protocol):
    """Where messages go; each thread has one of its own."""

    def send(self, messages: Sequence[Message]) -> None:
        """Deliver *messages*, or raise `SinkError`."""

    def close(self) -> None:
        """Let go of connections."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages go together, and how many may wait.

    So many as ``batch_size``, or those of ``batch_interval`` seconds where that is
    not 0; whichever comes first. With ``at_once`` those go that are there, up to so
    many.
    """

    max_bytes: int
    batch_size: int = 1
    batch_interval: float = 0.0
    at_once: int = 0

    def seconds_left(self, since: float) -> float | None:
        """Return how long a batch begun at *since* still waits, None for ever."""
        if self.at_once:
            return 0.0
        if not self.batch_interval:
            return None
        return max(0.0, since + self.batch_interval - time.monotonic())

    def is_full(self, count: int, size: int) -> bool:
        """Say whether a batch of *count* messages of *size* bytes shall go."""
        if self.at_once:
            return count >= self.at_once
        # With an interval alone, time decides.
        by_count = self.batch_size > 1 or not self.batch_interval
        most = min(self.max_bytes // 2, _MAX_BATCH_BYTES)
        return (by_count and count >= self.batch_size) or size >= most


class Counts(msgspec.Struct):
    """What became of the messages of one model; for ever growing."""

    sent: int = 0
    dropped: int = 0
    failed: int = 0


class Outbox:
    """Queues messages of the model *name* for *sink*."""

    def __init__(self, name: str, sink: Sink, rules: Rules, counts: Counts) -> None:
        self._name = name
        self._rules = rules
        self._counts = counts
        self._queue: SimpleQueue[Message | None] = SimpleQueue()
        self._put = self._put_bytes = 0
        self._closed = False
        self._warned = -_QUIET
        self._seen = (0, 0)
        self._sender = _Sender(name, sink, rules, self._queue)
        self._sender.start()

    @property
    def waiting_bytes(self) -> int:
        """What the messages take that are not yet gone."""
        return self._put_bytes - self._sender.done_bytes

    def has_room(self, size: int) -> bool:
        """Say whether a message of *size* may be put; count it as dropped if not."""
        if (
            not self._closed
            and self._put - self._sender.done < MAX_MESSAGES
            and self.waiting_bytes + size <= self._rules.max_bytes
        ):
            return True
        self._counts.dropped += 1
        now = time.monotonic()
        if now - self._warned >= _QUIET:
            self._warned = now
            logger.warning(
                "the payload log of model %s is full: %d messages are dropped so far, "
                "because its sink takes them too slowly",
                self._name,
                self._counts.dropped,
            )
        return False

    def put(self, message: Message) -> None:
        """Queue *message*, for which there is room."""
        self._put += 1
        self._put_bytes += message.size
        self._queue.put(message)

    def gather(self) -> None:
        """Bring the counts up to date."""
        sent, failed = self._sender.sent, self._sender.failed
        self._counts.sent += sent - self._seen[0]
        self._counts.failed += failed - self._seen[1]
        self._seen = (sent, failed)

    async def close(self, patience: float) -> None:
        """Send what waits, within *patience* seconds; what is left then is dropped."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await in_thread("inferry-payload-log-end", self._sender.join)
        self._sender.stop()
        self.gather()
        left = self._put - self._sender.done
        if left:
            self._counts.dropped += left
            logger.warning(
                "the payload log of model %s ends with %d messages not sent",
                self._name,
                left,
            )


class _Sender(threading.Thread):
    """Takes messages out of *queue* and gives them to *sink*, until it gets None."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        rules: Rules,
        queue: SimpleQueue[Message | None],
    ) -> None:
        super().__init__(name=f"inferry-payload-log-{name}", daemon=True)
        self._model = name
        self._sink = sink
        self._rules = rules
        self._queue = queue
        self._stopped = threading.Event()
        self._down = False
        self.done = self.done_bytes = 0
        self.sent = self.failed = 0

    def stop(self) -> None:
        """End after the try that runs."""
        self._stopped.set()

    def run(self) -> None:
        """Work until told to stop."""
        is_last = False
        while not (is_last or self._stopped.is_set()):
            batch, is_last = self._next()
            if batch:
                self._send(batch)
            # Nothing may keep the bodies alive while the queue is empty.
            del batch
        self._sink.close()

    def _next(self) -> tuple[list[Message], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        batch, size, since = [first], first.size, time.monotonic()
        while not self._rules.is_full(len(batch), size):
            try:
                message = self._queue.get(timeout=self._rules.seconds_left(since))
            except Empty:
                break
            if message is None:
                return batch, True
            batch.append(message)
            size += message.size
        return batch, False

    def _send(self, batch: list[Message]) -> None:
        try:
            self._deliver(batch)
        except Exception as error:  # noqa: BLE001 - a sink never ends its thread
            left = getattr(error, "left", None)
            failed = len(batch if left is None else left)
            self.failed += failed
            self.sent += len(batch) - failed
            if not self._down:
                logger.warning(
                    "the payload log of model %s does not arrive: %s",
                    self._model,
                    error,
                )
            self._down = True
        else:
            self.sent += len(batch)
            if self._down:
                logger.info("the payload log of model %s arrives again", self._model)
            self._down = False
        self.done += len(batch)
        self.done_bytes += sum(message.size for message in batch)

    def _deliver(self, batch: Sequence[Message]) -> None:
        pause = _FIRST_PAUSE
        # While a sink is down, one try each is enough to learn that it is back.
        for left in reversed(range(1 if self._down else _TRIES)):
            try:
                self._sink.send(batch)
            except SinkError as error:
                if not left or not error.again or self._stopped.wait(pause):
                    raise
                batch = batch if error.left is None else error.left
                pause *= 2
            else:
                return
