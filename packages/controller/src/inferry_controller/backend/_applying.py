"""``apply``: documents as they are written, server-side, all or none at first."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from inferry.api import load, loads, to_dict
from inferry.backends import Action, Applied
from inferry_controller.kube.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry.api import Loaded, Located
    from inferry_controller.kube.client import Client

#: The field manager of what users apply with this command.
MANAGER = "inferry"
_STDIN = "-"
#: How problems name it, as `load` does.
_SHOWN = "<stdin>"
_AT_A_TIME = 8
#: What the server makes of its own accord: a file that was printed by it has them.
_SERVERS = ("creationTimestamp", "generation", "managedFields", "selfLink", "uid")
_COUNTED = frozenset({"resourceVersion", "managedFields"})
#: Secrets and accounts before what mounts them, runtimes before services.
_ORDER = (
    "ServiceAccount",
    "Secret",
    "ClusterStorageContainer",
    "ClusterServingRuntime",
    "ServingRuntime",
    "InferenceService",
)

Document = dict[str, Any]


def read(paths: Iterable[Path], namespace: str) -> list[Document]:
    """Return the documents of *paths* as they are written, each with its namespace.

    Raises:
        InvalidDocument: With every problem of every file.

    """
    texts: dict[str, str] = {}
    parts: list[Loaded] = []
    named = list(paths)
    files = [path for path in named if str(path) != _STDIN]
    if len(files) < len(named):
        texts[_SHOWN] = sys.stdin.read()
        parts.append(loads(texts[_SHOWN], file=_SHOWN))
    parts += [load(files)] if files else []
    for part in parts:
        part.raise_for_problems()
    return [
        _placed(_chosen(each, texts), namespace)
        for part in parts
        for each in part.documents
    ]


def _chosen(located: Located, texts: dict[str, str]) -> Document:
    made = to_dict(located.document)
    raw = _as_written(texts, located.origin.file, located.origin.index)
    return raw if raw is not None and _is(raw, made) else made


def _as_written(texts: dict[str, str], file: str, index: int) -> Document | None:
    """Return a document without what was filled in, which is the controller's to do.

    Were it applied too, a later `kubectl apply` of the same file would leave it there.
    """
    if file not in texts:
        texts[file] = Path(file).read_text(encoding="utf-8-sig")
    try:
        roots = [root for root in yaml.load_all(texts[file], _Plain) if root]
    except yaml.YAMLError:
        return None
    parts = [part for root in roots for part in _unfolded(root)]
    found = parts[index] if index < len(parts) else None
    return found if isinstance(found, dict) else None


class _Plain(yaml.SafeLoader):
    """Reads what JSON can say: a date is text, as it is for kubectl."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _unfolded(root: Any) -> list[Any]:  # noqa: ANN401 - of a file
    items = root.get("items") if isinstance(root, dict) else None
    if not isinstance(items, list) or not str(root.get("kind", "")).endswith("List"):
        return [root]
    return [part for item in items for part in _unfolded(item)]


def _is(raw: Document, made: Document) -> bool:
    """Say whether *raw* is the document that *made* was made of."""
    name = (raw.get("metadata") or {}).get("name")
    return bool(raw.get("kind") == made["kind"] and name == made["metadata"]["name"])


def _placed(document: Document, namespace: str) -> Document:
    placed = {**document, "metadata": dict(document["metadata"])}
    for name in _SERVERS:
        placed["metadata"].pop(name, None)
    placed.pop("status", None)
    if kind_of(placed).namespaced:
        placed["metadata"].setdefault("namespace", namespace)
    return placed


async def apply(client: Client, documents: Sequence[Document]) -> list[Applied]:
    """Ask the server whether it takes all of them; then apply them in order."""
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def ask(document: Document) -> None:
        async with turns:
            await _release(client, document)
            await client.apply(document, manager=MANAGER, dry_run=True)

    await asyncio.gather(*(ask(each) for each in documents))
    done: list[tuple[int, Applied]] = []
    for number, each in sorted(enumerate(documents), key=lambda pair: _rank(pair[1])):
        done.append((number, await _apply(client, each)))
    return [applied for _, applied in sorted(done, key=lambda pair: pair[0])]


async def _release(client: Client, document: Document) -> None:
    """Forget the version that *document* is a change of, where that is gone.

    Where the object is there, a version that is not its last means a lost update.
    """
    metadata = document["metadata"]
    if "resourceVersion" in metadata:
        where = metadata.get("namespace", ""), metadata["name"]
        if await client.find(kind_of(document), *where) is None:
            del metadata["resourceVersion"]


def _rank(document: Document) -> int:
    kind = document["kind"]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


async def _apply(client: Client, document: Document) -> Applied:
    metadata = document["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    before = await client.find(kind_of(document), namespace, name)
    after = await client.apply(document, manager=MANAGER)
    action: Action = "configured"
    if before is None:
        action = "created"
    elif _without_status(before) == _without_status(after):
        action = "unchanged"
    return msgspec.convert(
        {
            "kind": document["kind"],
            "namespace": namespace,
            "name": name,
            "action": action,
        },
        Applied,
    )


def _without_status(obj: Document) -> Document:
    """Leave out what a controller may write at any time, and the versions it makes."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in _COUNTED}
    return {**obj, "metadata": metadata, "status": None}
