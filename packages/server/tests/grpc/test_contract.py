"""The tables against the numbers that the clients have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pool
from tritonclient.grpc import model_config_pb2, service_pb2

from inferry_server.grpc.contract.inference import INFERENCE
from inferry_server.grpc.contract.tables import Table, descriptor, field
from inferry_server.grpc.messages import message, pool

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What KServe's answers have and Triton's have not.
KSERVES = {
    ("RepositoryModelLoadResponse", "model_name"),
    ("RepositoryModelLoadResponse", "isLoaded"),
    ("RepositoryModelUnloadResponse", "model_name"),
    ("RepositoryModelUnloadResponse", "isUnloaded"),
}


def facts(messages: Any, prefix: str = "") -> Iterator[tuple[Any, ...]]:
    """Yield all that the wire knows of each field of *messages*."""
    for kind in messages:
        name = prefix + kind.name
        for part in kind.fields:
            of = part.message_type or part.enum_type
            oneof = part.containing_oneof
            yield (
                (name, part.name, part.number, part.type, part.is_repeated),
                (of and of.full_name, oneof and oneof.name, part.is_packed),
            )
        yield from facts(kind.nested_types, f"{name}.")


def ours(file: str) -> set[tuple[Any, ...]]:
    found = pool().FindFileByName(file)
    return set(facts(found.message_types_by_name.values()))


def tritons(module: Any) -> set[tuple[Any, ...]]:
    return set(facts(module.DESCRIPTOR.message_types_by_name.values()))


def test_every_field_of_tritons_service_is_here() -> None:
    assert tritons(service_pb2) - ours("grpc_service.proto") == set()


def test_only_kserves_fields_are_more_than_tritons() -> None:
    more = ours("grpc_service.proto") - tritons(service_pb2)
    assert {fact[:2] for fact, _ in more} == KSERVES


def test_the_configuration_is_a_part_of_tritons() -> None:
    assert ours("model_config.proto") - tritons(model_config_pb2) == set()


def test_the_values_of_enums_are_tritons() -> None:
    found = pool().FindEnumTypeByName("inference.DataType")
    theirs = model_config_pb2.DESCRIPTOR.enum_types_by_name["DataType"]
    assert found.values_by_name.keys() == theirs.values_by_name.keys()
    for name, value in found.values_by_name.items():
        assert value.number == theirs.values_by_name[name].number


def test_every_rpc_is_tritons() -> None:
    def rpcs(service: Any) -> set[tuple[Any, ...]]:
        return {
            (
                method.name,
                method.input_type.full_name,
                method.output_type.full_name,
                method.client_streaming,
                method.server_streaming,
            )
            for method in service.methods
        }

    theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    found = pool().FindServiceByName("inference.GRPCInferenceService")
    assert rpcs(found) == rpcs(theirs)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("ModelReadyRequest", {"name": 1, "version": 2}),
        ("ServerMetadataResponse", {"name": 1, "version": 2, "extensions": 3}),
        (
            "ModelMetadataResponse",
            {"name": 1, "versions": 2, "platform": 3, "inputs": 4, "outputs": 5},
        ),
        (
            "ModelInferRequest",
            {
                "model_name": 1,
                "model_version": 2,
                "id": 3,
                "parameters": 4,
                "inputs": 5,
                "outputs": 6,
                "raw_input_contents": 7,
            },
        ),
        (
            "ModelInferRequest.InferInputTensor",
            {"name": 1, "datatype": 2, "shape": 3, "parameters": 4, "contents": 5},
        ),
        ("ModelInferRequest.InferRequestedOutputTensor", {"name": 1, "parameters": 2}),
        (
            "ModelInferResponse",
            {
                "model_name": 1,
                "model_version": 2,
                "id": 3,
                "parameters": 4,
                "outputs": 5,
                "raw_output_contents": 6,
            },
        ),
        (
            "InferParameter",
            {
                "bool_param": 1,
                "int64_param": 2,
                "string_param": 3,
                "double_param": 4,
                "uint64_param": 5,
            },
        ),
        (
            "InferTensorContents",
            {
                "bool_contents": 1,
                "int_contents": 2,
                "int64_contents": 3,
                "uint_contents": 4,
                "uint64_contents": 5,
                "fp32_contents": 6,
                "fp64_contents": 7,
                "bytes_contents": 8,
            },
        ),
        ("RepositoryModelLoadResponse", {"model_name": 1, "isLoaded": 2}),
        ("RepositoryModelUnloadResponse", {"model_name": 1, "isUnloaded": 2}),
    ],
)
def test_the_numbers_are_kserves(name: str, numbers: dict[str, int]) -> None:
    found = {part.name: part.number for part in message(name).DESCRIPTOR.fields}
    assert found == numbers


def test_a_load_request_of_kserve_is_read_as_the_name_of_a_repository() -> None:
    kserves = b"\x0a\x04iris"  # its model_name, field 1
    request = message("RepositoryModelLoadRequest").FromString(kserves)
    assert (request.repository_name, request.model_name) == ("iris", "")


def test_nothing_is_registered_for_the_whole_process() -> None:
    shared = descriptor_pool.Default().FindMessageTypeByName("inference.InferParameter")
    assert shared is service_pb2.InferParameter.DESCRIPTOR
    assert shared is not message("InferParameter").DESCRIPTOR


@pytest.mark.parametrize("text", ["name string", "x name string", "1 name"])
def test_what_is_no_field_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no field"):
        field(text)


def test_a_table_with_a_field_that_is_none_is_refused() -> None:
    table = Table(file="a", package="a", about="", messages={"M": ("nothing",)})
    with pytest.raises(ValueError, match="is no field"):
        descriptor(table)


def test_every_rpc_says_what_it_does() -> None:
    for methods in INFERENCE.services.values():
        assert [name for name, method in methods.items() if not method.about] == []
