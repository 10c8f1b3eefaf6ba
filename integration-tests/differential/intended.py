"""Where our answers differ from those of others on purpose, and why.

A test fails for a difference that is not here, and for one that is here and gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

Side = Literal["kserve", "triton"]
Transport = Literal["grpc", "http"]
#: Any value: what differs is the server's own.
ANY = object()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One fact that differs in *cases*, which are patterns of their names."""

    server: Side
    transport: Transport
    cases: tuple[str, ...]
    fact: str
    theirs: Any
    ours: Any
    because: str

    def covers(self, case: str, fact: str, theirs: Any, ours: Any) -> bool:
        """Return whether this is what was seen."""
        return (
            fact == self.fact
            and any(fnmatchcase(case, pattern) for pattern in self.cases)
            and self.theirs in (theirs, ANY)
            and self.ours in (ours, ANY)
        )


def _triton(transport: Transport, *cases: str, **rest: Any) -> Difference:
    return Difference(server="triton", transport=transport, cases=cases, **rest)


def _kserve(transport: Transport, *cases: str, **rest: Any) -> Difference:
    return Difference(server="kserve", transport=transport, cases=cases, **rest)


INTENDED: tuple[Difference, ...] = (
    _triton(
        "http",
        "live",
        fact="live",
        theirs=None,
        ours=True,
        because="KServe's client reads the body; Triton's looks at the status only",
    ),
    _triton(
        "http",
        "ready",
        "*ready",
        fact="ready",
        theirs=None,
        ours=True,
        because="as for live",
    ),
    _triton(
        "http",
        "unknown * ready",
        fact="status",
        theirs=400,
        ours=404,
        because="what is not there is a 404 everywhere, as KServe has it",
    ),
    _triton(
        "http",
        "infer: *",
        fact="status",
        theirs=500,
        ours=400,
        because="a request that cannot be read is the client's mistake",
    ),
    _triton(
        "http",
        "* binary, empty",
        fact="header length",
        theirs=False,
        ours=True,
        because="the header comes with every binary output, of no bytes too: KServe's",
    ),
    _triton(
        "grpc",
        "typed",
        "* typed",
        fact="raw",
        theirs=True,
        ours=False,
        because="who sends typed contents can read them; raw is not easier for them",
    ),
    _triton(
        "grpc",
        "too many raw contents",
        fact="status",
        theirs="OK",
        ours="INVALID_ARGUMENT",
        because="contents that belong to no input are a mistake, as KServe has it",
    ),
    _kserve(
        "http",
        "model metadata of a version",
        "version ready",
        "version",
        fact="status",
        theirs=501,
        ours=200,
        because="versions are part of the protocol; KServe has none",
    ),
    _kserve(
        "http",
        "unknown version*",
        "infer: unknown version",
        fact="status",
        theirs=501,
        ours=404,
        because="as for versions that there are",
    ),
    _kserve(
        "http",
        "model metadata",
        fact="versions",
        theirs=None,
        ours=["1"],
        because="as for versions that there are",
    ),
    _kserve(
        "http",
        "*",
        fact="model_version",
        theirs=None,
        ours="1",
        because="as for versions that there are; Triton names the one that answered",
    ),
    _kserve(
        "http",
        "config",
        "statistics",
        "index",
        fact="status",
        theirs=404,
        ours=200,
        because="Triton's extensions, which KServe has not",
    ),
    _kserve(
        "http",
        "unknown path",
        fact="error",
        theirs=False,
        ours=True,
        because='every error is {"error": "..."}; FastAPI says {"detail": "..."}',
    ),
    _kserve(
        "http",
        "infer: *",
        fact="error",
        theirs=False,
        ours=True,
        because="as for an unknown path",
    ),
    _kserve(
        "http",
        "infer: *",
        fact="status",
        theirs=422,
        ours=400,
        because="a body that cannot be read is a 400, as V1 and Triton's have it",
    ),
    _kserve(
        "http",
        "infer: *",
        fact="status",
        theirs=500,
        ours=400,
        because="a request that cannot be read is the client's mistake",
    ),
    _kserve(
        "http",
        "infer: *",
        fact="status",
        theirs=200,
        ours=400,
        because="what does not fit the metadata is refused before the model, as Triton "
        "does it; KServe leaves it to the model",
    ),
    _kserve(
        "http",
        "without an id",
        fact="status",
        theirs=500,
        ours=200,
        because="a fault of KServe: the id is optional",
    ),
    _kserve(
        "http",
        "without a content type",
        fact="status",
        theirs=400,
        ours=200,
        because="tritonclient sends JSON without a content type",
    ),
    _kserve(
        "http",
        "gzip",
        fact="status",
        theirs=400,
        ours=200,
        because="KServe reads no compressed bodies",
    ),
    _kserve(
        "http",
        "bytes that are no text",
        fact="status",
        theirs=500,
        ours=200,
        because="BYTES are any bytes; KServe decodes them as UTF-8",
    ),
    _kserve(
        "http",
        "* json, empty",
        fact="status",
        theirs=500,
        ours=200,
        because="a fault of KServe: an empty tensor is a tensor",
    ),
    _kserve(
        "http",
        "BF16 *",
        fact="status",
        theirs=400,
        ours=200,
        because="KServe has no BF16",
    ),
    _kserve(
        "grpc",
        "unknown model ready",
        fact="status",
        theirs="NOT_FOUND",
        ours="OK",
        because="as Triton: a model that is not there is not ready",
    ),
    _kserve(
        "grpc",
        "model metadata",
        fact="versions",
        theirs=[],
        ours=["1"],
        because="KServe has no versions",
    ),
    _kserve(
        "grpc",
        "config",
        "statistics",
        "index",
        fact="status",
        theirs="UNIMPLEMENTED",
        ours="OK",
        because="Triton's extensions, which KServe has not",
    ),
    _kserve(
        "grpc",
        "*",
        fact="model_version",
        theirs="",
        ours="1",
        because="KServe has no versions; Triton names the one that answered",
    ),
    _kserve(
        "grpc",
        "typed",
        "* typed",
        fact="raw",
        theirs=True,
        ours=False,
        because="there the model decides; ours answers in the form of the request",
    ),
    _kserve(
        "grpc",
        "one output",
        fact="outputs",
        theirs=ANY,
        ours=ANY,
        because="KServe leaves the requested outputs to the model over gRPC",
    ),
    _kserve(
        "grpc",
        "unknown version",
        fact="status",
        theirs="OK",
        ours="NOT_FOUND",
        because="KServe looks at no version over gRPC",
    ),
    _kserve(
        "grpc",
        "unknown output",
        "one input missing",
        "another datatype",
        fact="status",
        theirs="OK",
        ours="INVALID_ARGUMENT",
        because="what does not fit the metadata is refused before the model, as Triton "
        "does it; KServe leaves it to the model",
    ),
    _kserve(
        "grpc",
        "a byte too many",
        fact="status",
        theirs="INTERNAL",
        ours="INVALID_ARGUMENT",
        because="a request that cannot be read is the client's mistake",
    ),
    _kserve(
        "grpc",
        "BF16 *",
        fact="status",
        theirs="INVALID_ARGUMENT",
        ours="OK",
        because="KServe has no BF16",
    ),
)
