"""A model is what was signed, file by file, or it is refused."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from inferry.storage import Corrupt, NotAllowed, Unverified
from inferry_storage.checking import signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inferry.errors import StorageError

model_signing = pytest.importorskip("model_signing")
FILES = ("config.json", "weights/a.bin", "weights/b.bin", "tokenizer.json")


def write_keys(folder: Path, name: str) -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(private)
    public = key.public_key().public_bytes(
        pem, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / f"{name}.pub").write_bytes(public)
    return folder / f"{name}.pub"


def sign(model: Path, key: Path, *, shards: bool = False) -> None:
    hashing = model_signing.hashing.Config()
    if shards:
        hashing.use_shard_serialization(shard_size=1000)
    config = model_signing.signing.Config().use_elliptic_key_signer(private_key=key)
    config.set_hashing_config(hashing).sign(model, model / "model.sig")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_keys(folder, "ours")
    write_keys(folder, "theirs")
    return folder


@pytest.fixture
def model(tmp_path: Path, keys: Path) -> Path:
    root = tmp_path / "model"
    (root / "weights").mkdir(parents=True)
    for name in FILES:
        (root / name).write_bytes(os.urandom(3000))
    sign(root, keys / "ours.key")
    return root


@pytest.fixture
def asked(policy: Any, keys: Path) -> Any:
    return policy(require="signature", signature_key=str(keys / "ours.pub"))


def test_a_signed_model_passes(model: Path, asked: Any) -> None:
    assert signatures.verify(model, asked)


def test_a_model_that_was_signed_in_parts_passes(
    model: Path, asked: Any, keys: Path
) -> None:
    (model / "model.sig").unlink()
    sign(model, keys / "ours.key", shards=True)

    assert signatures.verify(model, asked)


def test_nothing_is_verified_that_was_not_asked_for(model: Path, policy: Any) -> None:
    (model / "model.sig").unlink()

    assert not signatures.verify(model, policy())


def tampered(model: Path) -> Iterator[tuple[str, Callable[[Path], object]]]:
    for name in FILES:
        yield f"{name} changed", lambda root, n=name: (root / n).write_bytes(b"other")
        yield f"{name} removed", lambda root, n=name: (root / n).unlink()
        yield (
            f"{name} renamed",
            lambda root, n=name: (root / n).rename(root / f"{n}.old"),
        )
        yield (
            f"a file added beside {name}",
            lambda root, n=name: (root / f"{n}.py").write_bytes(b""),
        )


def test_whatever_is_changed_is_refused(
    model: Path, asked: Any, tmp_path: Path
) -> None:
    """Four changes of every file: none passes, and each error names a file."""
    tried = 0
    for what, change in tampered(model):
        copy = tmp_path / f"copy-{tried}"
        shutil.copytree(model, copy)
        change(copy)
        with pytest.raises(
            Corrupt, match=r"(config|weights|tokenizer)\S*'; store the model"
        ):
            _ = signatures.verify(copy, asked, uri="s3://b/m"), what
        tried += 1
    assert tried == 4 * len(FILES)


def test_a_signature_of_another_key_is_refused(
    model: Path, keys: Path, policy: Any
) -> None:
    theirs = policy(require="signature", signature_key=str(keys / "theirs.pub"))

    with pytest.raises(Corrupt, match="not signed by whom"):
        signatures.verify(model, theirs)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, Unverified),
        (b"", Corrupt),
        (b"{}", Corrupt),
        (b"[" * 100_000, Corrupt),
        (b'{"dsseEnvelope": {"payload": "e30="}}', Corrupt),
    ],
)
def test_what_is_no_signature_is_refused(
    content: bytes | None, error: type[StorageError], model: Path, asked: Any
) -> None:
    (model / "model.sig").unlink()
    if content is not None:
        (model / "model.sig").write_bytes(content)

    with pytest.raises(error):
        signatures.verify(model, asked)


def test_every_changed_byte_of_the_signature_is_refused(
    model: Path, asked: Any
) -> None:
    signature = (model / "model.sig").read_bytes()
    at = signature.index(b'"payload"') + 40
    for offset in (at, at + 500, signature.index(b'"sig"') + 20):
        changed = bytearray(signature)
        changed[offset] = ord("A") if changed[offset] != ord("A") else ord("B")
        (model / "model.sig").write_bytes(changed)
        with pytest.raises(Corrupt):
            signatures.verify(model, asked)


def test_what_nobody_signs_is_removed_from_a_download(model: Path, asked: Any) -> None:
    (model / ".gitattributes").write_bytes(b"*.bin lfs")
    (model / ".github").mkdir()
    (model / ".github" / "evil.py").write_bytes(b"")

    assert signatures.verify(model, asked, remove=True)

    left = {path.relative_to(model).as_posix() for path in model.rglob("*.*")}
    assert left == {"model.sig", *FILES, ".github"}


def test_a_folder_of_the_users_own_stays_as_it_is(model: Path, asked: Any) -> None:
    (model / ".gitattributes").write_bytes(b"*.bin lfs")

    assert signatures.verify(model, asked)

    assert (model / ".gitattributes").exists()


@pytest.mark.parametrize("key", ["no-such-file.pub", __file__])
def test_a_key_that_is_none_is_told(key: str, model: Path, policy: Any) -> None:
    with pytest.raises(NotAllowed, match=r"\[storage\] signature_key"):
        signatures.verify(model, policy(signature_key=key))


def test_whose_signature_must_be_said(model: Path, policy: Any) -> None:
    with pytest.raises(NotAllowed, match="signature_identity and signature_issuer"):
        signatures.verify(model, policy(require="signature"))


def test_a_missing_extra_is_named(
    model: Path, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing.verifying", None)

    with pytest.raises(Unverified, match=r"pip install 'inferry-storage\[signing\]'"):
        signatures.verify(model, asked)
