"""What a model takes and gives, by the name of the signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import TensorSpec  # noqa: TC001 - msgspec reads it
from inferry.runtime import tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.model import InferRequest, Tensor
    from inferry.runtime.tensors import Array

#: The signature that is served where nobody names one, as TensorFlow Serving has it.
DEFAULT = "serving_default"


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output; the shape of one that is not ``ranked`` is any."""

    spec: TensorSpec
    ranked: bool = True
    #: Where the framework finds it.
    key: Any = None
    #: What an input is where nobody gives it.
    default: Any = None


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs and outputs of one signature, in the order of their names."""

    name: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    #: What of it no protocol can carry, so that it is not served.
    lacks: str = ""

    @property
    def has_rows(self) -> bool:
        """Whether axis 0 of all inputs and outputs is an open one."""
        ports = [*self.inputs.values(), *self.outputs.values()]
        return all(port.ranked and port.spec.shape[:1] == (-1,) for port in ports)


class Program(Protocol):
    """A loaded model of either format."""

    platform: str
    signatures: Mapping[str, Signature]
    #: The requests that the model brings to be warmed up with.
    recorded: tuple[InferRequest, ...]

    def run(
        self, signature: Signature, feed: dict[str, Array], wanted: Sequence[str]
    ) -> Sequence[Any]:
        """Return the values of the outputs *wanted*, in that order."""

    def close(self) -> None:
        """Free the model."""


def chosen(signatures: Mapping[str, Signature], asked: str, file: str) -> Signature:
    """Return the signature to serve where a request names none.

    Raises:
        ModelLoadError: It does not exist, or it is not clear which one.

    """
    names = ", ".join(sorted(signatures)) or "none"
    if asked:
        if asked not in signatures:
            raise ModelLoadError(
                f"{file} has no signature {asked!r}; it has {names}",
                remedy="correct the option signature",
            )
        return _served(signatures[asked], file)
    if DEFAULT in signatures:
        return _served(signatures[DEFAULT], file)
    if len(signatures) != 1:
        raise ModelLoadError(
            f"{file} has no signature {DEFAULT!r}; it has {names}",
            remedy="name one with the option signature"
            if signatures
            else "save the model with signatures",
        )
    return _served(next(iter(signatures.values())), file)


def named(signatures: Mapping[str, Signature], name: object) -> Signature:
    """Return the signature that a request names.

    Raises:
        InvalidInput: There is none of that name, or no protocol can carry it.

    """
    found = signatures.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidInput(
            f"unknown signature_name {name!r}; the model has "
            f"{', '.join(map(repr, sorted(signatures)))}"
        )
    if found.lacks:
        raise InvalidInput(f"signature {name!r} cannot be served: {found.lacks}")
    return found


def feed(signature: Signature, inputs: Iterable[Tensor]) -> dict[str, Array]:
    """Return the arrays of *inputs* by name, once each is known to fit.

    Raises:
        InvalidInput: One is unknown, missing, twice, or of a wrong type or shape.

    """
    given = tuple(inputs)
    specs = _specs(signature, given)
    found = tensors.by_name(specs, given)
    return {
        name: found[name].data if name in found else port.default
        for name, port in signature.inputs.items()
    }


def _specs(signature: Signature, given: tuple[Tensor, ...]) -> dict[str, TensorSpec]:
    """Return what each input must be; of what is not declared, what is given."""
    shapes = {each.name: each.data.shape for each in given}
    specs = {}
    for name, port in signature.inputs.items():
        if port.default is not None and name not in shapes:
            continue
        specs[name] = (
            port.spec
            if port.ranked or name not in shapes
            else msgspec.structs.replace(port.spec, shape=shapes[name])
        )
    return specs


def _served(signature: Signature, file: str) -> Signature:
    if signature.lacks:
        raise ModelLoadError(
            f"signature {signature.name!r} of {file} cannot be served: "
            f"{signature.lacks}",
            remedy="name another one with the option signature, or save one of tensors",
        )
    return signature
