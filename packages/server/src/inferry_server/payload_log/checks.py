"""Whether a payload log can be written at all, told when its model is loaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferry.errors import ModelLoadError
from inferry_server.payload_log.messages import shown

if TYPE_CHECKING:
    from inferry_server.states import PayloadLog

HTTP = ("http", "https")
STORES = ("s3", "s3a", "gs", "abfs", "abfss", "az")
_NEEDS_STORE = 'pip install "inferry-server[payload-log]"'
_NEEDS_PARQUET = 'pip install "inferry-server[parquet]"'


def check(log: PayloadLog) -> None:
    """Refuse a *log* whose sink nobody knows or whose extra is not installed.

    Raises:
        ModelLoadError: With what to do.

    """
    parts = urlsplit(log.url)
    if parts.scheme not in (*HTTP, *STORES, "file"):
        schemes = ", ".join((*HTTP, *STORES, "file"))
        raise _refused(
            f"the payload log's URL has the scheme {parts.scheme!r}, not one of "
            f"{schemes}",
            "correct the URL of the logger",
        )
    if parts.scheme != "file" and not parts.hostname:
        raise _refused("the payload log's URL names no host", "correct its URL")
    if parts.scheme in STORES:
        _check_store(log)
    if parts.scheme not in HTTP and log.format == "parquet" and not _has_parquet():
        raise _refused("a payload log in parquet needs pyarrow", _NEEDS_PARQUET)
    if log.ca_file and not Path(log.ca_file).is_file():
        raise _refused(
            f"the payload log's CA file {log.ca_file} is not there", "correct its path"
        )


def _check_store(log: PayloadLog) -> None:
    if find_spec("obstore") is None:
        raise _refused("a payload log in an object store needs obstore", _NEEDS_STORE)
    from obstore.exceptions import BaseError

    from inferry_server.payload_log.store_sink import open_store

    try:
        open_store(log)
    except BaseError as error:
        # The first line; the rest is for developers of the store.
        why = str(error).partition("\n")[0]
        raise _refused(
            f"the payload log's store {shown(log.url)} cannot be used: {why}",
            "correct the URL and parameters of the logger",
        ) from None


def _has_parquet() -> bool:
    return find_spec("pyarrow") is not None


def _refused(message: str, remedy: str) -> ModelLoadError:
    return ModelLoadError(message, reason="InvalidSpec", remedy=remedy)
