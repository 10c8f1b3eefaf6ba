"""A namenode and a datanode that speak WebHDFS, as Hadoop 3 does."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fakes.site import Answer, Asked, Site

if TYPE_CHECKING:
    import ssl


class Datanode(Site):
    """Serves the blocks of files; ``offset`` and ``length`` are in the query."""

    def __init__(self, namenode: Namenode, context: ssl.SSLContext | None) -> None:
        super().__init__(context)
        self._namenode = namenode

    def respond(self, asked: Asked) -> Answer:
        data = self._namenode.files[asked.path.removeprefix("/webhdfs/v1")]
        start = int(asked.query.get("offset", "0"))
        length = int(asked.query.get("length", len(data)))
        return Answer(200, data[start : start + length])


class Namenode(Site):
    """Knows ``files`` by absolute path and sends readers to the datanode."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.files: dict[str, bytes] = {}
        self.links: set[str] = set()
        self.changes: dict[str, int] = {}
        self.standby = False
        self.header = ("", "")
        self.datanode = Datanode(self, context)

    def stop(self) -> None:
        self.datanode.stop()
        super().stop()

    def respond(self, asked: Asked) -> Answer:
        name, value = self.header
        if name and asked.headers.get(name.lower()) != value:
            return _refused(401, "SecurityException")
        if self.standby:
            return _refused(403, "StandbyException")
        path = posixpath.normpath(asked.path.removeprefix("/webhdfs/v1")) or "/"
        folder = any(each.startswith(f"{path.rstrip('/')}/") for each in self.files)
        if path not in self.files and not folder:
            return _refused(404, "FileNotFoundException")
        return self._answer_to(asked, path)

    def _answer_to(self, asked: Asked, path: str) -> Answer:
        match asked.query["op"]:
            case "GETFILESTATUS":
                return Answer.json({"FileStatus": self._status(path, "")})
            case "LISTSTATUS":
                found = {"FileStatus": self._inside(path)}
                return Answer.json({"FileStatuses": found})
            case "OPEN":
                place = self.datanode.url + asked.target.replace("op=", "token=t&op=")
                return Answer(307, b"", {"Location": place})
            case _:
                return _refused(400, "IllegalArgumentException")

    def _inside(self, path: str) -> list[dict[str, Any]]:
        if path in self.files:
            return [self._status(path, "")]
        below = f"{path.rstrip('/')}/"
        names = {
            each[len(below) :].partition("/")[0]
            for each in self.files
            if each.startswith(below)
        }
        return [self._status(f"{below}{name}", name) for name in sorted(names)]

    def _status(self, path: str, suffix: str) -> dict[str, Any]:
        data = self.files.get(path)
        kind = "DIRECTORY" if data is None else "FILE"
        return {
            "pathSuffix": suffix,
            "type": "SYMLINK" if path in self.links else kind,
            "length": len(data or b""),
            "modificationTime": 1_700_000_000_000 + self.changes.get(path, 0),
            "fileId": 16_000 + sum(quote(path).encode()),
            "owner": "hadoop",
            "permission": "644",
        }


def _refused(status: int, exception: str) -> Answer:
    said = {"exception": exception, "javaClassName": "x", "message": "secret words"}
    return Answer.json({"RemoteException": said}, status)
