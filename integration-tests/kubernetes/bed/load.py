"""Many requests while something happens to the service that answers them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_END_SECONDS = 60


class Load:
    """Posts one body again and again, a bounded number of times and at a bounded rate.

    ``answers`` counts the bodies of good answers, ``lost`` the texts of all other
    outcomes.
    """

    def __init__(
        self,
        url: str,
        body: object,
        *,
        host: str,
        total: int,
        rate: float = 300,
        workers: int = 8,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.answers: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self._url = url
        self._body = msgspec.json.encode(body)
        self._headers = {
            "Host": host.removeprefix("http://"),
            "Content-Type": "application/json",
            **(headers or {}),
        }
        self._left = total
        self._pause = workers / rate
        self._workers = workers
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop asking; what is under way comes to its end."""
        self._left = 0
        self._thread.join(_END_SECONDS)

    def finish(self, seconds: float = 300) -> None:
        """Wait until all has been asked."""
        self._thread.join(seconds)

    @property
    def running(self) -> bool:
        """Whether there is something left to ask."""
        return self._thread.is_alive()

    @property
    def asked(self) -> int:
        """How many requests have come to an end."""
        return self.answers.total() + self.lost.total()

    def _run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._some(session) for _ in range(self._workers)))

    async def _some(self, session: aiohttp.ClientSession) -> None:
        while self._left > 0:
            self._left -= 1
            await self._one(session)
            await asyncio.sleep(self._pause)

    async def _one(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.post(
                self._url, data=self._body, headers=self._headers
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.lost[type(error).__name__] += 1
            return
        if answer.ok:
            self.answers[text] += 1
        else:
            self.lost[f"{answer.status} {text[:200]}"] += 1


def shares(answers: Counter[str]) -> dict[str, float]:
    """Return which part of all answers each has."""
    total = answers.total()
    return {text: count / total for text, count in answers.items()}


def json_of(text: str) -> Any:
    """Return the document that an answer is."""
    return msgspec.json.decode(text)
