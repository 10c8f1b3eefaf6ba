"""Server reflection: which services there are, and the files that describe them.

Source: gRPC, "Server Reflection Protocol".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from inferry.errors import InvalidInput
from inferry_server.grpc import rpc
from inferry_server.grpc.contract.standard import REFLECTION_PACKAGES
from inferry_server.grpc.messages import message, pool, tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google.protobuf.descriptor import FileDescriptor

_NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]
_INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]


def handlers() -> list[Any]:
    """Return the handlers of reflection under each of its names."""
    return [
        grpc.method_handlers_generic_handler(
            f"{package}.ServerReflection",
            {"ServerReflectionInfo": rpc.streamed(_Reflection(package).answers)},
        )
        for package in REFLECTION_PACKAGES
    ]


class _Reflection:
    """Answers in the messages of *package*."""

    def __init__(self, package: str) -> None:
        self._package = package

    async def answers(self, bodies: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        """Yield the answer to each of *bodies*."""
        kind = "ServerReflectionRequest"
        async for body in bodies:
            try:
                request = rpc.read(body, kind, self._package)
            except InvalidInput as error:
                yield self._failed(_INVALID, str(error))
                continue
            answer = self._answer(request)
            answer.valid_host = request.host
            answer.original_request.CopyFrom(request)
            yield answer

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - messages
        asked = request.WhichOneof("message_request")
        if asked is None:
            return self._failed(_INVALID, "the request asks for nothing")
        if asked == "list_services":
            return self._services()
        if asked == "file_containing_extension":
            return self._failed(_NOT_FOUND, "there are no extensions")
        find = {
            "all_extension_numbers_of_type": self._no_extensions,
            "file_by_filename": self._file,
            "file_containing_symbol": self._file_of,
        }[asked]
        try:
            return find(getattr(request, asked))
        except KeyError:
            return self._failed(_NOT_FOUND, "there is no such file or symbol")

    def _services(self) -> Any:  # noqa: ANN401 - a message
        answer = self._response()
        for name in services():
            answer.list_services_response.service.add(name=name)
        return answer

    def _file(self, name: str) -> Any:  # noqa: ANN401 - a message
        return self._files(pool().FindFileByName(name))

    def _file_of(self, symbol: str) -> Any:  # noqa: ANN401 - a message
        try:
            file = pool().FindFileContainingSymbol(symbol)
        except KeyError:  # what it does not take for a symbol
            file = pool().FindMethodByName(symbol).containing_service.file
        return self._files(file)

    def _files(self, file: FileDescriptor) -> Any:  # noqa: ANN401 - a message
        answer = self._response()
        found = answer.file_descriptor_response.file_descriptor_proto
        found.extend(part.serialized_pb for part in (file, *file.dependencies))
        return answer

    def _no_extensions(self, kind: str) -> Any:  # noqa: ANN401 - a message
        pool().FindMessageTypeByName(kind)
        answer = self._response()
        answer.all_extension_numbers_response.base_type_name = kind
        return answer

    def _failed(self, code: int, text: str) -> Any:  # noqa: ANN401 - a message
        answer = self._response()
        answer.error_response.error_code = code
        answer.error_response.error_message = text
        return answer

    def _response(self) -> Any:  # noqa: ANN401 - a message
        return message("ServerReflectionResponse", self._package)()


def services() -> list[str]:
    """Return the full names of all services here."""
    return sorted(
        f"{table.package}.{name}" for table in tables() for name in table.services
    )
