"""One input of the fuzzer, and what must hold of it.

Its first byte says what the rest is: a URI, a list of names, an archive, the layers of
an image, a file to look for code in, a pickle, a manifest of a registry, a pack of git
or the settings. It is read or refused with a typed error, in little time and memory,
and nothing is written outside of its folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import tempfile
from pathlib import Path
from typing import Any

from inferry.errors import StorageError
from inferry.storage import Source, UnsafePath, shown_uri
from inferry_storage.backends.git import address as git
from inferry_storage.backends.git.pack import Pack
from inferry_storage.backends.git.tree import listing
from inferry_storage.backends.hdfs import address as hdfs
from inferry_storage.backends.hf import address as hf
from inferry_storage.backends.objects.address import Parts, spellings
from inferry_storage.backends.oci.contents import contents as layout
from inferry_storage.backends.oci.manifests import decode
from inferry_storage.backends.oci.reference import Reference
from inferry_storage.checking import contents, names, pickles
from inferry_storage.checking.archives import unpack
from inferry_storage.policy import Policy

_LIMIT = 1 << 20
_SUFFIXES = (".tar", ".tar.gz", ".zip", ".tgz")
_NAMES = ("a.onnx", "config.json", "a.pkl", "a.bin", "a.npy", "a.keras", "a.h5", "a.pb")
_LOGIN = "me:s3cret-canary"


def try_input(data: bytes) -> None:
    """Give *data* to what its first byte names."""
    kind, rest = data[:1], data[1:]
    if kind:
        _KINDS[kind[0] % len(_KINDS)](rest)


def _uri(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    scheme, _, rest = text.partition("://")
    uri = f"{scheme[:8]}://{_LOGIN}@{rest}"
    said = [shown_uri(uri), repr(Source(uri=uri))]
    for parse in (hf.parse, git.parse, Reference.of, _hdfs, _object):
        try:
            parse(text if "://" in text else f"s3://{text}")
        except StorageError as error:
            said.append(str(error))
    assert not any("\n" in each for each in said)


def _hdfs(uri: str) -> None:
    hdfs.parse(uri, {"HDFS_NAMENODE": "http://namenode:9870"})


def _object(uri: str) -> None:
    parts = Parts.of(uri)
    for key in spellings(uri, parts.path):
        assert ".." not in key.split("/")


def _listed(data: bytes) -> None:
    paths = [each.decode("utf-8", "surrogateescape") for each in data.split(b"\0")]
    with contextlib.suppress(UnsafePath):
        names.check(paths)
        root = Path("/root-of-model")
        written = {str(root / path) for path in paths}
        assert len(written) == len(paths)
        assert all(Path(each).is_relative_to(root) for each in written)
        assert not any(".." in path.split("/") for path in paths)


def _archive(data: bytes) -> None:
    suffix = _SUFFIXES[data[0] % len(_SUFFIXES)] if data else ".tar"
    _unpacked({f"model{suffix}": data[1:]}, layers=False)


def _layers(data: bytes) -> None:
    layers = data.split(b"--layer--")[:4]
    _unpacked({f"{n}": each for n, each in enumerate(layers)}, layers=True)


def _unpacked(files: dict[str, bytes], *, layers: bool) -> None:
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "tree"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        policy = Policy(cache_dir=folder, unpack=True, max_bytes=_LIMIT, max_files=50)
        paths = [folder / name for name in files] if layers else None
        found = None
        with contextlib.suppress(*StorageError.__subclasses__()):
            found = unpack(folder, policy, layers=paths, uri="s3://b/m")
        if found is None:
            assert {each.name for each in folder.iterdir()} == set(files)
        else:
            inside = list(found.rglob("*"))
            assert not any(path.is_symlink() for path in inside)
            sizes = [path.stat().st_size for path in inside if path.is_file()]
            assert sum(sizes) <= _LIMIT
        assert [each.name for each in Path(above).iterdir()] == ["tree"]


def _content(data: bytes) -> None:
    name = _NAMES[data[0] % len(_NAMES)] if data else "a.bin"
    with tempfile.TemporaryFile() as file:
        file.write(data[1:])
        contents.code_in(file, name)


class _Calls(pickle._Unpickler):  # type: ignore[name-defined,misc] # Python's own, in Python
    """Loads with names that only say that they were called."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.called: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        if not all(part.isidentifier() for part in f"{module}.{name}".split(".")):
            raise ImportError(name)

        def called(*_: Any, **__: Any) -> None:
            self.called.append(f"{module}.{name}")

        return called


def _pickle(data: bytes) -> None:
    """Whatever Python's machine would call of the system, ours says."""
    found = pickles.names_in(io.BufferedReader(io.BytesIO(data)), certain=False)
    if b"\x92" in data or len(data) > 200:  # large ones take time
        return
    if pickle.BYTEARRAY8 in data:  # Python takes the memory before it reads the bytes
        return
    python = _Calls(data)
    with contextlib.suppress(Exception):
        python.load()
    if any(name in {"os.system", "posix.system"} for name in python.called):
        assert found


def _manifest(data: bytes) -> None:
    with contextlib.suppress(StorageError):
        manifest = decode("oci://r/m:1", data, "", "")
        layout("oci://r/m:1", manifest)


def _pack(data: bytes) -> None:
    body = b"PACK\0\0\0\2" + (data[0] % 8 if data else 0).to_bytes(4, "big") + data[1:]
    whole = body + hashlib.sha1(body).digest()
    with tempfile.TemporaryFile() as file:
        file.write(whole)
        file.flush()
        try:
            pack = Pack(file, limit=_LIMIT, most=8)
        except StorageError:
            return
        with contextlib.closing(pack), contextlib.suppress(StorageError):
            for name in list(pack._names):
                pack.load(name)
                listing(pack, name.hex(), "", 100)


def _settings(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    given = {
        "cache_dir": "/nowhere",
        "allow_networks": text.split(","),
        "endpoints": text.split(),
        "require": text[:9],
        "trust": text.split(),
    }
    for key in ("allow_networks", "endpoints", "require", "trust"):
        with contextlib.suppress(StorageError):
            Policy.of({"cache_dir": given["cache_dir"], key: given[key]})


_KINDS = (
    *(_uri, _listed, _archive, _layers, _content, _pickle, _manifest, _pack),
    _settings,
)
