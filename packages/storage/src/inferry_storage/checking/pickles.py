"""What a pickle would call, found without calling any of it.

A pickle is a program for a small stack machine, and only the names it looks up can do
anything. This runs the program with nothing behind the names, as far as Python's own
machine would get: a list of names that are known to be harmless is safe where a list of
harmful ones is not, for there are always more modules. A name that the program computes
counts as harmful, and so does anything that this machine is not sure of.
"""

from __future__ import annotations

import pickletools
import re
from typing import TYPE_CHECKING

from inferry_storage.checking.harmless import is_harmless

if TYPE_CHECKING:
    from io import BufferedReader

_CHUNK = 1 << 20
_LONGEST_NAME = 200
_LONGEST_LINE = 64 * 1024
#: Stands for a line of more: it could be a name, so it looks like one.
_TOO_LONG = "too_long"
_MOST_STEPS = 4_000_000
_MOST_KEPT = 2_000_000
#: After the first name, only so many more steps are looked at for others.
_MORE_STEPS = 100_000
_NEWEST = 5
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class _Name(str):
    """A name on the stack, which a text is not; empty where it is harmless."""

    __slots__ = ()


class _Unknown:
    """Some value."""


class _Ends(Exception):
    """Python's own machine would stop here with an error."""


_VALUE = _Unknown()
_Value = str | _Unknown
_WIDTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
#: Text that Python takes as its bytes are; STRING and UNICODE have escapes.
_TEXTS = {
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINSTRING", "SHORT_BINSTRING"),
}
_DOES = {
    "PROTO": "_protocol",
    "MARK": "_mark",
    "DUP": "_dup",
    "POP": "_pop_one",
    "POP_MARK": "_to_mark",
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), "_put"),
    "MEMOIZE": "_memoize",
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), "_get"),
    "GLOBAL": "_global",
    "STACK_GLOBAL": "_stack_global",
    "INST": "_inst",
    "OBJ": "_obj",
    **dict.fromkeys(("REDUCE", "NEWOBJ"), "_reduce"),
    "NEWOBJ_EX": "_newobj_ex",
    "BUILD": "_build",
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), "_extension"),
}
#: These call a method of what they add to.
_ADDS = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"}


class _Operation:
    """An operation of the machine, as `pickletools` describes it."""

    def __init__(self, known: pickletools.OpcodeInfo) -> None:
        takes = known.stack_before
        self.name = known.name
        self.does = _DOES.get(known.name, "")
        self.is_text = known.name in _TEXTS
        self.adds = known.name in _ADDS
        argument = known.arg
        self.size = argument.n if argument else 0
        self.is_pair = bool(argument and argument.name == "stringnl_noescape_pair")
        self.to_mark = pickletools.markobject in takes
        whole = takes.index(pickletools.markobject) if self.to_mark else len(takes)
        self.takes = whole
        self.gives = [_VALUE for _ in known.stack_after]


_OPERATIONS = {
    opcode.code.encode("latin-1"): _Operation(opcode) for opcode in pickletools.opcodes
}


def names_in(file: BufferedReader, *, certain: bool) -> list[str]:
    """Return the names, not known as harmless, that loading *file* would look up.

    ``certain`` says that the file is meant as a pickle. Without it, and without the
    mark that newer pickles begin with, names count only where something is called: a
    list of words may begin like a pickle that looks one up.
    """
    machine = _Machine(file)
    whole = 0
    try:
        # Some formats are several pickles, one after the other.
        while machine.runs():
            machine.run(certain=certain)
            whole += 1
    except _Ends:
        pass
    if certain and not whole and not machine.found:
        machine.found["bytes that are no pickle"] = None
    return list(machine.found)


class _Machine:
    """Runs pickles up to their STOP, with values that are mostly unknown."""

    def __init__(self, file: BufferedReader) -> None:
        self.found: dict[str, None] = {}
        self._file = file
        self._left = _MOST_STEPS
        self._begun = 0
        self._certain = False
        self._waiting: list[str] = []
        self._stack: list[_Value] = []
        self._below: list[list[_Value]] = []
        self._memo: dict[int, _Value] = {}

    def runs(self) -> bool:
        """Say whether there is anything left to look for."""
        if self._left <= 0 and not self.found:
            self.found["more steps than are looked at"] = None
        return self._left > 0

    def run(self, *, certain: bool) -> None:
        """Run the pickle that begins here."""
        self._certain = certain
        self._stack, self._below, self._memo = [], [], {}
        self._waiting = []
        self._begun = self._left
        operation = self._next()
        while self._left > 0:
            argument = self._argument(operation)
            if operation.name == "STOP":
                self._pop()
                return
            if operation.does:
                getattr(self, operation.does)(argument)
            elif operation.is_text:
                self._stack.append(argument if isinstance(argument, str) else _VALUE)
            else:
                self._usual(operation)
            operation = self._next()

    def _next(self) -> _Operation:
        self._left -= 1
        operation = _OPERATIONS.get(self._file.read(1))
        if operation is None:
            raise _Ends
        return operation

    def _usual(self, operation: _Operation) -> None:
        """Take what the operation takes, and put back what is not known."""
        if operation.to_mark:
            self._to_mark(0)
        if operation.takes:
            if len(self._stack) < operation.takes:
                raise _Ends
            if operation.adds and isinstance(self._stack[-operation.takes], _Name):
                self._called()
            del self._stack[-operation.takes :]
        self._stack.extend(operation.gives)

    def _protocol(self, argument: str | int) -> None:
        # Nothing but a pickle begins so, with a number that Python knows.
        if self._left == self._begun - 1 and int(argument) <= _NEWEST:
            self._certain = True

    # What moves values.

    def _mark(self, _: str | int) -> None:
        self._keep()
        self._below.append(self._stack)
        self._stack = []

    def _dup(self, _: str | int) -> None:
        self._push(self._top())

    def _pop_one(self, _: str | int) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark(0)

    def _put(self, argument: str | int) -> None:
        self._keep()
        self._memo[self._index(argument)] = self._top()

    def _memoize(self, _: str | int) -> None:
        self._put(len(self._memo))

    def _get(self, argument: str | int) -> None:
        index = self._index(argument)
        if index not in self._memo:
            raise _Ends
        self._push(self._memo[index])

    # What looks up names, and what calls them.

    def _global(self, argument: str | int) -> None:
        module, _, name = str(argument).partition("\n")
        self._look_up(module, name)

    def _stack_global(self, _: str | int) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is str and type(module) is str:
            self._look_up(module, name)
        else:
            self._says("a computed name")

    def _inst(self, argument: str | int) -> None:
        self._to_mark(0)
        self._global(argument)
        self._pop()
        self._called()
        self._push(_VALUE)

    def _obj(self, _: str | int) -> None:
        inside = self._to_mark(0)
        if not inside:
            raise _Ends
        self._call(inside[0])

    def _reduce(self, _: str | int) -> None:
        self._pop()
        self._call(self._pop())

    def _newobj_ex(self, _: str | int) -> None:
        self._pop()
        self._reduce(0)

    def _build(self, _: str | int) -> None:
        self._pop()
        if isinstance(self._top(), _Name):
            # It would change what the name stands for, for the whole process.
            self._waiting.append("a name that is changed")
        self._called()

    def _extension(self, _: str | int) -> None:
        # Python refuses a number that no program has registered.
        if not self._certain:
            raise _Ends
        self._says("a name by its number")

    def _look_up(self, module: str, name: str) -> None:
        if is_harmless(module, name):
            self._push(_Name(""))
        elif self._certain or (_PATH.fullmatch(module) and _PATH.fullmatch(name)):
            self._says(f"{module}.{name}")
        else:
            # No module is called so: the import fails, and this is most likely text.
            raise _Ends

    def _call(self, what: _Value) -> None:
        if not isinstance(what, _Name):
            self._waiting.append("a computed function")
        self._called()
        self._push(_VALUE)

    def _says(self, name: str) -> None:
        self._waiting.append(name)
        if self._certain:
            self._called()
        self._push(_Name(name))

    def _called(self) -> None:
        """Count the names that were looked up: from here on they may do something."""
        for name in self._waiting:
            if not self.found:
                self._left = min(self._left, _MORE_STEPS)
            self.found[name] = None
        self._waiting.clear()

    # The stack and the bytes.

    def _index(self, argument: str | int) -> int:
        if argument == _TOO_LONG:
            self.found["a number that is too long"] = None
        try:
            # Python reads it so: signs, spaces and underscores are allowed.
            return int(argument)
        except ValueError:
            raise _Ends from None

    def _push(self, value: _Value) -> None:
        self._stack.append(value)

    def _keep(self) -> None:
        """Give up where a file wants more memory than any model needs."""
        if len(self._below) + len(self._memo) > _MOST_KEPT:
            self._left = 0

    def _top(self) -> _Value:
        if not self._stack:
            raise _Ends
        return self._stack[-1]

    def _pop(self) -> _Value:
        if not self._stack:
            raise _Ends
        return self._stack.pop()

    def _to_mark(self, _: str | int) -> list[_Value]:
        if not self._below:
            raise _Ends
        inside, self._stack = self._stack, self._below.pop()
        return inside

    def _argument(self, operation: _Operation) -> str | int:
        """Read the argument; only text that may be a name is kept."""
        size = operation.size
        if size == 0:
            return ""
        if size == pickletools.UP_TO_NEWLINE:
            line = self._line()
            return f"{line}\n{self._line()}" if operation.is_pair else line
        if size > 0:
            return int.from_bytes(self._exactly(size), "little")
        length = int.from_bytes(self._exactly(_WIDTHS[size]), "little")
        if operation.is_text and length <= _LONGEST_NAME:
            return _text(self._exactly(length))
        self._skip(length)
        return 0

    def _line(self) -> str:
        line = self._file.readline(_LONGEST_LINE)
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = self._file.readline(_CHUNK)
        if not rest:
            raise _Ends
        return _text(line[:-1]) if rest is line else _TOO_LONG

    def _exactly(self, size: int) -> bytes:
        found = self._file.read(size)
        if len(found) < size:
            raise _Ends
        return found

    def _skip(self, length: int) -> None:
        while length:
            read = len(self._file.read(min(length, _CHUNK)))
            if not read:
                raise _Ends
            length -= read


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
