"""Names that a pickle may look up: they make data, whatever they are given.

A list of harmful names would always lack some: any module that is installed may hold
one. These are what NumPy, PyTorch and Python itself write for arrays, tensors and
containers. What reads another pickle is not among them (joblib's wrappers,
``torch.storage._load_from_bytes``), nor is what calls (``functools``, ``operator``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TORCH_SCRIPT = "__torch__"
_TORCH_DTYPES = (
    *("float16", "float32", "float64", "bfloat16", "complex64", "complex128"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
    *("quint8", "qint8", "qint32", "strided", "per_tensor_affine"),
)
_TORCH_STORAGES = tuple(
    f"{kind}Storage"
    for kind in (
        *("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char"),
        *("Byte", "Bool", "ComplexDouble", "ComplexFloat", "QInt8", "QInt32"),
        *("QUInt8", "QUInt4x2", "QUInt2x4", "Untyped", "Typed"),
    )
)
_BUILTINS = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int"),
    *("list", "object", "range", "set", "slice", "str", "tuple"),
)
_ARRAYS = ("_reconstruct", "scalar")
#: Names that hold data and do nothing, by their module.
_HARMLESS: Mapping[str, frozenset[str]] = {
    module: frozenset(names)
    for module, names in {
        "builtins": _BUILTINS,
        "__builtin__": (*_BUILTINS, "long", "unicode", "xrange"),
        "collections": ("OrderedDict",),
        "_codecs": ("encode",),
        "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
        "decimal": ("Decimal",),
        "fractions": ("Fraction",),
        "numpy": (
            *("dtype", "ndarray", "bool_", "float16", "float32", "float64", "int8"),
            *("int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        ),
        "numpy.core.multiarray": _ARRAYS,
        "numpy._core.multiarray": _ARRAYS,
        "numpy.core.numeric": ("_frombuffer",),
        "numpy._core.numeric": ("_frombuffer",),
        "torch": (*_TORCH_DTYPES, *_TORCH_STORAGES, "Size", "device", "Tensor"),
        "torch.storage": ("TypedStorage", "UntypedStorage", "_TypedStorage"),
        "torch.nn.parameter": ("Parameter",),
        "torch.serialization": ("_get_layout",),
        "torch._utils": (
            *("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"),
            *("_rebuild_sparse_tensor", "_rebuild_qtensor"),
            "_rebuild_meta_tensor_no_storage",
        ),
        "torch.jit._pickle": (
            *("build_intlist", "build_tensorlist", "build_doublelist"),
            *("build_boollist", "build_tensor_from_id", "restore_type_tag"),
        ),
    }.items()
}


def is_harmless(module: str, name: str) -> bool:
    """Say whether *name* of *module* makes data and nothing else."""
    if module == _TORCH_SCRIPT or module.startswith(f"{_TORCH_SCRIPT}."):
        # Classes of TorchScript: its own reader knows them, and Python has no such.
        return True
    return name in _HARMLESS.get(module, ())
