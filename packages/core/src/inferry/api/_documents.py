"""One file's nodes to located documents: kinds, lists, defaults, rules."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from inferry._suggest import closest
from inferry.api import _leaves as leaves
from inferry.api import _types
from inferry.api._convert import convert
from inferry.api._default import default, written_key
from inferry.api._graphs import InferenceGraph
from inferry.api._nodes import Mapping, Node, Scalar, Sequence
from inferry.api._problems import Located, Origin, spell
from inferry.api._read import read_nodes
from inferry.api._rules import findings, findings_as_written
from inferry.api._rules._parts import predictors
from inferry.api._storage_containers import ClusterStorageContainer
from inferry.api._trained_models import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferry.api._leaves import Place, Sink
    from inferry.api._nodes import Remark
    from inferry.api._problems import Finding, Path
    from inferry.api._types import Document

GROUP = "serving.kserve.io"
KINDS: dict[str, type[Document]] = {
    "InferenceService": _types.InferenceService,
    "ServingRuntime": _types.ServingRuntime,
    "ClusterServingRuntime": _types.ClusterServingRuntime,
    "TrainedModel": TrainedModel,
    "InferenceGraph": InferenceGraph,
    "ClusterStorageContainer": ClusterStorageContainer,
    "Secret": _types.Secret,
    "ServiceAccount": _types.ServiceAccount,
}
VERSIONS = {
    "InferenceService": f"{GROUP}/v1beta1",
    "ServingRuntime": f"{GROUP}/v1alpha1",
    "ClusterServingRuntime": f"{GROUP}/v1alpha1",
    "TrainedModel": f"{GROUP}/v1alpha1",
    "InferenceGraph": f"{GROUP}/v1alpha1",
    "ClusterStorageContainer": f"{GROUP}/v1alpha1",
    "Secret": "v1",
    "ServiceAccount": "v1",
}
# Other groups have kinds of these names, too.
_CORE_KINDS = frozenset({"Secret", "ServiceAccount"})
_LATER = frozenset(
    {
        "LLMInferenceService",
        "LLMInferenceServiceConfig",
        "LocalModelCache",
        "LocalModelNamespaceCache",
        "LocalModelNode",
        "LocalModelNodeGroup",
    }
)
_SAME_WORD = 0.85
_OLD_GROUP = "serving.kubeflow.org"
_API_VERSION = re.compile(r"(?:[a-z0-9.-]+/)?v\d+(?:(?:alpha|beta)\d+)?")


@dataclass(slots=True)
class File:
    """Reads the documents of one file; all problems go to ``sink``."""

    sink: Sink

    def documents(self, text: str) -> list[Located]:
        """Return the documents of *text* that have no error, defaulted."""
        nodes, remarks = read_nodes(text)
        for remark in remarks:
            self.sink.add(remark, (), remark.message)
        located: list[Located] = []
        roots = [node for node in nodes if not leaves.is_null(node)]
        if not roots and not remarks:
            self.sink.add(Scalar(0, 0, None, ""), (), "holds no document")
        parts = [part for root in roots for part in self._unfold(root, ())]
        spoilt = _spoilt([node for node, _ in parts], remarks)
        for index, (node, path) in enumerate(parts):
            if self.sink.full:
                break
            errors = self.sink.errors
            document = self._document(node, path)
            if (
                document is not None
                and index not in spoilt
                and errors == self.sink.errors
            ):
                origin = Origin(file=self.sink.file, index=index, line=node.line)
                located.append(Located(document=document, origin=origin))
        return located

    def _unfold(self, root: Node, path: Path) -> Iterator[tuple[Node, Path]]:
        """Yield the items of a ``List``, else the root itself."""
        kind = root.text("kind") if isinstance(root, Mapping) else ""
        items = root.items.get("items") if isinstance(root, Mapping) else None
        if not kind.endswith("List") or not isinstance(items, Sequence):
            yield root, path
            return
        for index, item in enumerate(items.items):
            yield from self._unfold(item, (*path, "items", index))

    def _document(self, node: Node, path: Path) -> Document | None:
        if not isinstance(node, Mapping):
            message = f"must be a mapping with apiVersion and kind, not {_what(node)}"
            self.sink.add(node, path, message)
            return None
        kind = self._kind(node, path)
        if kind is None:
            return None
        first = len(self.sink.problems)
        raw = convert(node, kind, path, self.sink)
        if raw is None:
            return None
        broken = {problem.path for problem in self.sink.problems[first:]}
        document = default(raw)
        for finding in chain(findings_as_written(raw), findings(document)):
            if self.sink.full:
                break
            written = (*path, *as_written(raw, finding.path))
            # What could not be read is no reason to call its parent incomplete too.
            if not any(each.startswith(spell(written)) for each in broken):
                self._add(locate(node, written[len(path) :]), written, finding)
        return document

    def _add(self, place: Place, path: Path, finding: Finding) -> None:
        self.sink.add(
            place,
            path,
            finding.message,
            suggestion=finding.suggestion,
            severity=finding.severity,
        )

    def _kind(self, node: Mapping, path: Path) -> type[Document] | None:
        """Return the type of a document, or None with the reason."""
        texts = {}
        for name in ("apiVersion", "kind"):
            child = node.items.get(name)
            if child is None or leaves.is_null(child):
                self.sink.add(node, (*path, name), "is required")
            else:
                texts[name] = leaves.text(child, (*path, name), self.sink)
        version, kind = texts.get("apiVersion"), texts.get("kind")
        if not version or not kind:
            return None
        if version == VERSIONS.get(kind):
            return KINDS[kind]
        self._refuse(node, path, version, kind)
        return None

    def _refuse(self, node: Mapping, path: Path, version: str, kind: str) -> None:
        group = version.partition("/")[0]
        ours = _similar(group, (GROUP, _OLD_GROUP))
        at = {name: node.items[name] for name in ("apiVersion", "kind")}
        if kind in _CORE_KINDS and "/" in version and not ours:
            self._ignore(node, path, kind)
        elif kind in KINDS:
            article = "an" if kind[0] in "AEIOU" else "a"
            message = f"is {version!r}; write {VERSIONS[kind]!r} for {article} {kind}"
            self.sink.add(at["apiVersion"], (*path, "apiVersion"), message)
        elif ours and kind in _LATER:
            message = f"{kind} is a kind of KServe that Inferry does not read yet"
            self.sink.add(at["kind"], (*path, "kind"), message)
        elif ours or not _API_VERSION.fullmatch(version):
            self.sink.choice(at["kind"], (*path, "kind"), kind, KINDS)
        else:
            self._ignore(node, path, kind)

    def _ignore(self, node: Mapping, path: Path, kind: str) -> None:
        metadata = node.items.get("metadata")
        name = metadata.text("name") if isinstance(metadata, Mapping) else ""
        message = f"{kind} {name} is ignored".replace("  ", " ")
        alike = kind not in KINDS and _similar(kind, KINDS)
        suggestion = closest(kind, KINDS) if alike else ""
        kinds = ", ".join(sorted(KINDS))
        self.sink.add(
            node,
            path,
            f"{message}: Inferry reads {kinds} here; give the rest to kubectl",
            suggestion=suggestion,
            severity="error" if suggestion else "warning",
        )


def as_written(document: Document, path: Path) -> Path:
    """Return *path* of the defaulted document as its file spells it."""
    if not isinstance(document, _types.InferenceService):
        return path
    for prefix, predictor in predictors(document):
        model = (*prefix, "model")
        if path[: len(model)] == model:
            return (*prefix, written_key(predictor), *path[len(model) :])
    return path


def locate(node: Node, path: Path) -> Place:
    """Return where *path* stands below *node*, or the nearest thing above it."""
    place: Place = node
    for step in path:
        if isinstance(node, Mapping) and step in node.items:
            place, node = node.keys[str(step)], node.items[str(step)]
        elif isinstance(node, Sequence) and isinstance(step, int):
            if step >= len(node.items):
                break
            place = node = node.items[step]
        else:
            break
    return place


def _what(node: Node) -> str:
    return f"the text {node.text!r}" if isinstance(node, Scalar) else "a list"


def _similar(word: str, known: Iterable[str]) -> bool:
    """Say whether *word* is one of *known*, or hardly more than a typing error away."""
    from difflib import SequenceMatcher

    pairs = (SequenceMatcher(None, word.lower(), each.lower()) for each in known)
    return any(pair.ratio() >= _SAME_WORD for pair in pairs)


def _spoilt(nodes: list[Node], remarks: list[Remark]) -> set[int]:
    """Return the documents, by index, in whose lines a remark stands."""
    starts = [node.line for node in nodes]
    lines = [remark.line for remark in remarks if not remark.fatal]
    return {max(bisect_right(starts, line) - 1, 0) for line in lines}
