"""Every flag of the command line: KServe's and ours, in the groups of ``--help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import Option

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Which models; one at least must be named.
WHICH = (
    Option(
        name="model",
        help="NAME=RUNTIME[:PATH] or NAME=module:Class[:PATH]; repeat it for more.",
    ),
    Option(
        name="modelRepository",
        help="RUNTIME:FOLDER; each file or folder in it is a model. Repeatable.",
    ),
    Option(name="runtime", help="One model more, of this runtime plugin."),
    Option(name="modelClass", help="One model more, of this class: module:Class."),
    Option(name="modelName", default="model", help="Name of that one in the urls."),
    Option(
        name="modelDir",
        default="/mnt/models",
        help="Files of that one, and of each --model without a path.",
    ),
)
#: Where it listens.
LISTENS = (
    Option(name="host", help="Address to listen on; 0.0.0.0 in Kubernetes."),
    Option(name="httpPort", type="int", default=8080, help="Port; 0 is any free one."),
    Option(name="grpcPort", type="int", default=8081, help="Port; 0 is any free one."),
    Option(name="enableGrpc", type="bool", default=True, help="Serve gRPC."),
    Option(
        name="managementPort",
        type="int",
        default=8082,
        help="Port to load and unload over, on 127.0.0.1; 0 is any free one.",
    ),
    Option(
        name="enableManagement",
        type="bool",
        default=True,
        help="Open the management port.",
    ),
)
#: What is open, and to whom.
OPENS = (
    Option(name="apiKeys", help="File of keys, or env:VARIABLE; others get a 401."),
    Option(name="jwtKeys", help="JWKS file; who has no token of it gets a 401."),
    Option(name="jwtIssuer", help="What the tokens must have as iss."),
    Option(name="jwtAudience", help="What the tokens must have as aud."),
    Option(
        name="allowManagement",
        type="bool",
        default=False,
        help="Load and unload over the other ports too.",
    ),
    Option(
        name="allowUploads", help="Files that a load may bring along: names or globs."
    ),
    Option(
        name="allowSharedMemory",
        type="bool",
        default=False,
        help="Read and write tensors in shared memory of this machine.",
    ),
    Option(name="middleware", help="ASGI middleware as module:attribute; repeatable."),
    Option(name="forwardedHeaders", help="Request headers that models get to see."),
    Option(name="enableDocsUrl", type="bool", default=True, help="Serve /docs."),
)
#: What a client may ask for.
LIMITS = (
    Option(name="maxBodyBytes", type="int", help="Largest body of an HTTP request."),
    Option(name="maxMessageBytes", type="int", help="Largest message of gRPC."),
    Option(
        name="grpcMaxReceiveMessageLength",
        type="int",
        help="KServe's name for --max_message_bytes; -1 is any.",
    ),
    Option(
        name="grpcMaxSendMessageLength",
        type="int",
        help="The same; what is received counts where both are given.",
    ),
    Option(name="maxElements", type="int", help="Most elements of one tensor."),
    Option(name="maxInflateRatio", type="int", help="Most that a body may grow by."),
    Option(name="maxConnections", type="int", help="Most connections at once."),
    Option(name="queueSize", type="int", help="Calls that may wait for one model."),
    Option(
        name="memoryBudget",
        type="int",
        help="Bytes of all models; the least recently asked give way. 0: any.",
    ),
    Option(name="requestTimeout", type="float", help="Seconds until a 504; 0: never."),
    Option(
        name="timeoutKeepAlive", type="float", help="Seconds of an idle connection."
    ),
)
#: What it tells of itself.
TELLS = (
    Option(name="logLevel", default="info", help="debug, info, warning or error."),
    Option(name="logFormat", default="text", help="text or json, one line per event."),
    Option(name="logRequests", type="bool", help="Log a line for each request."),
    Option(name="tracing", type="bool", help="Send traces with OpenTelemetry."),
)
#: How its process lives.
LIVES = (
    Option(name="loadTimeout", type="float", help="Seconds a load may take; 0: any."),
    Option(
        name="drainDelay",
        type="float",
        help="Seconds to accept after SIGTERM; 5 in Kubernetes.",
    ),
    Option(name="drainTimeout", type="float", help="Seconds for what is in flight."),
    Option(
        name="exitOnLoadFailure",
        type="bool",
        help="End where a model fails to load; true in Kubernetes.",
    ),
    Option(
        name="workers", type="int", default=1, help="Only 1; use replicas for more."
    ),
    Option(name="eventLoop", default="auto", help="auto, uvloop or asyncio."),
    Option(
        name="fastLane",
        type="bool",
        default=True,
        help="Answer plain requests without ASGI.",
    ),
)
#: One server, whatever its models.
SERVER = (*LISTENS, *OPENS, *LIMITS, *TELLS, *LIVES)
#: How a model is called.
CALLS = (
    Option(
        name="concurrency", type="int", default=0, help="Calls at once; 0: model's."
    ),
    Option(
        name="isolated",
        type="bool",
        default=False,
        help="Run it in a process of its own: one that crashes ends nothing else.",
    ),
    Option(name="batchMaxSize", type="int", help="Merge requests, up to so many rows."),
    Option(
        name="batchMaxDelay",
        type="float",
        help="Seconds that a row waits for others at most.",
    ),
    Option(name="serviceName", help="InferenceService that the model belongs to."),
    Option(name="namespace", help="Namespace of that service."),
)
#: Where copies of what it is sent and answers go.
COPIES = (
    Option(name="payloadLogUrl", help="Where requests and responses are copied to."),
    Option(name="payloadLogMode", default="all", help="all, request or response."),
    Option(name="payloadLogFormat", default="json", help="json, csv or parquet."),
    Option(
        name="payloadLogBatchSize", type="int", default=1, help="Messages per object."
    ),
    Option(
        name="payloadLogBatchInterval",
        type="float",
        default=0.0,
        help="Seconds after which an object is written anyhow.",
    ),
    Option(name="payloadLogSource", help="The source of the CloudEvents."),
    Option(name="payloadLogHeaders", help="Request headers that go along."),
    Option(
        name="payloadLogAnnotations",
        help="What goes along with each message, as a JSON object of texts.",
    ),
    Option(
        name="payloadLogParameters",
        help="What configures the store, as a JSON object of texts.",
    ),
    Option(
        name="payloadLogComponent",
        help="Which component says it; transformer with a predictor, else predictor.",
    ),
    Option(name="payloadLogCaFile", help="Certificates to trust for the url."),
    Option(
        name="payloadLogVerify",
        type="bool",
        default=True,
        help="Check the certificate of the url.",
    ),
)
#: What a transformer or an explainer is in front of.
FRONTS = (
    Option(
        name="predictorHost",
        help="host[:port] of the predictor: the class is a transformer or explainer.",
    ),
    Option(name="predictorProtocol", default="v1", help="v1, v2 or grpc-v2."),
    Option(
        name="predictorModel", help="Name of the model there; that of the model here."
    ),
    Option(name="predictorUseSsl", type="bool", default=False, help="Speak TLS to it."),
    Option(
        name="predictorRequestTimeoutSeconds",
        type="float",
        default=600.0,
        help="Seconds that it may take.",
    ),
    Option(
        name="predictorRequestRetries",
        type="int",
        default=0,
        help="Further attempts where no connection came about.",
    ),
    Option(
        name="predictorForwardedHeaders",
        default="traceparent,tracestate,x-request-id",
        help="Request headers that pass to it.",
    ),
    Option(
        name="enablePredictorHealthCheck",
        type="bool",
        default=False,
        help="Be ready only while it is.",
    ),
)
#: Each model; ``--NAME.flag`` is for one alone.
MODEL = (*CALLS, *COPIES, *FRONTS)
#: Another word for one of the above.
ALIASES: Mapping[str, str] = {
    "enable_latency_logging": "logRequests",
    "protocol": "predictorProtocol",
}
#: These hold several texts: repeat the flag, or separate them by commas.
LISTS = frozenset(
    {
        "allowUploads",
        "forwardedHeaders",
        "middleware",
        "model",
        "payloadLogHeaders",
        "predictorForwardedHeaders",
    }
)
#: What a flag may be, where not everything goes.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "eventLoop": ("auto", "uvloop", "asyncio"),
    "logFormat": ("text", "json"),
    "logLevel": ("debug", "info", "warning", "error"),
    "payloadLogFormat": ("json", "csv", "parquet"),
    "payloadLogMode": ("all", "request", "response"),
    "predictorProtocol": ("v1", "v2", "grpc-v2"),
}
#: KServe's flags that change nothing here, with what to know instead.
WITHOUT_EFFECT: Mapping[str, str] = {
    "access_log_format": "--log_requests logs each request, in one format",
    "configure_logging": "use --log_level and --log_format",
    "log_config_file": "use --log_level and --log_format",
    "max_asyncio_workers": "use --concurrency",
    "max_threads": "use --concurrency",
}
#: KServe's flags that ask for what this server does not do.
REFUSED: Mapping[str, str] = {
    "ssl_certfile": "TLS ends before this server, at an ingress, a mesh or a proxy",
    "ssl_keyfile": "TLS ends before this server, at an ingress, a mesh or a proxy",
}
#: Those of the flags without an effect that take no value.
SWITCHES = frozenset({"configure_logging"})
