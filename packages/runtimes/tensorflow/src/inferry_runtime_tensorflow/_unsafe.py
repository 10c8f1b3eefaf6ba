"""Find what a graph could do beyond computing: files, network, Python, processes.

A SavedModel is a program of operations. Most only compute; those named here touch what
is outside of the model. The operations that save and restore checkpoints are in every
SavedModel, so they count only where serving would run them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NEVER = frozenset(
    [
        "CSVDataset",
        "CSVDatasetV2",
        "CacheDataset",
        "CacheDatasetV2",
        "CalibrationStatisticsSaver",
        "CreateSummaryDbWriter",
        "CreateSummaryFileWriter",
        "DatasetToTFRecord",
        "DecodeProtoV2",
        "DistributedSave",
        "DumpTensor",
        "EagerPyFunc",
        "EncodeProto",
        "ExperimentalCSVDataset",
        "ExperimentalDatasetToTFRecord",
        "ExperimentalLMDBDataset",
        "ExperimentalMatchingFilesDataset",
        "ExperimentalSqlDataset",
        "FileSystemSetConfiguration",
        "FixedLengthRecordDataset",
        "FixedLengthRecordDatasetV2",
        "FixedLengthRecordReader",
        "FixedLengthRecordReaderV2",
        "GenerateVocabRemapping",
        "ImmutableConst",
        "LMDBDataset",
        "LMDBReader",
        "ListDataset",
        "ListSnapshotChunksDataset",
        "LoadAndRemapMatrix",
        "LoadDataset",
        "MatchingFiles",
        "MatchingFilesDataset",
        "PyFunc",
        "PyFuncStateless",
        "ReadFile",
        "RecordInput",
        "RegisterDataset",
        "RegisterDatasetV2",
        "RemoteCall",
        "RemoteFusedGraphExecute",
        "SaveDataset",
        "SaveDatasetV2",
        "SnapshotChunkDataset",
        "SnapshotDataset",
        "SnapshotDatasetReader",
        "SnapshotDatasetV2",
        "SnapshotNestedDatasetReader",
        "SqlDataset",
        "TFRecordDataset",
        "TFRecordDatasetV2",
        "TFRecordReader",
        "TFRecordReaderV2",
        "TextLineDataset",
        "TextLineReader",
        "TextLineReaderV2",
        "WholeFileReader",
        "WholeFileReaderV2",
        "WriteFile",
        "XlaCustomCall",
        "XlaCustomCallV2",
    ]
)
_FAMILIES = ("Collective", "DataService", "Debug", "Rpc")
#: What of these families only computes.
_HARMLESS = frozenset({"DebugGradientIdentity", "DebugGradientRefIdentity"})
_CHECKPOINTS = frozenset(
    [
        "DTensorRestoreV2",
        "MergeV2Checkpoints",
        "Restore",
        "RestoreSlice",
        "RestoreV2",
        "Save",
        "SaveSlices",
        "SaveV2",
    ]
)
_RESTORING = frozenset({"DTensorRestoreV2", "Restore", "RestoreSlice", "RestoreV2"})
#: Operations that touch files only with this attribute, or where it begins so.
_ATTRIBUTES = {
    "FixedUnigramCandidateSampler": ("vocab_file", b""),
    "PrintV2": ("output_stream", b"file://"),
    "Skipgram": ("filename", b""),
}
_TABLES = frozenset({"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"})
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_INIT_SIGNATURE = "__saved_model_init_op"


def check(graph: Any, file: str) -> None:  # noqa: ANN401 - a protobuf of TensorFlow
    """Refuse the MetaGraphDef *graph* of *file* if it reaches beyond itself.

    Raises:
        ModelLoadError: Naming the operations and the option that allows them.

    """
    found = sorted(set(_anywhere(graph)) | _misplaced(graph))
    if found:
        raise ModelLoadError(
            f"{file} has operations that reach files, network or code outside of the "
            f"model: {', '.join(found)}",
            reason=Reason.ModelUnsafe,
            remedy=(
                "save the model without them, or, if you trust it, add "
                '`args: ["--allowUnsafeOps=true"]` to the model'
            ),
        )


def _anywhere(graph: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    assets = list(graph.asset_file_def)
    for asset in assets:
        if "/" in asset.filename or asset.filename in {"", ".", ".."}:
            yield f"an asset at {asset.filename!r}"
    functions = graph.graph_def.library.function
    bodies = [graph.graph_def.node, *(each.node_def for each in functions)]
    for body in bodies:
        for node in body:
            if _reaches_out(node) or (node.op in _TABLES and not assets):
                yield node.op


def _reaches_out(node: Any) -> bool:  # noqa: ANN401 - as above
    if node.op in _ATTRIBUTES:
        name, start = _ATTRIBUTES[node.op]
        value = node.attr[name].s
        return bool(value) and value.startswith(start)
    if node.op in _NEVER:
        return True
    return node.op.startswith(_FAMILIES) and node.op not in _HARMLESS


def _misplaced(graph: Any) -> set[str]:  # noqa: ANN401 - as above
    """Return the operations of checkpoints that loading or serving would run."""
    bodies = _Bodies(graph.graph_def)
    serving = bodies.reachable(_roots(graph)) & _CHECKPOINTS
    restore = {graph.saver_def.restore_op_name} - {""}
    loading = bodies.reachable(restore) & _CHECKPOINTS - _RESTORING
    return serving | loading


def _roots(graph: Any) -> set[str]:  # noqa: ANN401 - as above
    """Return the nodes that loading, besides restoring, and serving begin with."""
    roots = {
        info.name
        for signature in graph.signature_def.values()
        for info in signature.outputs.values()
    }
    for name in _INIT_COLLECTIONS:
        if name in graph.collection_def:
            roots |= set(graph.collection_def[name].node_list.value)
    return {_node(root) for root in roots if root}


class _Bodies:
    """The nodes of the graph and of the functions that it calls."""

    def __init__(self, graph: Any) -> None:  # noqa: ANN401 - as above
        self._nodes: Mapping[str, Any] = {node.name: node for node in graph.node}
        self._functions: Mapping[str, Any] = {
            each.signature.name: each for each in graph.library.function
        }

    def reachable(self, roots: Iterable[str]) -> set[str]:
        """Return the types of all operations that *roots* need, functions included."""
        found: set[str] = set()
        called: set[str] = set()
        seen: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            node = self._nodes.get(name)
            if name in seen or node is None:
                continue
            seen.add(name)
            found.add(node.op)
            called |= self._calls(node)
            waiting += [_node(each) for each in node.input]
        return found | self._within(called)

    def _within(self, called: set[str]) -> set[str]:
        found: set[str] = set()
        seen: set[str] = set()
        waiting = list(called)
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for node in self._functions[name].node_def:
                found.add(node.op)
                waiting += self._calls(node)
        return found

    def _calls(self, node: Any) -> set[str]:  # noqa: ANN401 - as above
        names = {node.op} if node.op in self._functions else set()
        for value in node.attr.values():
            names |= {each.name for each in (value.func, *value.list.func)}
        return names & self._functions.keys()


def _node(name: str) -> str:
    """Return the node of a tensor ``name:0`` or of a control input ``^name``."""
    return name.removeprefix("^").partition(":")[0]
