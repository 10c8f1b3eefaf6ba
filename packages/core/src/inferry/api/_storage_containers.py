"""ClusterStorageContainer: which container fetches the models of which URIs."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from inferry.api._meta import Api, ObjectMeta


class SupportedUriFormat(Api, frozen=True):
    """One way to know a URI: by its beginning, or by a regular expression."""

    prefix: str | None = None
    regex: str | None = None


class ClusterStorageContainerSpec(Api, frozen=True):
    """``spec`` of a ClusterStorageContainer.

    ``download_container`` is ``container`` in YAML, where nothing of it is inlined.
    """

    download_container: dict[str, Any] = msgspec.field(name="container")
    supported_uri_formats: list[SupportedUriFormat]
    workload_type: Literal["initContainer", "localModelDownloadJob"] = "initContainer"
    supports_multi_model_download: bool = False


class ClusterStorageContainer(Api, frozen=True):
    """``serving.kserve.io/v1alpha1`` ClusterStorageContainer; it has no namespace."""

    metadata: ObjectMeta
    spec: ClusterStorageContainerSpec
    disabled: bool = False
    api_version: str = "serving.kserve.io/v1alpha1"
    kind: str = "ClusterStorageContainer"
