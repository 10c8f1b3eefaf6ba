"""The reference page of the HTTP interface; its tables come from the server's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inferry_server.http.openapi import Described

    Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]

#: Headings of the routes, each with words of which one is in its paths; the first
#: that fits counts.
_GROUPS = (
    ("V2: shared memory", ("sharedmemory",)),
    ("V2: traces and logs", ("/trace/", "/logging")),
    ("V2: the repository", ("/repository/",)),
    ("V2: models", ("/v2/models",)),
    ("OpenAI's", ("/openai/", "completions", "/embeddings", "/rerank")),
    ("V1", ("/v1/",)),
    ("The server", ("/",)),
)

_HTTP = """\
# HTTP interface

A model server speaks KServe's V1 and the V2 protocol (Open Inference Protocol) with Triton's extensions.
[How to call over gRPC](../how-to/call-over-grpc.md) is the same for gRPC; [the page of tensors](tensors.md) says how each datatype travels.

## Three ways to a service

| way | example |
|---|---|
| the path of its service | `http://127.0.0.1:8080/serving/NAMESPACE/NAME/v2/models/MODEL/infer` |
| the host that KServe would give it | `Host: NAME-NAMESPACE.example.com` and the plain path |
| the name of its model | `http://127.0.0.1:8080/v2/models/MODEL/infer` |

A model name that two services have is answered with 400, which names both and the two ways to say which one.
A declared service is never answered with 404: a request waits for a replica up to `gateway.hold_seconds`, then gets 503 with `Retry-After`; a service that has failed says why at once.
Whether a service or model is ready is always answered at once.

The gateway's own pages, where no service is named: `/healthz` (the gateway routes), `/v2/health/ready` (every declared service can answer), `/v1/models` and `/v2/models` (all models), `/serving` (all services), `/metrics`.

## Ports of a model server

| port | flag | what it answers |
|---|---|---|
| inference | `--http_port` | everything; loads, unloads and changes of settings only with `--allow_management`, else 403 |
| gRPC | `--grpc_port` | [the same over gRPC](grpc.md) |
| management | `--management_port` | everything but inference, for this machine alone (127.0.0.1) |

`GET /openapi.json` has every route with its documents, `GET /docs` shows it in a browser, which loads Swagger UI from cdn.jsdelivr.net for that; `docs = false` closes both.

## Routes of a model server

A path with and without a slash at its end is the same; names may be percent-encoded.
`GET` routes answer `HEAD` too; another method is answered with 405 and `Allow`.
The statuses stand beside 200; where keys are asked for, each route but health also has 401.
The version of a path must be one of the model's `versions`; a model that declares none has `1`.

{routes}

## Requests

Bodies are JSON whatever their `Content-Type` says, unless `Inference-Header-Content-Length` announces the binary tensor extension.
Unknown names, wrong datatypes and wrong shapes are refused, nothing is cast; the message says which tensor, what came and what was expected.

| header of a request | what it does |
|---|---|
| `Inference-Header-Content-Length` | how many bytes of the body are JSON; the raw bytes of the tensors follow |
| `Content-Encoding` | `gzip` or `deflate`: the body is compressed; it may inflate to `max_body_bytes`, and above 16 MiB to `max_inflate_ratio` times its size |
| `Accept-Encoding` | `gzip` or `deflate`, with weights: answers of models, metrics and documentation of 1 KiB and more are compressed where that saves something, all else comes as it is; `Inference-Header-Content-Length` stays that of the plain body |
| `Content-Type` | `application/cloudevents+json` is a structured CloudEvent (V1) |
| `ce-specversion`, `ce-id`, `ce-source`, `ce-type` | a binary CloudEvent (V1) |
| `Authorization`, `X-API-Key` | the key or token, where one is asked for |
| `X-Request-Id` | comes back in the answer, stands in logs and traces |
| `traceparent` | the W3C trace that the request is part of |
| `Expect: 100-continue` | is answered before the body is read, or refused then |

Answers never carry headers of the request but `X-Request-Id`.

### V2: `infer`

```json
{{
  "id": "42",
  "parameters": {{"binary_data_output": false, "timeout": 500000}},
  "inputs": [
    {{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [6.8, 2.8, 4.8, 1.4]}}
  ],
  "outputs": [
    {{"name": "probabilities", "parameters": {{"classification": 2}}}}
  ]
}}
```

`id` comes back. Without `outputs` all outputs come; with it, the named ones in their order.

| parameter | of | what it does |
|---|---|---|
| `binary_data_output` | request | `true`: all outputs as raw bytes after the JSON |
| `timeout` | request | microseconds until the answer is of no use: 504, and work that has not begun is dropped |
| `priority`, `sequence_id`, `sequence_start`, `sequence_end` | request | reach the model, which may use them; the server does not order requests by them |
| any other | request | reaches the model |
| `binary_data_size` | input | its data are so many raw bytes after the JSON, in the order of the inputs |
| `shared_memory_region`, `shared_memory_byte_size`, `shared_memory_offset` | input, output | its data lie, or shall lie, in that region |
| `binary_data` | output | `true` or `false`: raw bytes or JSON for this one, whatever the request says |
| `classification` | output | the so many highest values as text `value:index`, largest first |

The answer has `model_name`, `model_version`, `id` if the request had one, and `outputs` with `name`, `datatype`, `shape` and `data` or its place.

### V2: `generate` and `generate_stream`

Keys at the top, and in `parameters`, that are names of inputs are their data: a value or a list of values.
All other keys are parameters; `id` comes back.
A list fills the last free dimension of the shape that the model declares.
Of a model that declares no inputs, every key at the top is an input.

```json
{{"text_input": "Once upon a time", "parameters": {{"max_tokens": 20}}}}
```

The answer has `model_name`, `model_version` and each output by its name, one value alone or a flat list.
`generate_stream` sends one server-sent event, `data: {{...}}`, for each answer of the model; a model without `stream` gives one.
What fails before the first event has a status of its own; what fails later ends the stream with `data: {{"error": "..."}}`.
A client that leaves ends the model's work.

### V1: `predict` and `explain`

`{{"instances": [...]}}` has an item for each row, `{{"inputs": ...}}` a list for each column; other keys reach the model as parameters.
`{{"b64": "..."}}` stands for bytes.
The answer has `predictions`, or `explanations`.

A CloudEvent, binary or structured, is answered by one of the same kind, with a new `id` and `time`.
Its `type` is `ce_type` (`io.kserve.inference.response`), its `source` is `ce_source` (`io.kserve.inference.MODEL`); `ce_merge` takes over the other attributes of the request.

### The repository

`POST /v2/repository/index` takes `{{"ready": true}}` for the models that serve.
`state` is `READY`, `LOADING` or `UNAVAILABLE`, and `reason` says why.

A load names a model that the server was started with, and waits until it is ready or has failed; the older one serves until then, and after a failure.
A model that was unloaded stays known: it is not ready, but the server is, and it can be loaded again.

| parameter | of | what it does |
|---|---|---|
| `config` | load | a JSON text of Triton's model configuration, for this load: `max_batch_size`, `dynamic_batching.max_queue_delay_microseconds` and `instance_group.count` have an effect; a wrong or unknown field is refused |
| `file:VERSION/NAME` | load | a file of the model in base64, beside `config`; refused unless `--allow_uploads` names it, kept in a folder of its own until the next load |
| `unload_dependents` | unload | is accepted; no model depends on another |

### Statistics

`inference_count` counts rows and `execution_count` calls of the model, fewer where requests are merged.
`inference_stats` has counts and nanoseconds: `success` and `fail` from the head of the request to its answer, `queue` for the wait, `compute_input`, `compute_infer` and `compute_output` for reading, the model and writing.
`batch_stats` has the same by the number of rows that were computed together.

### Shared memory

`--allow_shared_memory` lets clients of this machine register POSIX segments, `{{"key": "/name", "offset": 0, "byte_size": 64}}`, and refer to them in place of data.
A key is one name in `/dev/shm`; a region must lie within its segment, and a tensor within its region.
Without the flag, asking gives an empty list and unregistering does nothing.
CUDA memory is not supported: 501.

### Traces and logs

`trace_level` (`OFF`, `TIMESTAMPS`, `TENSORS`), `trace_rate`, `trace_count` and `log_frequency` are kept for the server and for each model; null sets one back.
They have an effect where the server was started with `--tracing`, except that files cannot be set: 501.
`log_verbose_level`, `log_info`, `log_warning` and `log_error` set the level of the server's log.

## Limits

| limit | setting | status |
|---|---|---|
| head of a request | `max_header_bytes` | 431 |
| body, as it is and inflated | `max_body_bytes` | 413 |
| what a compressed body inflates to, above 16 MiB | `max_inflate_ratio` | 413 |
| all bodies under way together | 16 times `max_body_bytes` | 503 |
| elements of a tensor | `max_elements` | 400 |
| lists and objects of a JSON body, or members of its objects | 2,097,152, or 1,048,576 | 400 |
| connections | `max_connections` | 503 |
| calls that wait for a model | `queue_size` | 503 |
| time for the rest of a request | `read_timeout` | 408 |
| time in which a client reads nothing of an answer | `read_timeout` | closed |
| time for the answer | `request_timeout`, or the request's `timeout` | 504 |

## Statuses

Every error is `{{"error": "text"}}`; [the table of errors](errors.md) has each with its gRPC code.

{statuses}

## Metrics

The model server's are in [their own list](metrics.md), the gateway's in [its README](../../packages/gateway/README.md).
"""


def write_http(table: Table) -> str:
    """Return the page; *table* writes a table in Markdown."""
    from inferry_server.http.openapi import ROUTES, STATUSES

    head = ("route", "what it does", "statuses")
    parts = []
    for title, _ in reversed(_GROUPS):
        rows = [_row(route) for route in ROUTES if _group(route.path) == title]
        parts += [f"### {title}", table(head, rows)]
    return _HTTP.format(
        routes="\n\n".join(parts),
        statuses=table(
            ("status", "when"),
            [
                ("200", "Done."),
                *((str(status), text) for status, text in STATUSES.items()),
            ],
        ),
    )


def _group(path: str) -> str:
    """Return the heading that *path* stands under."""
    return next(
        title for title, words in _GROUPS if any(word in path for word in words)
    )


def _row(route: Described) -> tuple[str, str, str]:
    statuses = ", ".join(map(str, sorted(set(route.statuses))))
    return f"`{route.method} {route.path}`", route.summary, statuses
