"""Where credentials stand, in the order in which they are looked for.

The steps of the ladder, by the names that `inferry storage whoami` shows:

=================  =============================================================
uri                the URI carries them: a user, or a shared access signature
storage-key        ``storage.key``: an entry of the secret ``storage-config``
secret             a Secret that an annotation of the service names
service-account    a Secret that the service account lists, and its annotations
environment        environment variables
mounted            files of mounted secrets
ambient            the identity of the pod or the machine
developer          what a developer has logged in with on this machine
anonymous          none, because a setting or a secret asks for that
none               none was found, and the store may be asked without
=================  =============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from inferry.storage import Unauthenticated
from inferry_storage.credentials.files import read_bytes, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inferry.storage import Lookup, Secret, Source

Step = Literal[
    "uri",
    "storage-key",
    "secret",
    "service-account",
    "environment",
    "mounted",
    "ambient",
    "developer",
    "anonymous",
    "none",
]
#: The steps, from the first that is asked on.
STEPS: tuple[Step, ...] = get_args(Step)
#: The secret of ``storage.key``, where the service's annotations name no other.
STORAGE_CONFIG = "storage-config"
#: What is left where nothing was found and the store wants to know who asks.
UNASKED = "metadata server (not asked)"
#: Names `STORAGE_CONFIG`'s entry once it is translated; no Secret can be called so.
ENTRY = "storage.key"
_FALSE = frozenset({"", "0", "false", "no", "off"})


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place with values by name; ``what`` says it in a message."""

    step: Step
    what: str
    values: Mapping[str, str]
    annotations: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(step={self.step!r}, what={self.what!r})"

    def get(self, *names: str) -> str:
        """Return the first of *names* that is set, without white space around it."""
        for name in names:
            if value := (self.values.get(name) or "").strip():
                return value
        return ""

    def taken(self, *names: str) -> dict[str, str]:
        """Return those of *names* that are set here."""
        found = {name: self.get(name) for name in names}
        return {name: value for name, value in found.items() if value}

    def pair(self, first: str, second: str, *others: str) -> tuple[str, str] | None:
        """Return both values, None where neither is set.

        *others* are further names of the first and of the second value, in turns.

        Raises:
            Unauthenticated: Only one of them is set.

        """
        one = self.get(first, *others[0::2])
        two = self.get(second, *others[1::2])
        if bool(one) == bool(two):
            return (one, two) if one else None
        there, absent = (first, second) if one else (second, first)
        raise self.broken(f"has {there} and no {absent}", f"set {absent} beside it")

    def broken(self, trouble: str, remedy: str) -> Unauthenticated:
        """Return the error that says what is wrong here; give it no value."""
        return Unauthenticated(f"{self.what} {trouble}", rung=self.step, remedy=remedy)


class Folder(Mapping[str, str]):
    """A mounted secret: a file for each key, read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, key: str) -> str:
        path = self.path(key)
        if path is None:
            raise KeyError(key)
        return read_bytes(path, step="mounted").decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        # A volume's own files, such as ..data, begin with two dots.
        if self._path.is_dir():
            names = sorted(each.name for each in self._path.iterdir())
            yield from (name for name in names if self.path(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def path(self, key: str) -> Path | None:
        """Return the file of *key*, None where there is none."""
        if "/" in key or key.startswith("..") or "\0" in key:
            return None
        path = self._path / key
        return path if path.is_file() else None


def places(source: Source, lookup: Lookup, *, pod: str = "") -> Iterator[Place]:
    """Yield every place that holds names and values, in the order of the ladder.

    *pod* is the folder below /var/secrets that KServe mounts for this kind.
    """
    for each in lookup.secrets:
        yield of_secret(each, source)
    yield environment(lookup)
    if lookup.pod_folder is not None:
        folder = lookup.pod_folder / pod
        yield Place(step="mounted", what=str(folder), values=Folder(folder))
    yield from (
        Place(step="mounted", what=str(folder), values=Folder(folder))
        for folder in _mounted(source, lookup)
    )


def environment(lookup: Lookup) -> Place:
    """Return the environment as a place."""
    return Place(step="environment", what="the environment", values=lookup.environ)


def of_secret(secret: Secret, source: Source) -> Place:
    """Return *secret* as a place, with the step that it stands on."""
    step: Step = "service-account"
    what = f"secret {secret.name!r}"
    if secret.name == ENTRY:
        step, what = "storage-key", secret.annotations.get(ENTRY, ENTRY)
    elif secret.kind == "ServiceAccount":
        what = f"service account {secret.name!r}"
    elif secret.name in source.secrets:
        step = "secret"
    return Place(
        step=step, what=what, values=secret.data, annotations=secret.annotations
    )


def is_true(value: str) -> bool:
    """Say whether *value* stands for yes, as people write it in secrets."""
    return value.strip().lower() not in _FALSE


def ca_bundle(values: Mapping[str, str], lookup: Lookup) -> dict[str, str]:
    """Return ``CA_BUNDLE``: the file of certificate authorities to trust, if any.

    KServe's ``AWS_CA_BUNDLE`` of *values* wins, then its mounted bundle, then the
    variables that other programs read.

    Raises:
        Unauthenticated: The file that is named is not there.

    """
    from pathlib import Path

    place = environment(lookup)
    name, path = "AWS_CA_BUNDLE", values.get("AWS_CA_BUNDLE", "")
    if not path and place.get("CA_BUNDLE_CONFIGMAP_NAME"):
        name = "CA_BUNDLE_VOLUME_MOUNT_POINT"
        folder = place.get(name) or "/etc/ssl/custom-certs"
        path = f"{folder}/cabundle.crt"
    for each in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if not path:
            name, path = each, place.get(each)
    if not path:
        return {}
    read_text(Path(path), step="environment", name=name)
    return {"CA_BUNDLE": path}


def _mounted(source: Source, lookup: Lookup) -> list[Path]:
    """Return the folders of mounted secrets: those that the source names, or all."""
    folder = lookup.secret_folder
    if folder is None or not folder.is_dir():
        return []
    if source.secrets:
        return [folder / name for name in source.secrets if (folder / name).is_dir()]
    return sorted(
        each
        for each in folder.iterdir()
        if each.is_dir() and not each.name.startswith(".")
    )
