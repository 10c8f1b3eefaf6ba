"""The services that every gRPC server may have: health and reflection.

Facts of the wire from ``grpc/health/v1/health.proto`` and
``grpc/reflection/v1/reflection.proto``; ``v1alpha`` of the latter is the same under
another name.
"""

from __future__ import annotations

from inferry_server.grpc.contract.tables import Method, Table

HEALTH_SERVICE = "grpc.health.v1.Health"
REFLECTION_PACKAGES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")

HEALTH = Table(
    file="grpc/health/v1/health.proto",
    package="grpc.health.v1",
    about="The health of the server and of each model.",
    enums={
        "HealthCheckResponse.ServingStatus": {
            "UNKNOWN": 0,
            "SERVING": 1,
            "NOT_SERVING": 2,
            "SERVICE_UNKNOWN": 3,
        }
    },
    messages={
        "HealthCheckRequest": ("1 service string",),
        "HealthCheckResponse": ("1 status HealthCheckResponse.ServingStatus",),
        "HealthListRequest": (),
        "HealthListResponse": ("1 statuses {string: HealthCheckResponse}",),
    },
    services={
        "Health": {
            "Check": Method("HealthCheckRequest", "HealthCheckResponse"),
            "List": Method("HealthListRequest", "HealthListResponse"),
            "Watch": Method("HealthCheckRequest", "HealthCheckResponse", "server"),
        }
    },
)


def reflection(package: str) -> Table:
    """Return the table of one of `REFLECTION_PACKAGES`."""
    answers = "message_response"
    return Table(
        file=f"{package.replace('.', '/')}/reflection.proto",
        package=package,
        about="Tells clients which services there are and of what messages.",
        messages={
            "ServerReflectionRequest": (
                "1 host string",
                "3 file_by_filename string | message_request",
                "4 file_containing_symbol string | message_request",
                "5 file_containing_extension ExtensionRequest | message_request",
                "6 all_extension_numbers_of_type string | message_request",
                "7 list_services string | message_request",
            ),
            "ExtensionRequest": (
                "1 containing_type string",
                "2 extension_number int32",
            ),
            "ServerReflectionResponse": (
                "1 valid_host string",
                "2 original_request ServerReflectionRequest",
                f"4 file_descriptor_response FileDescriptorResponse | {answers}",
                f"5 all_extension_numbers_response ExtensionNumberResponse | {answers}",
                f"6 list_services_response ListServiceResponse | {answers}",
                f"7 error_response ErrorResponse | {answers}",
            ),
            "FileDescriptorResponse": ("1 file_descriptor_proto [bytes]",),
            "ExtensionNumberResponse": (
                "1 base_type_name string",
                "2 extension_number [int32]",
            ),
            "ListServiceResponse": ("1 service [ServiceResponse]",),
            "ServiceResponse": ("1 name string",),
            "ErrorResponse": ("1 error_code int32", "2 error_message string"),
        },
        services={
            "ServerReflection": {
                "ServerReflectionInfo": Method(
                    "ServerReflectionRequest", "ServerReflectionResponse", "both"
                )
            }
        },
    )
