"""What KServe sets for the servers it knows, so that their YAML works unchanged.

KServe's runtimes for MLServer, Triton and TorchServe rely on labels, environment and
arguments that its controller adds (``SetRuntimeDefaults``).
"""

from __future__ import annotations

from itertools import pairwise
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
_NAME_FLAGS = frozenset({"--model_name", "--model-name", "--served-model-name"})


def server_labels(server_type: str, model_format: str, protocol: str) -> dict[str, str]:
    """Return the labels that KServe adds to a service for *server_type*."""
    if server_type == "mlserver" and model_format in _MLSERVER_CLASSES:
        return {"modelClass": _MLSERVER_CLASSES[model_format]}
    if server_type == "torchserve":
        return {"serviceEnvelope": "kservev2" if protocol == "v2" else "kserve"}
    return {}


def told_name(container: Mapping[str, Any]) -> str:
    """Return the name that *container* is told to serve its model by, "" for none.

    A service may give its own ``--model_name`` behind that of the runtime, as KServe's
    examples of large language models do: the last one counts. One that the kubelet
    fills in, ``$(NAME)``, is not known here.
    """
    told = ""
    words = [str(each) for each in container.get("args") or ()]
    for word, after in pairwise([*words, ""]):
        flag, sign, value = word.partition("=")
        if flag in _NAME_FLAGS:
            told = value if sign else after
    if not told:
        env = {e.get("name"): e.get("value") for e in container.get("env") or ()}
        told = str(env.get("MLSERVER_MODEL_NAME") or "")
    return "" if "$(" in told else told


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
