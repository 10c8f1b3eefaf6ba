"""The descriptor of the sklearn runtime; importing it imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import (
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Runtime,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONS = (
    Option(
        name="allowPickle",
        type="bool",
        default=False,
        help="Load joblib and pickle files, which may run any code.",
    ),
    Option(
        name="trustedTypes",
        default="",
        help="Types a skops file may hold besides the known ones, comma-separated.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A model saved by another scikit-learn: warn, or fail.",
    ),
    Option(
        name="method",
        default="",
        help="What answers if no output is asked for: predict, predict_proba, "
        "decision_function, transform; comma-separated.",
    ),
    Option(
        name="threads",
        type="int",
        default=1,
        help="Threads of one inference; more than 1 slows most models.",
    ),
    Option(
        name="optimize",
        default="none",
        help="onnx: convert the model when it is loaded, if its answers stay the same.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves scikit-learn models."""
    yield Runtime(
        name="sklearn",
        formats=(ModelFormat(name="sklearn", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("sklearn"),
        model=ImportRef("inferry_runtime_sklearn.model:SklearnModel", extra="serve"),
        artifacts=("*.skops", "*.joblib", "*.pkl", "*.pickle"),
        options=OPTIONS,
        aliases=("kserve-sklearnserver",),
        batching="rows of all requests",
        safety="skops is data, with unknown types named in `--trustedTypes`; joblib "
        "and pickle may run code: `--allowPickle`",
    )
