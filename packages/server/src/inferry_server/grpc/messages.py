"""The message classes, made once from the tables in a descriptor pool of their own.

Triton's client and KServe register the same names in the pool that all of a process
share; a second registration there is an error, so these stay out of it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from inferry_server.grpc.contract.inference import INFERENCE
from inferry_server.grpc.contract.model_config import MODEL_CONFIG
from inferry_server.grpc.contract.standard import (
    HEALTH,
    REFLECTION_PACKAGES,
    reflection,
)
from inferry_server.grpc.contract.tables import Table, descriptor


@cache
def tables() -> tuple[Table, ...]:
    """Return all tables, each after those that it imports."""
    standard = (HEALTH, *map(reflection, REFLECTION_PACKAGES))
    return (MODEL_CONFIG, INFERENCE, *standard)


@cache
def pool() -> DescriptorPool:
    """Return the pool that knows all tables."""
    made = DescriptorPool()
    known = {table.file: table for table in tables()}
    for table in tables():
        made.AddSerializedFile(descriptor(table, known).SerializeToString())
    return made


@cache
def message(name: str, package: str = "inference") -> Any:  # noqa: ANN401 - made here
    """Return the class of the message *name*, nested ones with dots."""
    return GetMessageClass(pool().FindMessageTypeByName(f"{package}.{name}"))
