"""The configuration of a model, as far as this server has one to tell.

Triton's has more, most of it about how Triton schedules; a client reads what is left
out as not set. Facts of the wire from its ``model_config.proto``.
"""

from __future__ import annotations

from inferry_server.grpc.contract.tables import Table

#: V2 datatype -> the value of ``DataType``.
TYPES = {
    "BOOL": 1,
    "UINT8": 2,
    "UINT16": 3,
    "UINT32": 4,
    "UINT64": 5,
    "INT8": 6,
    "INT16": 7,
    "INT32": 8,
    "INT64": 9,
    "FP16": 10,
    "FP32": 11,
    "FP64": 12,
    "STRING": 13,
    "BF16": 14,
}

MODEL_CONFIG = Table(
    file="model_config.proto",
    package="inference",
    about="The configuration of a model.",
    enums={
        "DataType": {
            "TYPE_INVALID": 0,
            **{f"TYPE_{name}": number for name, number in TYPES.items()},
        },
        "ModelInstanceGroup.Kind": {
            "KIND_AUTO": 0,
            "KIND_GPU": 1,
            "KIND_CPU": 2,
            "KIND_MODEL": 3,
        },
    },
    messages={
        "ModelInstanceGroup": (
            "1 name string",
            "4 kind ModelInstanceGroup.Kind",
            "2 count int32",
        ),
        "ModelInput": (
            "1 name string",
            "2 data_type DataType",
            "4 dims [int64]",
            "8 optional bool",
        ),
        "ModelOutput": (
            "1 name string",
            "2 data_type DataType",
            "3 dims [int64]",
            "4 label_filename string",
        ),
        "ModelVersionPolicy": (
            "1 latest ModelVersionPolicy.Latest | policy_choice",
            "2 all ModelVersionPolicy.All | policy_choice",
            "3 specific ModelVersionPolicy.Specific | policy_choice",
        ),
        "ModelVersionPolicy.Latest": ("1 num_versions uint32",),
        "ModelVersionPolicy.All": (),
        "ModelVersionPolicy.Specific": ("1 versions [int64]",),
        "ModelDynamicBatching": (
            "1 preferred_batch_size [int32]",
            "2 max_queue_delay_microseconds uint64",
            "3 preserve_ordering bool",
        ),
        "ModelParameter": ("1 string_value string",),
        "ModelTransactionPolicy": ("1 decoupled bool",),
        "ModelConfig": (
            "1 name string",
            "2 platform string",
            "17 backend string",
            "25 runtime string",
            "3 version_policy ModelVersionPolicy",
            "4 max_batch_size int32",
            "5 input [ModelInput]",
            "6 output [ModelOutput]",
            "11 dynamic_batching ModelDynamicBatching | scheduling_choice",
            "7 instance_group [ModelInstanceGroup]",
            "8 default_model_filename string",
            "14 parameters {string: ModelParameter}",
            "19 model_transaction_policy ModelTransactionPolicy",
        ),
    },
)
