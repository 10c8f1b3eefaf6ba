"""The smart protocol of git over HTTP: which commit a name is, and one commit's pack.

Version 2 is asked for; servers that know only the first one answer in it, and are
understood. See gitprotocol-v2(5), gitprotocol-http(5), gitprotocol-pack(5).
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

import httpx
import msgspec

from inferry.storage import Corrupt, NotFound, TooLarge, Truncated, shown_uri
from inferry_storage.backends.calls import check_plain
from inferry_storage.network.faults import failed, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from inferry_storage.backends.calls import Calls

_HEADERS = {"Git-Protocol": "version=2"}
_FLUSH, _DELIMITER, _RESPONSE_END = b"0000", b"0001", b"0002"
_HEX = re.compile(rb"[0-9a-f]{40}")
_DATA, _PROGRESS = 1, 2
_HEAD = 4


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A repository: where it is after redirects, and which refs it listed at once."""

    url: str
    version: int
    refs: Mapping[str, str]


class Session:
    """One repository, asked as one user."""

    def __init__(
        self, calls: Calls, uri: str, *, private: Mapping[str, str], rung: str
    ) -> None:
        self._calls = calls
        self._uri = uri
        self.private = private
        self.rung = rung

    async def begin(self, url: str) -> Server:
        """Ask which version of the protocol is spoken at *url*.

        Raises:
            StorageError: It is no repository, may not be read, or cannot be reached.

        """
        async with self._calls.ask(
            "GET",
            f"{url}/info/refs?service=git-upload-pack",
            shown=self._uri,
            headers=_HEADERS,
            private=self.private,
        ) as response:
            self._check(response, "advertisement")
            place = str(response.url.copy_with(query=None)).removesuffix("/info/refs")
            data = await self._calls.body(response, shown=self._uri)
        lines = [line for line in _lines(self._uri, data) if line]
        if lines and lines[0].startswith(b"# service="):
            lines = lines[1:]
        if lines and lines[0].rstrip() == b"version 2":
            return Server(url=place, version=2, refs={})
        return Server(url=place, version=0, refs=_listed(lines))

    async def commits(self, server: Server, name: str) -> dict[str, str]:
        """Return the commits that ``HEAD`` and what is called *name* are now."""
        names = ["HEAD", f"refs/heads/{name}", f"refs/tags/{name}"]
        if server.version == 0:
            refs = server.refs
        else:
            wanted = [_line("peel\n"), *(_line(f"ref-prefix {n}\n") for n in names)]
            body = b"".join([_line("command=ls-refs\n"), _DELIMITER, *wanted, _FLUSH])
            async with self._post(server, body) as response:
                self._check(response, "result")
                data = await self._calls.body(response, shown=self._uri)
            refs = _listed(_lines(self._uri, data))
        return {each: refs[each] for each in names if each in refs}

    async def pack(
        self, server: Server, commit: str, file: IO[bytes], limit: int
    ) -> None:
        """Write the pack of *commit*, without its history, to *file*.

        Raises:
            StorageError: There is no such commit, or it is past *limit* bytes.

        """
        if server.version == 0:
            first = f"want {commit} side-band-64k ofs-delta shallow no-progress\n"
            body = _line(first) + _line("deepen 1\n") + _FLUSH + _line("done\n")
        else:
            asked = ["ofs-delta\n", "no-progress\n", "deepen 1\n"]
            asked += [f"want {commit}\n", "done\n"]
            lines = [_line(each) for each in asked]
            body = b"".join([_line("command=fetch\n"), _DELIMITER, *lines, _FLUSH])
        size = 0
        async with self._post(server, body) as response:
            self._check(response, "result")
            async for part in self._packed(response, commit):
                size += len(part)
                if size > limit:
                    raise too_large(self._uri, limit)
                file.write(part)
        if not size:
            raise self._cut_off()

    def _post(self, server: Server, body: bytes) -> _Answer:
        kind = "application/x-git-upload-pack-request"
        return self._calls.ask(
            "POST",
            f"{server.url}/git-upload-pack",
            shown=self._uri,
            headers={**_HEADERS, "Content-Type": kind},
            private=self.private,
            content=body,
        )

    def _check(self, response: httpx.Response, what: str) -> None:
        if not response.is_success:
            raise refused(
                self._uri,
                response.status_code,
                response.headers,
                rung=self.rung,
                remedy="set GIT_USERNAME and GIT_PASSWORD (a token that may read it)",
            )
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        if kind != f"application/x-git-upload-pack-{what}":
            raise NotFound(
                f"{shown_uri(self._uri)} is not a git repository",
                remedy="correct the storageUri",
            )

    async def _packed(
        self, response: httpx.Response, commit: str
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of the pack, out of the lines that carry it."""
        started, line = False, b"no line"
        async for line in _streamed(self._uri, response):
            if line.startswith(b"ERR "):
                raise self._no_commit(line, commit)
            if not started:
                started = line.rstrip() in {b"packfile", b"NAK"}
            elif line and line[0] == _DATA:
                yield line[1:]
            elif line and line[0] != _PROGRESS:
                raise self._cut_off()
        if line:
            raise self._cut_off()

    def _cut_off(self) -> Truncated:
        return Truncated(
            f"{shown_uri(self._uri)}: the server broke off sending the commit"
        )

    def _no_commit(self, line: bytes, commit: str) -> NotFound | Corrupt:
        shown = shown_uri(self._uri)
        if b"not our ref" in line:
            return NotFound(
                f"{shown}: the repository has no commit {commit[:12]}…",
                remedy="correct the commit, or push it",
            )
        return Corrupt(f"{shown}: the server refuses to send the commit")


if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    _Answer = AbstractAsyncContextManager[httpx.Response]


def too_large(uri: str, limit: int) -> TooLarge:
    """Return the error for a repository that is past *limit* bytes."""
    return TooLarge(
        f"{shown_uri(uri)}: what is in git itself is past {limit / 2**20:.0f} MiB",
        remedy="keep large files in git LFS, or in an object store",
    )


def _line(text: str) -> bytes:
    return f"{len(text) + _HEAD:04x}{text}".encode("ascii")


def _listed(lines: list[bytes]) -> dict[str, str]:
    """Return the commit of each ref; that of an annotated tag is what it points at."""
    found: dict[str, str] = {}
    for line in lines:
        oid, _, rest = line.partition(b"\0")[0].rstrip(b"\n").partition(b" ")
        words = rest.decode("utf-8", "replace").split(" ")
        if not _HEX.fullmatch(oid):
            continue
        peeled = [w.removeprefix("peeled:") for w in words if w.startswith("peeled:")]
        found[words[0].removesuffix("^{}")] = (peeled or [oid.decode("ascii")])[0]
    return found


def _lines(uri: str, data: bytes) -> list[bytes]:
    """Return the packet lines of *data*, an empty one for each separator."""
    lines, rest = [], data
    while rest:
        line, rest = _next(uri, rest)
        if line is None:
            raise Truncated(f"{shown_uri(uri)}: the server's answer ends early")
        lines.append(line)
    return lines


async def _streamed(uri: str, response: httpx.Response) -> AsyncIterator[bytes]:
    check_plain(uri, response.headers)
    rest = b""
    try:
        async for chunk in response.aiter_raw():
            rest += chunk
            while rest:
                line, rest = _next(uri, rest)
                if line is None:
                    break
                yield line
    except httpx.HTTPError as error:
        raise failed(uri, error) from error
    if rest:
        raise Truncated(f"{shown_uri(uri)}: the server's answer ends early")


def _next(uri: str, data: bytes) -> tuple[bytes | None, bytes]:
    """Return the first packet line of *data*, None while it is not all there."""
    head = data[:_HEAD]
    if len(head) < _HEAD:
        return None, data
    if head in {_FLUSH, _DELIMITER, _RESPONSE_END}:
        return b"", data[_HEAD:]
    try:
        size = int(head, 16)
    except ValueError:
        size = 0
    if size <= _HEAD:
        raise Corrupt(f"{shown_uri(uri)}: the server does not speak git's protocol")
    if len(data) < size:
        return None, data
    return data[_HEAD:size], data[size:]
