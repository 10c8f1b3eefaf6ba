"""Pickles that look up harmful names, in all the ways the machine has for it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: On the lists of other scanners, and not on them: what matters is what is harmless.
HARMFUL = (
    *(("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval")),
    *(("builtins", "exec"), ("builtins", "getattr"), ("__builtin__", "eval")),
    *(("builtins", "__import__"), ("subprocess", "Popen"), ("subprocess", "run")),
    *(("runpy", "_run_code"), ("pip", "main"), ("pip._internal", "main")),
    *(("importlib", "import_module"), ("operator", "attrgetter")),
    *(("functools", "partial"), ("functools", "reduce"), ("webbrowser", "open")),
    *(("shutil", "rmtree"), ("ctypes", "CDLL"), ("socket", "create_connection")),
    *(("pydoc", "locate"), ("timeit", "timeit"), ("code", "interact")),
    *(("torch.hub", "load"), ("torch.storage", "_load_from_bytes"), ("torch", "load")),
    *(("numpy.testing._private.utils", "runstring"), ("numpy.f2py.crackfortran", "x")),
    *(("cloudpickle.cloudpickle", "_make_function"), ("dill._dill", "_create_type")),
    *(("joblib.numpy_pickle", "NumpyArrayWrapper"), ("pickle", "loads")),
    *(("sklearn.linear_model._base", "LinearRegression"), ("types", "CodeType")),
    *(("collections", "namedtuple"), ("copyreg", "_reconstructor")),
    *(("logging.config", "listen"), ("company_models.wrapper", "Model")),
    *(("torch._utils", "os.system"), ("collections", "OrderedDict.__init__.__class__")),
    *(("numpy", "load"), ("numpy.core.multiarray", "fromfile"), ("ensurepip", "x")),
)
_STOP = b"."


def encodings(module: str, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield pickles that call *name* of *module*, each with what it does it by."""
    m, n = module.encode(), name.encode()
    argument = b"X\x02\x00\x00\x00id"
    look_up = b"c" + m + b"\n" + n + b"\n"
    call = argument + b"\x85R"
    texts = _short(m) + _short(n)
    yield "protocol 0", look_up + b"(S'id'\ntR" + _STOP
    yield "protocol 2", b"\x80\x02" + look_up + call + _STOP
    yield "protocol 4", b"\x80\x04" + texts + b"\x93" + call + _STOP
    framed = texts + b"\x93\x94" + call + _STOP
    yield "a frame", b"\x80\x05\x95" + struct.pack("<Q", len(framed)) + framed
    yield "INST", b"(S'id'\ni" + m + b"\n" + n + b"\n" + _STOP
    yield "OBJ", b"\x80\x02(" + look_up + argument + b"o" + _STOP
    yield "NEWOBJ", b"\x80\x02" + look_up + argument + b"\x85\x81" + _STOP
    yield "NEWOBJ_EX", b"\x80\x04" + look_up + argument + b"\x85}\x92" + _STOP
    memo = _short(m) + b"q\x07" + _short(n) + b"q\x09" + b"00" + b"h\x07h\x09\x93"
    yield "the memo", b"\x80\x04" + memo + call + _STOP
    late = _short(m) + b"\x94" + _short(n) + b"\x94" + b"00" + b"h\x00h\x01\x93"
    yield "the memo in its order", b"\x80\x04" + late + call + _STOP
    odd = look_up + b"p +1_0 \n0g10\n"
    yield "an odd number of the memo", odd + b"(S'id'\ntR" + _STOP
    yield "DUP and POP", b"\x80\x04" + _short(m) + b"20" + _short(n) + b"\x93" + call
    computed = b"S'" + m + b"'\nS'" + n + b"'\n\x93"
    yield "quoted text", b"\x80\x04" + computed + call + _STOP
    escaped = b"V" + m + b"\nV" + b"".join(b"\\u%04x" % byte for byte in n) + b"\n\x93"
    yield "escaped text", b"\x80\x04" + escaped + call + _STOP
    yield "no STOP", b"\x80\x02" + look_up + call
    yield "a broken end", b"\x80\x02" + look_up + call + b"\xff\xff\xff"
    yield "the second pickle", b"\x80\x02N." + b"\x80\x02" + look_up + call + _STOP
    yield "an old one behind others", b"\x80\x02N.N.N." + look_up + b"(S'i'\ntR" + _STOP
    long = b"S'" + b"a" * 70_000 + b"'\n0"
    yield "behind a long line", long + look_up + b"(S'id'\ntR" + _STOP
    blob = b"\x80\x05\x8e" + struct.pack("<Q", 300_000) + bytes(300_000) + b"0"
    yield "behind many bytes", blob + look_up + call + _STOP
    yield "no call", b"\x80\x02" + look_up + _STOP
    yield "a list of names", b"\x80\x02](" + look_up + b"N" + b"e" + _STOP
    state = b"}X\x01\x00\x00\x00aNsb"
    yield "BUILD", b"\x80\x02" + look_up + state + _STOP


def computed() -> Iterator[tuple[str, bytes]]:
    """Yield pickles whose names nobody can know before they are run."""
    yield "a name out of a call", b"\x80\x04ccollections\nOrderedDict\n)RN\x93."
    yield "a number of the registry", b"\x80\x02\x82\x01)R."
    yield "a long number of the registry", b"\x80\x02\x84\x01\x00\x00\x00)R."
    yield "a changed harmless name", b"\x80\x02ccollections\nOrderedDict\n}b."
    yield "a call of a list", b"\x80\x02])R."
    yield "a class of a text", b"\x80\x02X\x01\x00\x00\x00a)\x81."
    yield "too many steps", b"\x80\x02" + b"N0" * 2_100_000 + b"."


def _short(text: bytes) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text
