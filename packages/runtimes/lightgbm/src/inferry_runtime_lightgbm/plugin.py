"""The descriptor of the lightgbm runtime; importing it imports no framework."""

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
        name="threads",
        type="int",
        default=1,
        help="Threads of one inference; more than 1 slows small requests.",
    ),
    Option(
        name="nthread",
        type="int",
        default=0,
        help="The same as threads, as KServe's server calls it; it wins if not 0.",
    ),
    Option(
        name="method",
        default="predict",
        help="What answers if no output is asked for: predict, predict_class, "
        "predict_proba, raw_score, pred_leaf, pred_contrib; comma-separated.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A model saved by another major version of LightGBM: warn, or fail.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves LightGBM models."""
    yield Runtime(
        name="lightgbm",
        formats=(ModelFormat(name="lightgbm", version="3", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("lightgbm"),
        model=ImportRef("inferry_runtime_lightgbm.model:LightgbmModel", extra="serve"),
        artifacts=("model.txt", "model.bst"),
        options=OPTIONS,
        aliases=("kserve-lgbserver",),
        batching="rows of all requests",
        safety="a text model is data, and is checked before native code reads it",
    )
