"""A Hugging Face Hub: commits, pages of files, large files on another server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fakes.site import Answer, Asked, Site, ranged

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGE = 1000


class Repository:
    """Commits of files by path; ``branches`` say which commit a name is."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.gated = False
        self.private = False
        self.commit(files)

    def commit(self, files: Mapping[str, bytes], branch: str = "main") -> str:
        text = repr((len(self.commits), sorted(files.items()))).encode()
        name = hashlib.sha1(text).hexdigest()
        self.commits[name] = dict(files)
        self.branches[branch] = name
        return name


class Cdn(Site):
    """Serves large files by their digest, for as long as the signature is good."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, bytes] = {}
        self.signature = "good"

    def respond(self, asked: Asked) -> Answer:
        if asked.query.get("X-Signature") != self.signature:
            return Answer(403)
        return ranged(asked, self.blobs[asked.path[1:]], ETag='"of-the-cdn"')


class Hub(Site):
    """The hub; ``token`` is the one it knows, ``granted`` what it may read."""

    def __init__(self) -> None:
        super().__init__()
        self.cdn = Cdn()
        self.repositories: dict[str, Repository] = {}
        self.token = "hf_canary"
        self.granted: set[str] = set()
        self.renamed: dict[str, str] = {}
        self.page = 1000

    def stop(self) -> None:
        self.cdn.stop()
        super().stop()

    def respond(self, asked: Asked) -> Answer:
        path = asked.path.removeprefix("/api/models/")
        parts = path.strip("/").split("/")
        name, rest = "/".join(parts[:2]), parts[2:]
        if name in self.renamed:
            place = asked.target.replace(name, self.renamed[name])
            return Answer(307, b"", {"Location": place})
        refused = self._refusal(asked, name)
        if refused is not None:
            return refused
        repository = self.repositories[name]
        what, revision, inside = rest[0], rest[1], "/".join(rest[2:])
        if what == "revision":
            revision = "/".join(rest[1:])
        commit = repository.branches.get(revision, revision)
        files = repository.commits.get(commit)
        if files is None:
            return _refused(404, "RevisionNotFound")
        if what == "revision":
            return Answer.json({"id": name, "sha": commit})
        if what == "paths-info":
            paths = parse_qs(asked.body.decode())["paths"]
            return Answer.json([item for each in paths for item in _of(files, each)])
        return (self._tree if what == "tree" else self._file)(asked, files, inside)

    def _refusal(self, asked: Asked, name: str) -> Answer | None:
        given = asked.headers.get("authorization")
        known = given == f"Bearer {self.token}"
        if given is not None and not known:
            return Answer(401)
        repository = self.repositories.get(name)
        hidden = repository is None or (
            repository.private and not (known and name in self.granted)
        )
        if hidden:
            return _refused(404 if known else 401, "RepoNotFound")
        if repository and repository.gated and not known:
            return _refused(401, "GatedRepo")
        if repository and repository.gated and name not in self.granted:
            return _refused(403, "GatedRepo")
        return None

    def _tree(self, asked: Asked, files: dict[str, bytes], inside: str) -> Answer:
        start = int(asked.query.get("cursor", "0"))
        below = f"{inside}/" if inside else ""
        items = [
            item
            for path in sorted(files)
            if path.startswith(below)
            for item in _of(files, path)
        ]
        folders = {path.rpartition("/")[0] for path in files} - {"", inside}
        items += [{"type": "directory", "path": path} for path in sorted(folders)]
        page = items[start : start + self.page]
        answer = Answer.json(page)
        if start + self.page < len(items):
            target = asked.target.partition("&cursor=")[0]
            answer.headers["Link"] = (
                f'<{self.url}{target}&cursor={start + self.page}>; rel="next"'
            )
        return answer

    def _file(self, asked: Asked, files: dict[str, bytes], path: str) -> Answer:
        if path not in files:
            return _refused(404, "EntryNotFound")
        data = files[path]
        if len(data) < _LARGE:
            return ranged(asked, data, ETag=f'"{_blob(data)}"')
        digest = hashlib.sha256(data).hexdigest()
        self.cdn.blobs[digest] = data
        place = f"{self.cdn.url}/{digest}?X-Signature={self.cdn.signature}"
        return Answer(302, b"", {"Location": place, "X-Linked-ETag": f'"{digest}"'})


def _of(files: dict[str, bytes], path: str) -> list[dict[str, Any]]:
    if path in files:
        data = files[path]
        item = {"type": "file", "path": path, "oid": _blob(data), "size": len(data)}
        if len(data) >= _LARGE:
            oid = hashlib.sha256(data).hexdigest()
            item["lfs"] = {"oid": oid, "size": len(data), "pointerSize": 130}
        return [item]
    if any(each.startswith(f"{path}/") for each in files):
        return [{"type": "directory", "path": path, "oid": "", "size": 0}]
    return []


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _refused(status: int, code: str) -> Answer:
    return Answer(
        status, b"", {"X-Error-Code": code, "X-Error-Message": "secret words"}
    )
