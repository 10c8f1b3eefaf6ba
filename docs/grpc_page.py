"""The page of the gRPC port, with the server's own list of RPCs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PAGE = """# gRPC

A model server answers `inference.GRPCInferenceService` on the port of `--grpc_port`, 8081 where it says nothing; 0 takes any free one, and the log says which.
`--enable_grpc=false` does without, and a `ModelServer` of your own has none unless `grpc_port` of its `ServerSettings` is set.
All RPCs of Triton's clients are there under their own numbers, and the clients of KServe are read as well.
Nothing is encrypted: put a proxy that speaks TLS in front of a server that others reach.

The [server's README](../../packages/server/README.md#over-grpc) has an example with Triton's client.

`python -m inferry_server.grpc FOLDER` writes the `.proto` files for the compiler of any language; reflection, of version 1 and 1alpha, gives them to tools such as `grpcurl`.

## RPCs

{rpcs}

`grpc.health.v1.Health` has `Check`, `List` and `Watch`: the empty name and `inference.GRPCInferenceService` are SERVING while the server is ready, the name of a model while it is.
Health is open where the server wants a key.

## Tensors

- `raw_input_contents` holds all inputs in their order, or none; an input with `contents` beside them is refused with the text that KServe has.
- A request in raw bytes is answered in raw bytes, one in typed contents in typed contents. FP16 and BF16 have no typed contents: an output of theirs makes the whole answer raw.
- BYTES are any bytes in both forms. An empty tensor has an empty entry in `raw_input_contents`, or empty contents.
- A tensor in shared memory has no entry in `raw_input_contents` or `raw_output_contents`; the parameters `shared_memory_region`, `shared_memory_byte_size` and `shared_memory_offset` say where it is.
- The parameter `classification` of a requested output asks for its highest values.
- Parameters of all five kinds reach the model, and those of an answer come back: whole numbers as `int64_param`, above its range as `uint64_param`, and lists and objects as JSON in `string_param`.
- `id` comes back as it was, empty if it was.

## Streams

`ModelStreamInfer` works on up to 64 requests of a stream at a time.
The answers of models with one answer each come in the order of their requests; a model that streams answers as it goes, with none, one or many.
A request that fails is told of in `error_message`, with its `id` in `infer_response`, and the stream goes on; with the metadata `triton_grpc_error: true` it ends the stream with its status.
Each answer has the parameter `triton_final_response`; a model that streams sends an empty one that is final where the request has `triton_enable_empty_final_response`.

## Where Triton and KServe differ

| case | Triton | KServe | here |
|---|---|---|---|
| `ModelReady` of an unknown model or version | `ready: false` | NOT_FOUND | `ready: false`: who asks wants no error |
| typed request | raw answer | typed answer | typed answer; Triton's clients read both |
| `RepositoryModelLoad`, `RepositoryModelUnload` | name in `model_name`, 2 | name in `model_name`, 1 | `model_name`, or `repository_name` where it is empty |
| answer to them | empty | `model_name`, `isLoaded` | KServe's, which Triton's clients skip |
| `model_version` in an answer | the version | as asked | the version that answered, empty where the model declares none |
| a model that streams, over `ModelInfer` | UNIMPLEMENTED | - | its `predict` |

## Limits

- A message has up to `max_message_bytes`, 64 MiB by default, also once inflated; answers have no limit of the server's. All requests together may take 16 times that; more are UNAVAILABLE.
- Requests may be compressed with gzip or deflate; answers are not.
- A tensor has up to `max_elements`, a message up to 40000 fields of its own, metadata up to `max_header_bytes`.
- At most `max_connections` connections, 1000 calls of one and 10000 of all; a client that pings more often than every ten seconds is cut off, one that answers no ping for 80 seconds too.
- The deadline of a call, `request_timeout` and the parameter `timeout`, in microseconds, whichever is first: what has not started by then never does.
- A call whose client leaves is dropped.
- Loading, unloading and changes of settings need `--allow_management`, shared memory `--allow_shared_memory`.

On SIGTERM the server is not ready at once, goes on for `drain_delay`, then takes no more calls and gives those that run `drain_timeout`; a stream ends with UNAVAILABLE once its requests are answered.

Statuses and texts are in the [list of errors](errors.md).
"""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join((*lines, *(f"| {' | '.join(row)} |" for row in rows)))


def write_grpc() -> str:
    """Return the page."""
    from inferry_server.grpc.contract.inference import INFERENCE

    methods = INFERENCE.services["GRPCInferenceService"]
    rpcs = [(f"`{name}`", method.about) for name, method in methods.items()]
    return _PAGE.format(rpcs=_table(("RPC", "what it does"), rpcs))
