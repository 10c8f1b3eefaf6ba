"""The descriptor of the xgboost runtime; importing it imports no framework."""

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
        name="device",
        default="cpu",
        help="cpu, cuda, cuda:N, or cuda,cpu: the first that this machine has.",
    ),
    Option(
        name="method",
        default="predict",
        help="What answers if no output is asked for: predict, predict_class, "
        "predict_proba, output_margin, pred_leaf, pred_contribs; comma-separated.",
    ),
    Option(
        name="trees",
        default="auto",
        help="After early stopping: all trees, those of the best iteration, or auto: "
        "as the class that saved the model predicts.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A model saved by another XGBoost: warn, or fail.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves XGBoost models."""
    yield Runtime(
        name="xgboost",
        formats=(ModelFormat(name="xgboost", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("xgboost"),
        model=ImportRef("inferry_runtime_xgboost.model:XgboostModel", extra="serve"),
        artifacts=("*.ubj", "*.bst", "model.json"),
        options=OPTIONS,
        aliases=("kserve-xgbserver",),
        batching="rows of all requests",
        devices=("cpu", "cuda"),
        safety="JSON and UBJSON are data, and are checked before native "
        "code reads them",
    )
