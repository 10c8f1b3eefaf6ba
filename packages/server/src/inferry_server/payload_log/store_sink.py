"""A folder, here or in an object store, which gets a file per batch of messages."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from inferry_server.payload_log.formats import CONTENT_TYPES, encode
from inferry_server.payload_log.outbox import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.payload_log.messages import Message, Origin
    from inferry_server.states import PayloadLog

_UNSAFE = re.compile(r"[^\w.=@+-]", re.ASCII)
_TIMEOUT = timedelta(seconds=20)
#: Keys of ``parameters`` that are ours; the rest configures the store.
_OURS = frozenset({"format", "type"})


def key_of(message: Message, origin: Origin, form: str, suffix: str = "") -> str:
    """Return the key of the batch that ends with *message*, as KServe names it."""
    parts = (
        origin.namespace,
        origin.service,
        origin.component,
        f"{message.id}-{message.kind}{suffix}.{form}",
    )
    return "/".join(_safe(part) for part in parts if part)


def _safe(part: str) -> str:
    """Return *part* as the name of one file or folder, whoever chose it."""
    return _UNSAFE.sub("_", part).lstrip(".") or "_"


class FolderSink:
    """Writes files below the folder of *log*."""

    def __init__(self, log: PayloadLog, origin: Origin) -> None:
        self._root = Path(unquote(urlsplit(log.url).path))
        self._form = log.format
        self._origin = origin

    def send(self, messages: Sequence[Message]) -> None:
        """Write *messages* into one file, which appears when it is complete."""
        content = encode(self._form, messages, self._origin)
        last = messages[-1]
        path = self._root / key_of(last, self._origin, self._form)
        if path.exists():
            path = self._root / key_of(last, self._origin, self._form, _another())
        partial = path.with_name(f".{path.name}.{_another()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise SinkError(f"cannot write {path}: {error.strerror}") from error

    def close(self) -> None:
        """Do nothing: no file stays open."""


class StoreSink:
    """Puts objects into the object store of *log*."""

    def __init__(self, log: PayloadLog, origin: Origin, store: Any = None) -> None:  # noqa: ANN401 - one of obstore's
        self._store = open_store(log) if store is None else store
        self._form = log.format
        self._origin = origin

    def send(self, messages: Sequence[Message]) -> None:
        """Put *messages* as one object."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        content = encode(self._form, messages, self._origin)
        last = messages[-1]
        try:
            try:
                self._put(key_of(last, self._origin, self._form), content)
            except AlreadyExistsError:
                # Clients may use an id twice, and must not overwrite what is there.
                self._put(key_of(last, self._origin, self._form, _another()), content)
        except BaseError as error:
            text = f"{self._origin.url}: {type(error).__name__}"
            raise SinkError(text) from error

    def _put(self, key: str, content: bytes) -> None:
        from obstore import put

        put(
            self._store,
            key,
            content,
            mode="create",
            attributes={"Content-Type": CONTENT_TYPES[self._form]},
        )

    def close(self) -> None:
        """Do nothing: the store keeps its own connections."""


def _another() -> str:
    return f"-{secrets.token_hex(4)}"


def open_store(log: PayloadLog) -> Any:  # noqa: ANN401 - one of obstore's
    """Return the store of *log*; nothing is asked of it yet.

    Raises:
        obstore.exceptions.BaseError: The URL or a parameter is none of a store's.

    """
    from obstore.store import from_url

    config = {k: v for k, v in log.parameters.items() if k not in _OURS}
    how: dict[str, Any] = {
        "config": config or None,
        "client_options": {
            "timeout": _TIMEOUT,
            "allow_http": any(text.startswith("http://") for text in config.values()),
        },
        "retry_config": {"max_retries": 2, "retry_timeout": _TIMEOUT},
    }
    return from_url(log.url, **how)
