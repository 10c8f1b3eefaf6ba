"""What a test asks an API server: any kind by its name, as any user."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import msgspec

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")
Object = dict[str, Any]

#: An API server that has just started answers 429 until its caches are filled.
_BUSY_SECONDS = 30
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class ApiError(Exception):
    """What an API server refused: its status, reason and message."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        try:
            said = answer.json()
        except ValueError:
            said = {"message": answer.text}
        self.reason = str(said.get("reason", ""))
        self.message = str(said.get("message", ""))
        request = answer.request
        super().__init__(
            f"{request.method} {request.url.path}: {self.status} {self.message}"
        )


class _Kind(msgspec.Struct, frozen=True):
    prefix: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "", *more: str) -> str:
        inside = ["namespaces", namespace] if self.namespaced and namespace else []
        parts = [self.prefix, *inside, self.plural, *([name] if name else []), *more]
        return "/".join(parts)


class Api:
    """One user of an API server.

    A kind is named by its plural (``deployments``, with its group where two have it:
    ``events.events.k8s.io``) or, in a document, by ``apiVersion`` and ``kind``.
    """

    def __init__(
        self, url: str, tls: ssl.SSLContext, *, token: str = "", seconds: float = 30
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(
            base_url=url, verify=tls, headers=headers, timeout=seconds, trust_env=False
        )
        self._kinds: dict[str, _Kind] = {}

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        **query: str,
    ) -> Any:
        """Return the decoded answer of any path; ask again while it has no time.

        Raises:
            ApiError: It was refused.

        """
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content_type}
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            answer = self.http.request(
                method, path, params=query, content=content, headers=headers
            )
            busy = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            if not busy or time.monotonic() > end:
                break
            time.sleep(0.2)
        if answer.is_error:
            raise ApiError(answer)
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.json() if is_json else answer.text

    def get(self, kind: str, name: str, namespace: str = "", *, part: str = "") -> Any:
        """Return an object, or a subresource of it such as ``log`` or ``scale``."""
        return self.request("GET", self.path(kind, name, namespace, part))

    def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, or None where there is none of that name."""
        try:
            found: Object = self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def list(
        self, kind: str, namespace: str = "", selector: str = "", **query: str
    ) -> list[Object]:
        """Return the objects of a kind, those that a label selector names."""
        if selector:
            query["labelSelector"] = selector
        found = self.request("GET", self.path(kind, "", namespace), **query)
        items: list[Object] = found["items"]
        return items

    def create(self, document: Object, namespace: str = "") -> Object:
        """Create the object that *document* is."""
        path, _ = self._of(document, namespace)
        made: Object = self.request("POST", path, document)
        return made

    def apply(
        self,
        document: Object,
        namespace: str = "",
        *,
        manager: str = "test",
        part: str = "",
    ) -> Object:
        """Apply *document* on the server's side, over the fields of others."""
        path, name = self._of(document, namespace)
        path = "/".join((path, name, *([part] if part else [])))
        query = {"fieldManager": manager, "force": "true"}
        made: Object = self.request(
            "PATCH", path, document, content_type=_APPLY, **query
        )
        return made

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        change: Mapping[str, Any],
        *,
        part: str = "",
    ) -> Object:
        """Merge *change* into an object or a subresource of it."""
        path = self.path(kind, name, namespace, part)
        made: Object = self.request("PATCH", path, change, content_type=_MERGE)
        return made

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete an object; the garbage collector takes what it owns."""
        options = {"propagationPolicy": "Background"}
        self.request("DELETE", self.path(kind, name, namespace), options)

    def install(self, definitions: Iterable[Object]) -> None:
        """Apply CustomResourceDefinitions and wait until they are served."""
        documents = list(definitions)
        for document in documents:
            try:
                self.create(document)  # twice as fast as to apply it
            except ApiError as error:
                if error.status != httpx.codes.CONFLICT:
                    raise
                self.apply(document)
        names = [
            f"{document['spec']['group']}/{version['name']}/"
            f"{document['spec']['names']['kind']}"
            for document in documents
            for version in document["spec"]["versions"]
            if version["served"]
        ]
        until(lambda: self._serves(names), "new kinds to be served")

    def _serves(self, names: list[str]) -> bool:
        """Discovery has them a moment later than their paths answer."""
        self._discover()
        return all(
            name in self._kinds
            and self.answers(f"{self._kinds[name].path('')}?limit=1")
            for name in names
        )

    def answers(self, path: str) -> bool:
        """Whether *path* gives 200."""
        return self.http.get(path).status_code == httpx.codes.OK

    def path(
        self, kind: str, name: str = "", namespace: str = "", part: str = ""
    ) -> str:
        """Return the path of an object, or of all of a kind without a name."""
        more = (part,) if part else ()
        return self._kind(kind).path(namespace, name, *more)

    def _of(self, document: Object, namespace: str) -> tuple[str, str]:
        metadata = document["metadata"]
        kind = self._kind(f"{document['apiVersion']}/{document['kind']}")
        where = metadata.get("namespace") or namespace or "default"
        return kind.path(where), metadata.get("name", "")

    def _kind(self, name: str) -> _Kind:
        if name not in self._kinds:
            self._discover()
        try:
            return self._kinds[name]
        except KeyError:
            raise LookupError(f"the API server serves no {name}") from None

    def _discover(self) -> None:
        """Core kinds come last, so that a bare plural means them."""
        found: dict[str, _Kind] = {}
        for base in ("/apis", "/api"):
            answer = self.http.get(base, headers={"Accept": _DISCOVERY})
            if answer.is_error:
                raise ApiError(answer)
            for group in answer.json()["items"]:
                found |= _kinds_of(base, group)
        self._kinds = found


def until(
    check: Callable[[], T | None], what: str, seconds: float = 30, pause: float = 0.05
) -> T:
    """Return what *check* gives once it is true; fail the test after *seconds*."""
    end = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(pause)


def conditions(document: Object | None) -> dict[str, Object]:
    """Return the conditions of an object by their type."""
    status = (document or {}).get("status") or {}
    return {item["type"]: item for item in status.get("conditions") or ()}


def is_true(document: Object | None, condition: str) -> bool:
    """Whether an object has a condition and it is True."""
    return conditions(document).get(condition, {}).get("status") == "True"


def _kinds_of(base: str, group: Object) -> dict[str, _Kind]:
    """The first version of a group is the one that a bare plural means."""
    found: dict[str, _Kind] = {}
    name = group["metadata"].get("name", "")
    for version in reversed(group["versions"]):
        full = f"{name}/{version['version']}" if name else version["version"]
        prefix = f"{base}/{full}"
        for item in version["resources"]:
            plural = item["resource"]
            kind = _Kind(prefix, plural, item["scope"] == "Namespaced")
            found |= {plural: kind, f"{plural}.{name}": kind}
            found[f"{full}/{item['responseKind']['kind']}"] = kind
    return found
