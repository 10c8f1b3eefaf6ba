"""Server reflection, read into a pool that knew nothing before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asking import asking
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from inferry_server.grpc.contract.standard import REFLECTION_PACKAGES
from inferry_server.grpc.messages import message, pool

if TYPE_CHECKING:
    from serving import Serve

NOT_FOUND, INVALID = 5, 3


async def reflect(serve: Serve, package: str, *bodies: bytes) -> list[Any]:
    async with serve(grpc_port=0) as (server, _), asking(server) as ask:
        stream = ask.channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            response_deserializer=message(
                "ServerReflectionResponse", package
            ).FromString,
        )()
        for body in bodies:
            await stream.write(body)
        await stream.done_writing()
        return [answer async for answer in stream]


def asked(package: str, **fields: Any) -> bytes:
    made = message("ServerReflectionRequest", package)(host="h", **fields)
    body: bytes = made.SerializeToString()
    return body


@pytest.mark.parametrize("package", REFLECTION_PACKAGES)
async def test_services_and_their_files_are_told(serve: Serve, package: str) -> None:
    symbol = "inference.GRPCInferenceService"
    services, files, method = await reflect(
        serve,
        package,
        asked(package, list_services="*"),
        asked(package, file_containing_symbol=symbol),
        asked(package, file_containing_symbol=f"{symbol}.ModelInfer"),
    )
    assert [one.name for one in services.list_services_response.service] == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        symbol,
    ]
    assert services.valid_host == "h"
    assert services.original_request.list_services == "*"
    assert method.file_descriptor_response == files.file_descriptor_response
    empty = DescriptorPool()
    for body in reversed(files.file_descriptor_response.file_descriptor_proto):
        empty.AddSerializedFile(body)
    assert len(empty.FindServiceByName(symbol).methods) == 20


async def test_a_file_is_found_by_its_name(serve: Serve) -> None:
    package = REFLECTION_PACKAGES[0]
    name = "model_config.proto"
    (answer,) = await reflect(serve, package, asked(package, file_by_filename=name))
    (body,) = answer.file_descriptor_response.file_descriptor_proto
    assert body == pool().FindFileByName(name).serialized_pb
    assert FileDescriptorProto.FromString(body).name == name


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"file_by_filename": "no.proto"}, NOT_FOUND),
        ({"file_containing_symbol": "no.Thing"}, NOT_FOUND),
        ({"file_containing_extension": {"containing_type": "a"}}, NOT_FOUND),
        ({"all_extension_numbers_of_type": "no.Thing"}, NOT_FOUND),
        ({}, INVALID),
    ],
)
async def test_what_is_not_there_is_told(
    serve: Serve, fields: dict[str, Any], code: int
) -> None:
    package = REFLECTION_PACKAGES[0]
    (answer,) = await reflect(serve, package, asked(package, **fields))
    assert answer.error_response.error_code == code


async def test_there_are_no_extensions(serve: Serve) -> None:
    package = REFLECTION_PACKAGES[0]
    kind = "inference.InferParameter"
    body = asked(package, all_extension_numbers_of_type=kind)
    (answer,) = await reflect(serve, package, body)
    assert answer.all_extension_numbers_response.base_type_name == kind
    assert not answer.all_extension_numbers_response.extension_number


async def test_what_is_no_message_is_told_and_the_stream_goes_on(serve: Serve) -> None:
    package = REFLECTION_PACKAGES[0]
    first, second = await reflect(
        serve, package, b"\xff", asked(package, list_services="")
    )
    assert first.error_response.error_code == INVALID
    assert len(second.list_services_response.service) == 4
