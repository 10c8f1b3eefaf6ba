"""What KServe sets for the servers it knows, so that their YAML works unchanged.

KServe's runtimes for MLServer, Triton and TorchServe rely on labels, environment and
arguments that its controller adds (``SetRuntimeDefaults``).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inferry.planning._merge import merge

if TYPE_CHECKING:
    from collections.abc import Mapping

_MLSERVER_CLASSES = MappingProxyType(
    {
        "lightgbm": "mlserver_lightgbm.LightGBMModel",
        "mlflow": "mlserver_mlflow.MLflowRuntime",
        "sklearn": "mlserver_sklearn.SKLearnModel",
        "xgboost": "mlserver_xgboost.XGBoostModel",
    }
)
_MODEL_PATH = "/mnt/models"


def server_labels(server_type: str, model_format: str, protocol: str) -> dict[str, str]:
    """Return the labels that KServe adds to a service for *server_type*."""
    if server_type == "mlserver" and model_format in _MLSERVER_CLASSES:
        return {"modelClass": _MLSERVER_CLASSES[model_format]}
    if server_type == "torchserve":
        return {"serviceEnvelope": "kservev2" if protocol == "v2" else "kserve"}
    return {}


def server_container(
    container: Mapping[str, Any],
    server_type: str,
    *,
    model_name: str,
    protocol: str,
    has_model: bool,
) -> dict[str, Any]:
    """Return *container* with what KServe adds for *server_type*; set values stay."""
    env: dict[str, str] = {}
    args: list[str] = []
    if server_type == "mlserver":
        env = {"MLSERVER_LOAD_MODELS_AT_STARTUP": "false"}
        if has_model:
            env = {"MLSERVER_MODEL_NAME": model_name, "MLSERVER_MODEL_URI": _MODEL_PATH}
    elif server_type == "tritonserver" and not has_model:
        args = ["--model-control-mode=explicit"]
    elif server_type == "torchserve":
        env = {"PROTOCOL_VERSION": protocol}
    added: dict[str, Any] = {}
    if env:
        added["env"] = [{"name": key, "value": value} for key, value in env.items()]
    if args:
        added["args"] = [*(container.get("args") or ()), *args]
    return merge(
        merge(added, container), {k: v for k, v in added.items() if k == "args"}
    )
