"""TrainedModel: a name, and a model that an agent can fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api._problems import Finding
from inferry.api._quantities import amount
from inferry.api._rules import limits, names, storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path
    from inferry.api._trained_models import TrainedModel

#: What KServe's agent for many models fetches.
PREFIXES = ("s3://", "gs://", "https://", "http://")


def named(model: TrainedModel) -> Iterator[Finding]:
    """Name, namespace and labels have Kubernetes' shape."""
    yield from names.check_object_name(model.metadata)
    yield from names.check_namespace(model.metadata)
    yield from names.check_labels(("metadata",), model.metadata)


def source(model: TrainedModel) -> Iterator[Finding]:
    """The model lies where an agent can fetch it, and says how large it is."""
    path: Path = ("spec", "model")
    uri = model.spec.model.storage_uri
    yield from limits.too_long(path, "storageUri", uri)
    yield from limits.too_long(path, "framework", model.spec.model.framework)
    where: Path = (*path, "storageUri")
    if uri.startswith(PREFIXES):
        yield from storage.check_uri(where, uri)
    elif "://" in uri and not uri.startswith("file://"):
        # A path of this machine is for the laptop.
        yield Finding(where, f"must start with one of {', '.join(PREFIXES)}")
    memory = model.spec.model.memory
    if isinstance(memory, float):
        message = f"must be a whole number or a text such as 512Mi, not {memory}"
        yield Finding((*path, "memory"), message)
    size = amount(memory)
    if size is not None and size < 0:
        yield Finding((*path, "memory"), "cannot be negative")


RULES = (named, source)
