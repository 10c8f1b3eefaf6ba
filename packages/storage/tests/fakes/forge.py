"""A forge: git's own http-backend behind a web server, and large files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fakes.site import Answer, Asked, Site, ranged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class LargeFileStore(Site):
    """Serves large files to whoever has the header that the forge gave."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, bytes] = {}
        self.ticket = "ticket-canary"

    def respond(self, asked: Asked) -> Answer:
        if asked.headers.get("x-ticket") != self.ticket:
            return Answer(403)
        return ranged(asked, self.blobs[asked.path[1:]])


class Forge(Site):
    """Serves the repositories below *folder*; ``login`` is what it lets in."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.store = LargeFileStore()
        self.login = ""
        self.protocol = 2

    def stop(self) -> None:
        self.store.stop()
        super().stop()

    def uri(self, name: str) -> str:
        return f"git+{self.url}/{name}.git"

    def commit(self, name: str, files: Mapping[str, bytes | str]) -> str:
        """Make one more commit of *files* alone; a text is where a link leads."""
        work = self.folder / f"{name}.work"
        if not work.exists():
            self.git("init", "-q", "-b", "main", str(work))
        for old in work.iterdir():
            if old.name != ".git":
                subprocess.run(["rm", "-rf", str(old)], check=True)
        for path, data in files.items():
            at = work / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(data) if isinstance(data, str) else at.write_bytes(data)
        self.git("-C", str(work), "add", "-A", "-f")
        self.git("-C", str(work), "commit", "-q", "--allow-empty", "-m", "a model")
        self.publish(name)
        return self.git("-C", str(work), "rev-parse", "HEAD").strip()

    def publish(self, name: str) -> None:
        bare = self.folder / f"{name}.git"
        if not bare.exists():
            self.git("init", "-q", "--bare", "-b", "main", str(bare))
        work = str(self.folder / f"{name}.work")
        self.git("-C", work, "push", "-q", "--tags", "-f", str(bare), "main")

    def pointer(self, data: bytes) -> bytes:
        """Keep *data* as a large file and return what stands for it."""
        oid = hashlib.sha256(data).hexdigest()
        self.store.blobs[oid] = data
        spec = "https://git-lfs.github.com/spec/v1"
        return f"version {spec}\noid sha256:{oid}\nsize {len(data)}\n".encode()

    def respond(self, asked: Asked) -> Answer:
        given = asked.headers.get("authorization", "")
        expected = base64.b64encode(self.login.encode()).decode()
        if self.login and given != f"Basic {expected}":
            return Answer(401, b"", {"WWW-Authenticate": 'Basic realm="forge"'})
        if asked.path.endswith("/info/lfs/objects/batch"):
            return self._batch(asked)
        return self._backend(asked)

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words],
            env=self._environ(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            # Equal files make equal commits.
            "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
            "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
            **{
                f"GIT_{who}_{what}": f"{who}@example.com".lower()
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }

    def _batch(self, asked: Asked) -> Answer:
        found = []
        for each in json.loads(asked.body)["objects"]:
            oid = each["oid"]
            if oid not in self.store.blobs:
                found.append({"oid": oid, "error": {"code": 404, "message": "words"}})
                continue
            download = {
                "href": f"{self.store.url}/{oid}",
                "header": {"X-Ticket": self.store.ticket},
            }
            found.append({"oid": oid, "actions": {"download": download}})
        return Answer.json({"transfer": "basic", "objects": found})

    def _backend(self, asked: Asked) -> Answer:
        protocol = asked.headers.get("git-protocol", "") if self.protocol else ""
        done = subprocess.run(
            ["git", "http-backend"],
            input=asked.body,
            env={
                **self._environ(),
                "GIT_PROJECT_ROOT": str(self.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": asked.method,
                "PATH_INFO": asked.path,
                "QUERY_STRING": urlsplit(asked.target).query,
                "CONTENT_TYPE": asked.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(asked.body)),
                "GIT_PROTOCOL": protocol,
            },
            check=False,
            capture_output=True,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return Answer(status, body, headers)
