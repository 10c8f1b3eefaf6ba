"""The descriptors of the storage backends, and the settings of fetching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import (
    ContainerTemplate,
    ImportRef,
    SettingsSpec,
    StorageBackend,
    hookimpl,
)
from inferry_storage.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

_BACKENDS = "inferry_storage.backends"
_LADDERS = "inferry_storage.credentials"
#: One image has all of them: it runs ``python -m inferry_storage SRC DEST …``.
_CONTAINER = ContainerTemplate(
    image="{registry}/inferry-storage:{version}",
    requests={"cpu": "100m", "memory": "100Mi"},
    limits={"cpu": "1", "memory": "1Gi"},
)


@hookimpl
def inferry_storage_backends() -> Iterable[StorageBackend]:
    """Yield the backends of this package; what one needs besides is an extra."""
    yield StorageBackend(
        name="file",
        schemes=("file",),
        client=ImportRef(f"{_BACKENDS}.file:FileStorage"),
    )
    yield StorageBackend(
        name="pvc",
        schemes=("pvc",),
        client=ImportRef(f"{_BACKENDS}.pvc:PvcStorage"),
    )
    yield StorageBackend(
        name="https",
        # http is refused by the client, with the setting that allows it.
        schemes=("https", "http"),
        client=ImportRef(f"{_BACKENDS}.https:HttpsStorage"),
        credentials=ImportRef(f"{_LADDERS}.web:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="s3",
        schemes=("s3", "s3a"),
        client=ImportRef(f"{_BACKENDS}.s3:S3Storage", extra="s3"),
        credentials=ImportRef(f"{_LADDERS}.s3:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="gs",
        schemes=("gs",),
        client=ImportRef(f"{_BACKENDS}.gs:GsStorage", extra="gs"),
        credentials=ImportRef(f"{_LADDERS}.gs:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="azure",
        schemes=("az", "azure", "abfs", "abfss", "wasb", "wasbs"),
        uri_patterns=(
            r"https://[a-z0-9]+(\.z\d+)?\.blob\.(core\.windows\.net|storage\.azure\.net)/",
        ),
        client=ImportRef(f"{_BACKENDS}.azure:AzureStorage", extra="azure"),
        credentials=ImportRef(f"{_LADDERS}.azure:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="azfile",
        schemes=("azfile",),
        uri_patterns=(
            r"https://[a-z0-9]+(\.z\d+)?\.file\.(core\.windows\.net|storage\.azure\.net)/",
        ),
        client=ImportRef(f"{_BACKENDS}.azfile:AzureFileStorage"),
        credentials=ImportRef(f"{_LADDERS}.azure:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="hf",
        schemes=("hf",),
        client=ImportRef(f"{_BACKENDS}.hf:HubStorage"),
        credentials=ImportRef(f"{_LADDERS}.hf:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="oci",
        schemes=("oci", "oci+fetch", "oci+native", "oci+modelcar"),
        client=ImportRef(f"{_BACKENDS}.oci:OciStorage", extra="oci"),
        credentials=ImportRef(f"{_LADDERS}.oci:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="hdfs",
        schemes=("hdfs", "webhdfs", "swebhdfs"),
        client=ImportRef(f"{_BACKENDS}.hdfs:HdfsStorage"),
        credentials=ImportRef(f"{_LADDERS}.hdfs:find"),
        container=_CONTAINER,
    )
    yield StorageBackend(
        name="git",
        # git:// and http are refused by the client, each with its reason.
        schemes=("git", "git+https", "git+http"),
        uri_patterns=(r"https://[^?#]+\.git(?:[@/?#]|$)",),
        client=ImportRef(f"{_BACKENDS}.git:GitStorage"),
        credentials=ImportRef(f"{_LADDERS}.git:find"),
        container=_CONTAINER,
    )


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield the settings of section ``[storage]``."""
    yield from SETTINGS
