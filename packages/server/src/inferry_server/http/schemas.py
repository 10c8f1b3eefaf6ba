"""The JSON documents of the routes, as JSON schemas for OpenAPI.

What is not named here may be there too: clients must not trip over new fields.
"""

from __future__ import annotations

from typing import Any

from inferry.model import DATATYPES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER_TEXT: Schema = {"type": "string", "pattern": "^-?[0-9]+$"}
#: Values that Triton's protocol allows as parameters.
PARAMETERS: Schema = {
    "type": ["object", "null"],
    "additionalProperties": {"type": ["boolean", "number", "string", "null"]},
}


def thing(required: str = "", **properties: Schema) -> Schema:
    """Return an object with *properties*; *required* names those that must be there."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required.split()
    return schema


def several(items: Schema, **more: object) -> Schema:
    """Return a list of *items*."""
    return {"type": "array", "items": items, **more}


def perhaps(schema: Schema) -> Schema:
    """Return *schema*, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def the(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


_DATATYPE: Schema = {"type": "string", "enum": list(DATATYPES)}
_ATTRIBUTE: Schema = {**TEXT, "minLength": 1, "maxLength": 1024}
_DEPENDENTS = "unload_dependents"
_TIMES = thing("count ns", count=COUNT, ns=COUNT)
_MEMORY: Schema = {
    "shared_memory_region": TEXT,
    "shared_memory_byte_size": COUNT,
    "shared_memory_offset": COUNT,
}
_INPUT_PARAMETERS = perhaps(thing(binary_data_size=COUNT, **_MEMORY))
_OUTPUT_PARAMETERS = perhaps(thing(binary_data=FLAG, classification=COUNT, **_MEMORY))
_REQUEST_PARAMETERS = thing(
    binary_data_output=FLAG,
    timeout=COUNT,
    priority=COUNT,
    sequence_id={"type": ["integer", "string"]},
    sequence_start=FLAG,
    sequence_end=FLAG,
)
_FEATURE = thing(
    "name data_type dims",
    name=TEXT,
    data_type=TEXT,
    dims=several({"type": "integer"}),
)
_TENSOR_METADATA = thing(
    "name datatype shape",
    name=TEXT,
    datatype=_DATATYPE,
    shape=several({"type": "integer", "minimum": -1}),
)

SCHEMAS: dict[str, Schema] = {
    "Alive": thing("status", status={"const": "alive"}),
    "Live": thing("live", live=FLAG),
    "Ready": thing("ready", ready=FLAG),
    "Error": thing("error", error=TEXT),
    "Server": thing(
        "name version extensions", name=TEXT, version=TEXT, extensions=several(TEXT)
    ),
    "Models": thing("models", models=several(TEXT)),
    "ModelsV1": thing(
        "models object data",
        models=several(TEXT),
        object={"const": "list"},
        data=several(the("OpenAIModel")),
    ),
    "OpenAIModel": thing(
        "id object created owned_by",
        id=TEXT,
        object={"const": "model"},
        created=COUNT,
        owned_by=TEXT,
    ),
    "OpenAIList": thing(
        "object data", object={"const": "list"}, data=several({"type": "object"})
    ),
    "OpenAIRequest": thing(model=TEXT, stream=perhaps(FLAG)),
    "OpenAIError": thing(
        "error",
        error=thing(
            "message type param code",
            message=TEXT,
            type=TEXT,
            param=perhaps(TEXT),
            code=perhaps(TEXT),
        ),
    ),
    "Completion": thing(
        "id object created model choices",
        id=TEXT,
        object=TEXT,
        created=COUNT,
        model=TEXT,
        choices=several({"type": "object"}),
        usage={"type": ["object", "null"]},
    ),
    "Reranked": thing(
        "results",
        results=several(
            thing(
                "index relevance_score", index=COUNT, relevance_score={"type": "number"}
            )
        ),
    ),
    "ModelReady": thing("name ready", name=TEXT, ready=FLAG),
    "NotReady": thing(
        "name ready phase reason message remedy error",
        name=TEXT,
        ready={"const": False},
        phase=TEXT,
        reason=TEXT,
        message=TEXT,
        remedy=TEXT,
        error=TEXT,
    ),
    "Metadata": thing(
        "name versions platform inputs outputs",
        name=TEXT,
        versions=several(TEXT),
        platform=TEXT,
        inputs=several(_TENSOR_METADATA),
        outputs=several(_TENSOR_METADATA),
    ),
    "Config": thing(
        "name platform backend max_batch_size input output",
        name=TEXT,
        platform=TEXT,
        backend=TEXT,
        version_policy={"type": "object"},
        max_batch_size=COUNT,
        input=several(_FEATURE),
        output=several(_FEATURE),
        dynamic_batching=thing(
            preferred_batch_size=several(COUNT), max_queue_delay_microseconds=COUNT
        ),
        instance_group=several({"type": "object"}),
        model_transaction_policy=thing(decoupled=FLAG),
    ),
    "Statistics": thing(
        "model_stats",
        model_stats=several(
            thing(
                "name version last_inference inference_count execution_count "
                "inference_stats batch_stats",
                name=TEXT,
                version=TEXT,
                last_inference=COUNT,
                inference_count=COUNT,
                execution_count=COUNT,
                inference_stats=thing(
                    "success fail queue compute_input compute_infer compute_output",
                    success=_TIMES,
                    fail=_TIMES,
                    queue=_TIMES,
                    compute_input=_TIMES,
                    compute_infer=_TIMES,
                    compute_output=_TIMES,
                ),
                batch_stats=several(
                    thing(
                        "batch_size compute_input compute_infer compute_output",
                        batch_size=COUNT,
                        compute_input=_TIMES,
                        compute_infer=_TIMES,
                        compute_output=_TIMES,
                    )
                ),
            )
        ),
    ),
    "InferRequest": thing(
        "inputs",
        id={"type": ["string", "null"]},
        parameters=perhaps(_REQUEST_PARAMETERS),
        inputs=several(
            thing(
                "name shape datatype",
                name={**TEXT, "maxLength": 1024},
                shape=several(COUNT, maxItems=32),
                datatype=_DATATYPE,
                data={"type": ["array", "boolean", "number", "string"]},
                parameters=_INPUT_PARAMETERS,
            )
        ),
        outputs=perhaps(
            several(
                thing(
                    "name",
                    name={**TEXT, "maxLength": 1024},
                    parameters=_OUTPUT_PARAMETERS,
                )
            )
        ),
    ),
    "InferResponse": thing(
        "model_name outputs",
        model_name=TEXT,
        model_version=TEXT,
        id=TEXT,
        parameters={"type": "object"},
        outputs=several(
            thing(
                "name datatype shape",
                name=TEXT,
                datatype=_DATATYPE,
                shape=several(COUNT),
                data={"type": "array"},
                parameters={"type": "object"},
            )
        ),
    ),
    "GenerateRequest": thing(
        id={"type": ["string", "integer", "null"]}, parameters=PARAMETERS
    ),
    "GenerateResponse": thing(
        "model_name model_version", model_name=TEXT, model_version=TEXT, id=TEXT
    ),
    "Event": thing("data", data=TEXT),
    "CloudEvent": thing(
        "specversion id source type",
        specversion={"enum": ["1.0", "0.3"]},
        id=_ATTRIBUTE,
        source=_ATTRIBUTE,
        type=_ATTRIBUTE,
        datacontenttype=_ATTRIBUTE,
        data={},
        data_base64={**TEXT, "contentEncoding": "base64"},
    ),
    "PredictRequest": thing(
        instances=several({}, minItems=1), inputs={"type": ["array", "object"]}
    ),
    "PredictResponse": {"description": "An object with 'predictions', or the model's."},
    "ExplainResponse": {"description": "An object with 'explanations'."},
    "IndexRequest": thing(ready=FLAG),
    "Index": several(
        thing(
            "name state reason",
            name=TEXT,
            version=TEXT,
            state={"enum": ["READY", "LOADING", "UNAVAILABLE"]},
            reason=TEXT,
        )
    ),
    "LoadRequest": thing(
        parameters={
            "type": ["object", "null"],
            "properties": {"config": {"type": "string"}},
            "additionalProperties": {"type": "string", "contentEncoding": "base64"},
        }
    ),
    "Loaded": thing("name load", name=TEXT, load=FLAG),
    "UnloadRequest": thing(
        parameters={"type": ["object", "null"], "properties": {_DEPENDENTS: FLAG}}
    ),
    "Unloaded": thing("name unload", name=TEXT, unload=FLAG),
    "TraceChanges": thing(
        trace_level={"type": ["array", "string", "null"]},
        trace_rate={"type": ["string", "integer", "null"]},
        trace_count={"type": ["string", "integer", "null"]},
        log_frequency={"type": ["string", "integer", "null"]},
    ),
    "TraceSettings": thing(
        "trace_level trace_rate trace_count log_frequency trace_file trace_mode",
        trace_level=several({"enum": ["OFF", "TIMESTAMPS", "TENSORS"]}),
        trace_rate=NUMBER_TEXT,
        trace_count=NUMBER_TEXT,
        log_frequency=NUMBER_TEXT,
        trace_file=TEXT,
        trace_mode=TEXT,
    ),
    "LogChanges": thing(
        log_info=FLAG,
        log_warning=FLAG,
        log_error=FLAG,
        log_verbose_level=COUNT,
        log_format={"enum": ["default", "ISO8601"]},
    ),
    "LogSettings": thing(
        "log_file log_info log_warning log_error log_verbose_level log_format",
        log_file=TEXT,
        log_info=FLAG,
        log_warning=FLAG,
        log_error=FLAG,
        log_verbose_level=COUNT,
        log_format=TEXT,
    ),
    "Region": thing("key byte_size", key=TEXT, offset=COUNT, byte_size=COUNT),
    "Regions": several(
        thing(
            "name key offset byte_size",
            name=TEXT,
            key=TEXT,
            offset=COUNT,
            byte_size=COUNT,
        )
    ),
    "Nothing": {"type": "object"},
}
