"""Probes that mean that the model answered.

What a service or its runtime says of a probe stays. Our server is ready once its model
has answered a first request, KServe's own runtimes where their protocol says so; of any
other container nothing is known but that its port is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inferry_controller.rendering.containers import first_port, flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.planning import ComponentPlan

#: Seconds that our server gives a model to load, unless it is told otherwise.
LOAD_TIMEOUT = 600
#: What stands for no limit: a day.
_ENDLESS = 86400
_STARTUP_PERIOD = 2
_READY, _LIVE = "/v2/health/ready", "/v2/health/live"
#: The server of a runtime -> the path that answers 200 once its model does; {name} is
#: the model's. Health of the whole server is true for a server without any model, so
#: it is asked only where models cannot be asked by this name.
_PATHS = {
    "autogluonserver": "/v1/models/{name}",
    "huggingfaceserver": "/v1/models/{name}",
    "lgbserver": "/v1/models/{name}",
    "mlserver": "/v2/models/{name}/ready",
    "model_server": "/v2/models/{name}/ready",
    "openvino": "/v2/models/{name}/ready",
    "paddleserver": "/v1/models/{name}",
    "pmmlserver": "/v1/models/{name}",
    "predictiveserver": "/v1/models/{name}",
    "sklearnserver": "/v1/models/{name}",
    "tensorflow-serving": "/v1/models/{name}",
    "tritonserver": "/v2/health/ready",
    "vllm-openai": "/v1/models",
    "vllmserver": "/v1/models",
    "xgbserver": "/v1/models/{name}",
}
#: Variables that say what a model is called.
_NAMED = frozenset({"MLSERVER_MODEL_NAME"})


def our_probes(container: dict[str, Any], port: int) -> None:
    """Fill in the probes of a *container* that runs our server.

    A model may take as long as the server grants it: the kubelet asks for little else
    until it is loaded. These paths need no key where the server wants one.
    """
    allowed = load_timeout(container)
    _fill(
        container,
        startupProbe={
            **_get(_READY, port),
            "periodSeconds": _STARTUP_PERIOD,
            "timeoutSeconds": 5,
            "failureThreshold": -(-allowed // _STARTUP_PERIOD),
        },
        readinessProbe={
            **_get(_READY, port),
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        # A machine that is short of time is no reason to restart a model.
        livenessProbe={
            **_get(_LIVE, port),
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
    )


def load_timeout(container: Mapping[str, Any]) -> int:
    """Return the seconds that our server in *container* gives its model to load."""
    text = flag(container.get("args") or (), "load_timeout")
    try:
        seconds = float(text) if text else float(LOAD_TIMEOUT)
    except ValueError:
        return LOAD_TIMEOUT
    return int(seconds) if 0 < seconds < _ENDLESS else _ENDLESS


def foreign_probes(container: dict[str, Any], component: ComponentPlan) -> None:
    """Fill in the readiness probe of any other *container*."""
    port = _http_port(container) or first_port(container)
    path = "" if _speaks_grpc(container, port) else _path(component, container)
    probe = _get(path, port) if path else {"tcpSocket": {"port": port}}
    limits = {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}
    _fill(container, readinessProbe={**probe, **limits})


def open_port(container: dict[str, Any]) -> None:
    """Fill in a readiness probe that asks for no more than an open port."""
    probe = {"tcpSocket": {"port": first_port(container)}, "periodSeconds": 10}
    _fill(container, readinessProbe=probe)


def _http_port(container: Mapping[str, Any]) -> int:
    """Return the port that the flags of KServe's servers give, 0 for none.

    Beside a collocated transformer the server has another one than 8080, and declares
    none, because requests come by the transformer's.
    """
    args = container.get("args") or ()
    text = flag(args, "http_port") or flag(args, "rest_api_port") or ""
    return 0 if container.get("ports") or not text.isdecimal() else int(text)


def _speaks_grpc(container: Mapping[str, Any], port: int) -> bool:
    """Say whether *port* is called what KServe's users call one for gRPC."""
    called = (
        str(each.get("name") or "")
        for each in container.get("ports") or ()
        if each.get("containerPort") == port
    )
    return any("grpc" in name or "h2c" in name for name in called)


def _path(component: ComponentPlan, container: Mapping[str, Any]) -> str:
    """Return what to ask the server of a runtime that KServe ships, "" for others."""
    if component.model is None or component.runtime is None:
        return ""
    name = _served_name(container) or component.model.name
    if "$(" in name:  # The kubelet fills it in; what it becomes is not known here.
        return ""
    image = str(component.container.get("image") or "").rpartition("/")[2]
    server = image.partition("@")[0].partition(":")[0].removesuffix("-cpu")
    runtime = component.runtime.name.removeprefix("kserve-")
    path = _PATHS.get(server) or _PATHS.get(runtime) or ""
    return path.format(name=quote(name, safe="")) if path else ""


def _served_name(container: Mapping[str, Any]) -> str:
    """Return the name that a server is told to serve its model by, "" for none.

    A service may give its own behind that of the runtime, as all of KServe's examples
    of large language models do; the last one counts.
    """
    told = flag(container.get("args") or (), "model_name")
    if told:
        return told
    named = (each for each in container.get("env") or () if each["name"] in _NAMED)
    return str(next((each.get("value") or "" for each in named), ""))


def _get(path: str, port: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}}


def _fill(container: dict[str, Any], **probes: dict[str, Any]) -> None:
    for name, probe in probes.items():
        if not container.get(name):
            container[name] = probe
