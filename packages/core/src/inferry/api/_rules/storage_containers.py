"""ClusterStorageContainer: a whole container, and URIs that it can be known by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.api._problems import Finding
from inferry.api._rules import containers, limits, names
from inferry.api._rules._parts import Container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path
    from inferry.api._storage_containers import ClusterStorageContainer


def named(document: ClusterStorageContainer) -> Iterator[Finding]:
    """Name and labels have Kubernetes' shape."""
    yield from names.check_object_name(document.metadata)
    yield from names.check_labels(("metadata",), document.metadata)


def container(document: ClusterStorageContainer) -> Iterator[Finding]:
    """The container has a name and an image, and injects no code."""
    path: Path = ("spec", "container")
    fields = document.spec.download_container
    for name in ("name", "image"):
        if not fields.get(name):
            yield Finding((*path, name), "is required")
    each = Container(path, fields)
    yield from containers.check_environment([each])
    yield from containers.check_resources([each])
    yield from limits.container_lists(path, fields)


def formats(document: ClusterStorageContainer) -> Iterator[Finding]:
    """Each format has a prefix or a regular expression that can be read."""
    known = document.spec.supported_uri_formats
    yield from limits.too_many(("spec",), "supportedUriFormats", known)
    if not known:
        message = "is required: a prefix such as s3://, or a regex"
        yield Finding(("spec", "supportedUriFormats"), message)
    for index, each in enumerate(known):
        path: Path = ("spec", "supportedUriFormats", index)
        if not each.prefix and not each.regex:
            yield Finding(path, "has neither a prefix nor a regex; give one")
        yield from limits.too_long(path, "prefix", each.prefix or "")
        yield from limits.too_long(path, "regex", each.regex or "")
        try:
            re.compile(each.regex or "")
        except re.error as error:
            message = f"is no regular expression: {error}"
            yield Finding((*path, "regex"), message, severity="warning")


RULES = (named, container, formats)
