"""`surroundings_of`: what the documents of a file say of their cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import ClusterStorageContainer, Secret, ServiceAccount
from inferry_controller.rendering.surroundings import (
    AccountFacts,
    SecretFacts,
    StorageContainer,
    Surroundings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.api import Document


def surroundings_of(documents: Sequence[Document], namespace: str) -> Surroundings:
    """Return the facts that *documents* hold for a service of *namespace*.

    No value of a Secret is among them.
    """
    of_namespace = [each for each in documents if each.metadata.namespace == namespace]
    return Surroundings(
        secrets={
            each.metadata.name: SecretFacts(
                name=each.metadata.name,
                keys=tuple(each.value_names()),
                annotations=each.metadata.annotations,
            )
            for each in of_namespace
            if isinstance(each, Secret)
        },
        accounts={
            each.metadata.name: AccountFacts(
                name=each.metadata.name,
                secrets=tuple(str(one.get("name", "")) for one in each.secrets),
                annotations=each.metadata.annotations,
            )
            for each in of_namespace
            if isinstance(each, ServiceAccount)
        },
        storage_containers=tuple(
            _storage_container(each)
            for each in documents
            if isinstance(each, ClusterStorageContainer)
        ),
    )


def _storage_container(document: ClusterStorageContainer) -> StorageContainer:
    spec = document.spec
    formats = spec.supported_uri_formats
    return StorageContainer(
        name=document.metadata.name,
        container=spec.download_container,
        prefixes=tuple(each.prefix for each in formats if each.prefix),
        patterns=tuple(each.regex for each in formats if each.regex),
        many=spec.supports_multi_model_download,
        disabled=document.disabled or spec.workload_type != "initContainer",
    )
