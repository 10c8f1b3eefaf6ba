"""What Inferry knows of formats, schemes and KServe's names beyond what is installed.

It is only ever used to word a message: to say which package would help.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The extras that ``pip install "inferry[...]"`` knows; a test compares them with the
#: distribution's own metadata.
EXTRAS = frozenset(
    {
        *("all", "conformance", "kubernetes", "local", "testing"),
        *("huggingface", "lightgbm", "onnx", "paddle", "python", "pytorch", "sklearn"),
        *("tensorflow", "triton", "xgboost"),
        *("azfile", "azure", "git", "gs", "hdfs", "hf", "oci", "s3", "signing"),
    }
)

#: KServe's model formats, and ours.
FORMATS = (
    "huggingface",
    "lightgbm",
    "mlflow",
    "onnx",
    "paddle",
    "pmml",
    "python",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
)

#: Formats that no package serves -> what to do instead.
_INSTEAD = MappingProxyType(
    {
        "pmml": (
            "save the model that the pmml file was made from as skops (format sklearn) "
            "or ONNX (format onnx), or apply a ServingRuntime that evaluates pmml with "
            "Java"
        ),
    }
)

#: KServe's own ClusterServingRuntimes, by the format that one would install for them.
KSERVE_RUNTIMES = MappingProxyType(
    {
        "kserve-huggingfaceserver": "huggingface",
        "kserve-lgbserver": "lightgbm",
        "kserve-paddleserver": "paddle",
        "kserve-pmmlserver": "pmml",
        "kserve-sklearnserver": "sklearn",
        "kserve-tensorflow-serving": "tensorflow",
        "kserve-torchserve": "pytorch",
        "kserve-tritonserver": "triton",
        "kserve-xgbserver": "xgboost",
    }
)

#: KServe's runtimes of several formats each, which one plugin for each stands for here.
KSERVE_SEVERAL = frozenset({"kserve-mlserver", "kserve-predictiveserver"})

#: Scheme of a URI -> the storage backend that reads it.
SCHEMES = MappingProxyType(
    {
        "abfs": "azure",
        "abfss": "azure",
        "az": "azure",
        "azfile": "azfile",
        "azure": "azure",
        "file": "local",
        "git": "git",
        "git+https": "git",
        "gs": "gs",
        "hdfs": "hdfs",
        "hf": "hf",
        "http": "local",
        "https": "local",
        "modelscope": "modelscope",
        "oci": "oci",
        "oci+fetch": "oci",
        "oci+modelcar": "oci",
        "oci+native": "oci",
        "s3": "s3",
        "s3a": "s3",
        "wasb": "azure",
        "wasbs": "azure",
        "webhdfs": "hdfs",
    }
)


def runtime_package(name: str) -> str:
    """Say how to get a runtime for the well-known format *name*; empty if unknown."""
    if name in EXTRAS:
        return f'install it with: pip install "inferry[{name}]"'
    if name in _INSTEAD:
        return _INSTEAD[name]
    if name not in FORMATS:
        return ""
    return (
        f"install a plugin that serves {name} (such plugins are called "
        f"inferry-runtime-{name}), or apply a ServingRuntime for it"
    )


def storage_package(scheme: str) -> str:
    """Say how to get a storage backend for *scheme*; empty if it is not well known."""
    backend = SCHEMES.get(scheme, "")
    if backend in EXTRAS:
        return f'install it with: pip install "inferry[{backend}]"'
    if not backend:
        return ""
    return (
        f"install a plugin that reads {scheme}:// (such plugins are called "
        f"inferry-storage-{backend}), or copy the model here and write its path, or "
        "use https://"
    )


def listed(names: Iterable[str]) -> str:
    """Return *names* as ``a, b, c``; ``none`` where there are none."""
    return ", ".join(names) or "none"
