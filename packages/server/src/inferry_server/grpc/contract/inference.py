"""``inference.GRPCInferenceService``: the RPCs of Triton's clients, with their numbers.

The messages that KServe's protocol has too are the same on the wire, but for loading
and unloading: its ``model_name`` has the number of ``repository_name`` here. Facts of
the wire from Triton's ``grpc_service.proto`` and KServe's ``grpc_predict_v2.proto``.
"""

from __future__ import annotations

from inferry_server.grpc.contract.tables import Method, Table

SERVICE = "inference.GRPCInferenceService"

_NOTHING: tuple[str, ...] = ()
_PARAMETERS = "{string: InferParameter}"
_NAMED = ("1 name string", "2 version string")
_TENSOR = (
    "1 name string",
    "2 datatype string",
    "3 shape [int64]",
    f"4 parameters {_PARAMETERS}",
    "5 contents InferTensorContents",
)
_REPOSITORY = (
    "1 repository_name string",
    "2 model_name string",
    "3 parameters {string: ModelRepositoryParameter}",
)

_HEALTH = {
    "ServerLiveRequest": _NOTHING,
    "ServerLiveResponse": ("1 live bool",),
    "ServerReadyRequest": _NOTHING,
    "ServerReadyResponse": ("1 ready bool",),
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": ("1 ready bool",),
}
_METADATA = {
    "ServerMetadataRequest": _NOTHING,
    "ServerMetadataResponse": (
        "1 name string",
        "2 version string",
        "3 extensions [string]",
    ),
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse": (
        "1 name string",
        "2 versions [string]",
        "3 platform string",
        "4 inputs [ModelMetadataResponse.TensorMetadata]",
        "5 outputs [ModelMetadataResponse.TensorMetadata]",
    ),
    "ModelMetadataResponse.TensorMetadata": (
        "1 name string",
        "2 datatype string",
        "3 shape [int64]",
    ),
}
_INFER = {
    "InferParameter": (
        "1 bool_param bool | parameter_choice",
        "2 int64_param int64 | parameter_choice",
        "3 string_param string | parameter_choice",
        "4 double_param double | parameter_choice",
        "5 uint64_param uint64 | parameter_choice",
    ),
    "InferTensorContents": (
        "1 bool_contents [bool]",
        "2 int_contents [int32]",
        "3 int64_contents [int64]",
        "4 uint_contents [uint32]",
        "5 uint64_contents [uint64]",
        "6 fp32_contents [float]",
        "7 fp64_contents [double]",
        "8 bytes_contents [bytes]",
    ),
    "ModelInferRequest": (
        "1 model_name string",
        "2 model_version string",
        "3 id string",
        f"4 parameters {_PARAMETERS}",
        "5 inputs [ModelInferRequest.InferInputTensor]",
        "6 outputs [ModelInferRequest.InferRequestedOutputTensor]",
        "7 raw_input_contents [bytes]",
    ),
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": (
        "1 name string",
        f"2 parameters {_PARAMETERS}",
    ),
    "ModelInferResponse": (
        "1 model_name string",
        "2 model_version string",
        "3 id string",
        f"4 parameters {_PARAMETERS}",
        "5 outputs [ModelInferResponse.InferOutputTensor]",
        "6 raw_output_contents [bytes]",
    ),
    "ModelInferResponse.InferOutputTensor": _TENSOR,
    "ModelStreamInferResponse": (
        "1 error_message string",
        "2 infer_response ModelInferResponse",
    ),
}
_STATISTICS = {
    "StatisticDuration": ("1 count uint64", "2 ns uint64"),
    "InferStatistics": (
        "1 success StatisticDuration",
        "2 fail StatisticDuration",
        "3 queue StatisticDuration",
        "4 compute_input StatisticDuration",
        "5 compute_infer StatisticDuration",
        "6 compute_output StatisticDuration",
        "7 cache_hit StatisticDuration",
        "8 cache_miss StatisticDuration",
    ),
    "InferResponseStatistics": (
        "1 compute_infer StatisticDuration",
        "2 compute_output StatisticDuration",
        "3 success StatisticDuration",
        "4 fail StatisticDuration",
        "5 empty_response StatisticDuration",
        "6 cancel StatisticDuration",
    ),
    "InferBatchStatistics": (
        "1 batch_size uint64",
        "2 compute_input StatisticDuration",
        "3 compute_infer StatisticDuration",
        "4 compute_output StatisticDuration",
    ),
    "MemoryUsage": ("1 type string", "2 id int64", "3 byte_size uint64"),
    "ModelStatistics": (
        "1 name string",
        "2 version string",
        "3 last_inference uint64",
        "4 inference_count uint64",
        "5 execution_count uint64",
        "6 inference_stats InferStatistics",
        "7 batch_stats [InferBatchStatistics]",
        "8 memory_usage [MemoryUsage]",
        "9 response_stats {string: InferResponseStatistics}",
    ),
    "ModelStatisticsRequest": _NAMED,
    "ModelStatisticsResponse": ("1 model_stats [ModelStatistics]",),
    "ModelConfigRequest": _NAMED,
    "ModelConfigResponse": ("1 config ModelConfig",),
}
_MANAGEMENT = {
    "ModelRepositoryParameter": (
        "1 bool_param bool | parameter_choice",
        "2 int64_param int64 | parameter_choice",
        "3 string_param string | parameter_choice",
        "4 bytes_param bytes | parameter_choice",
    ),
    "RepositoryIndexRequest": ("1 repository_name string", "2 ready bool"),
    "RepositoryIndexResponse": ("1 models [RepositoryIndexResponse.ModelIndex]",),
    "RepositoryIndexResponse.ModelIndex": (
        "1 name string",
        "2 version string",
        "3 state string",
        "4 reason string",
    ),
    "RepositoryModelLoadRequest": _REPOSITORY,
    # Triton's are empty; these are KServe's.
    "RepositoryModelLoadResponse": ("1 model_name string", "2 isLoaded bool"),
    "RepositoryModelUnloadRequest": _REPOSITORY,
    "RepositoryModelUnloadResponse": ("1 model_name string", "2 isUnloaded bool"),
}
_SHARED_MEMORY = {
    "SystemSharedMemoryStatusRequest": ("1 name string",),
    "SystemSharedMemoryStatusResponse": (
        "1 regions {string: SystemSharedMemoryStatusResponse.RegionStatus}",
    ),
    "SystemSharedMemoryStatusResponse.RegionStatus": (
        "1 name string",
        "2 key string",
        "3 offset uint64",
        "4 byte_size uint64",
    ),
    "SystemSharedMemoryRegisterRequest": (
        "1 name string",
        "2 key string",
        "3 offset uint64",
        "4 byte_size uint64",
    ),
    "SystemSharedMemoryRegisterResponse": _NOTHING,
    "SystemSharedMemoryUnregisterRequest": ("1 name string",),
    "SystemSharedMemoryUnregisterResponse": _NOTHING,
    "CudaSharedMemoryStatusRequest": ("1 name string",),
    "CudaSharedMemoryStatusResponse": (
        "1 regions {string: CudaSharedMemoryStatusResponse.RegionStatus}",
    ),
    "CudaSharedMemoryStatusResponse.RegionStatus": (
        "1 name string",
        "2 device_id uint64",
        "3 byte_size uint64",
    ),
    "CudaSharedMemoryRegisterRequest": (
        "1 name string",
        "2 raw_handle bytes",
        "3 device_id int64",
        "4 byte_size uint64",
    ),
    "CudaSharedMemoryRegisterResponse": _NOTHING,
    "CudaSharedMemoryUnregisterRequest": ("1 name string",),
    "CudaSharedMemoryUnregisterResponse": _NOTHING,
}
_SETTING = (
    "1 bool_param bool | parameter_choice",
    "2 uint32_param uint32 | parameter_choice",
    "3 string_param string | parameter_choice",
)
_SETTINGS = {
    "TraceSettingRequest": (
        "1 settings {string: TraceSettingRequest.SettingValue}",
        "2 model_name string",
    ),
    "TraceSettingRequest.SettingValue": ("1 value [string]",),
    "TraceSettingResponse": ("1 settings {string: TraceSettingResponse.SettingValue}",),
    "TraceSettingResponse.SettingValue": ("1 value [string]",),
    "LogSettingsRequest": ("1 settings {string: LogSettingsRequest.SettingValue}",),
    "LogSettingsRequest.SettingValue": _SETTING,
    "LogSettingsResponse": ("1 settings {string: LogSettingsResponse.SettingValue}",),
    "LogSettingsResponse.SettingValue": _SETTING,
}

#: The RPCs that are answered once, each with what it does.
_PLAIN = {
    "ServerLive": "Whether the server runs.",
    "ServerReady": "Whether a model serves, and none is still on its way.",
    "ModelReady": "Whether a model takes requests; one that is unknown does not.",
    "ServerMetadata": "The name, version and extensions of the server.",
    "ModelMetadata": "The inputs, outputs, versions and platform of a model.",
    "ModelInfer": "One inference.",
    "ModelConfig": "How a model is run, as far as Triton's configuration has a word.",
    "ModelStatistics": "What was counted of the requests of one model, or of all.",
    "RepositoryIndex": "The models that the server knows, and the state of each.",
    "RepositoryModelLoad": "Load a model again and wait until it is ready.",
    "RepositoryModelUnload": "Take a model out of service, once it has answered.",
    "SystemSharedMemoryStatus": "The regions of shared memory that are registered.",
    "SystemSharedMemoryRegister": "Register a region of POSIX shared memory.",
    "SystemSharedMemoryUnregister": "Let go of one region, or of all.",
    "CudaSharedMemoryStatus": "No region: memory of a GPU is not shared.",
    "CudaSharedMemoryRegister": "Refused with UNIMPLEMENTED.",
    "CudaSharedMemoryUnregister": "Nothing, as there is no region.",
    "TraceSetting": "Read and change which requests are traced.",
    "LogSettings": "Read and change what the server logs.",
}
_STREAM = Method(
    "ModelInferRequest",
    "ModelStreamInferResponse",
    "both",
    "Many inferences over one stream, each with no, one or many answers.",
)

INFERENCE = Table(
    file="grpc_service.proto",
    package="inference",
    about="The inference service.",
    imports=("model_config.proto",),
    messages={
        **_HEALTH,
        **_METADATA,
        **_INFER,
        **_STATISTICS,
        **_MANAGEMENT,
        **_SHARED_MEMORY,
        **_SETTINGS,
    },
    services={
        "GRPCInferenceService": {
            **{
                name: Method(f"{name}Request", f"{name}Response", about=about)
                for name, about in _PLAIN.items()
            },
            "ModelStreamInfer": _STREAM,
        }
    },
)
