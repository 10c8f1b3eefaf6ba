"""Signatures of models, as OpenSSF's model signing writes them.

A signature (https://github.com/ossf/model-signing-spec) lists the digest of every file
of a model and is itself a file beside them, ``model.sig``. Signers leave out what git
keeps in a folder, so that is removed from a model that was downloaded: what is served
is exactly what was signed.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

from inferry.storage import Corrupt, NotAllowed, Unreachable, Unverified, shown_uri
from inferry_storage.checking.walking import files_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from model_signing.hashing import Config as Hashing
    from model_signing.verifying import Config

    from inferry_storage.policy import Policy

_NAME = "model.sig"
_LARGEST = 64 << 20
#: What signers leave out without saying so (model_signing.hashing.Config).
_GIT = (".git", ".gitattributes", ".github", ".gitignore")
# The text is the repr of a list: its quotes are escaped if a digest has others.
_MISMATCH = re.compile(r"Hash mismatch for \\?'([^'\\]*)")
_MOST_SHOWN = 3
_ALGORITHMS: Mapping[str, Literal["sha256", "blake2", "blake3"]] = {
    "sha256": "sha256",
    "blake2b": "blake2",
    "blake2": "blake2",
    "blake3": "blake3",
}
_STORE = "store the model that was signed, with its signature"


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature says of a model; true only once it is verified."""

    files: frozenset[str]
    left_out: tuple[str, ...]
    algorithm: Literal["sha256", "blake2", "blake3"]
    shard_size: int


def wanted(policy: Policy) -> bool:
    """Say whether *policy* asks for signatures to be verified."""
    named = policy.signature_key or policy.signature_identity
    return bool(named) or policy.require == "signature"


def verify(
    folder: Path, policy: Policy, *, uri: str = "", remove: bool = False
) -> bool:
    """Verify the signature of the model in *folder* if *policy* asks for it; it blocks.

    Returns whether it was asked for. With ``remove`` the files that no signer signs are
    removed; without it they stay, as in a folder of the user's own.

    Raises:
        Unverified: There is no signature, or nothing to verify it with.
        Corrupt: It is not of these files, or not of the key or the identity asked for.

    """
    if not wanted(policy):
        return False
    shown = shown_uri(uri) or folder.name
    signature = _find(folder, shown)
    config = _config(policy)
    manifest = _manifest(signature, shown)
    unsigned = _compared(folder, signature, manifest, shown)
    left = [] if remove else [folder / path for path in unsigned]
    config.set_hashing_config(_hashing(manifest, [signature, *left]))
    try:
        for path in unsigned if remove else ():
            (folder / path).unlink()
        config.verify(folder, signature)
    except Exception as error:
        if changed := set(_MISMATCH.findall(str(error))):
            _refuse(changed, "holds other bytes than were signed in", shown)
        raise Corrupt(
            f"{shown} is not signed by whom [storage] asks for: {_first_line(error)}",
            remedy=_STORE,
        ) from error
    return True


def _find(folder: Path, shown: str) -> Path:
    """Return the signature: ``model.sig``, or the only file at the top called so."""
    found = sorted(folder.glob("*.sig"))
    named = folder / _NAME
    if named in found or len(found) == 1:
        signature = named if named in found else found[0]
        if signature.is_file() and signature.stat().st_size <= _LARGEST:
            return signature
    raise Unverified(
        f"{shown} has no signature {_NAME}, which [storage] asks for",
        remedy="sign the model with model_signing and store model.sig beside its files",
    )


def _config(policy: Policy) -> Config:
    """Return the library's verifier for the key or the identity in *policy*."""
    try:
        from model_signing.verifying import Config
    except ImportError as error:
        raise Unverified(
            f"signatures cannot be verified: {_first_line(error)}",
            remedy="pip install 'inferry-storage[signing]'",
        ) from error
    config = Config()  # type: ignore[no-untyped-call] # its signature lacks types
    if policy.signature_key:
        return _with_key(config, policy.signature_key)
    if not (policy.signature_identity and policy.signature_issuer):
        raise NotAllowed(
            "[storage] asks for signatures and does not say whose",
            remedy="set signature_key, or signature_identity and signature_issuer",
        )
    try:
        return config.use_sigstore_verifier(
            identity=policy.signature_identity, oidc_issuer=policy.signature_issuer
        )
    except Exception as error:
        # It fetches the keys of Sigstore, and what fails there has many types.
        raise Unreachable(
            f"the keys of Sigstore cannot be had: {_first_line(error)}",
            remedy="try again, or use [storage] signature_key",
        ) from error


def _with_key(config: Config, key: str) -> Config:
    try:
        return config.use_elliptic_key_verifier(public_key=Path(key).expanduser())
    except Exception as error:
        raise NotAllowed(
            f"[storage] signature_key: {key} is no public key of an elliptic curve: "
            f"{_first_line(error)}",
            remedy="name a PEM file",
        ) from error


def _manifest(signature: Path, shown: str) -> _Manifest:
    """Read what the signature says, to know which files it is of."""
    try:
        bundle = json.loads(signature.read_bytes())
        payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        hashing = payload["predicate"]["serialization"]
        # Whoever writes JSON by protobuf makes 1000.0 of 1000.
        shard_size = int(hashing.get("shard_size") or 0)
        parts = 2 if shard_size else 0
        names = [each["name"] for each in payload["predicate"]["resources"]]
        return _Manifest(
            # A part of a file is called path:start:end.
            files=frozenset(name.rsplit(":", parts)[0] for name in names),
            left_out=tuple(map(str, hashing.get("ignore_paths", ()))),
            algorithm=_ALGORITHMS[hashing["hash_type"]],
            shard_size=shard_size,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Corrupt(
            f"{shown}: the signature {signature.name} cannot be read",
            remedy="sign the model again with model_signing 1.0 or newer",
        ) from error


def _compared(
    folder: Path, signature: Path, manifest: _Manifest, shown: str
) -> list[str]:
    """Return the files that no signer signs; refuse others that were not signed."""
    there = set(files_in(folder)) - {signature.name}
    _refuse(manifest.files - there, "lacks", shown)
    unsigned = there - manifest.files
    left_out = (*_GIT, *manifest.left_out)
    known = {
        path
        for path in unsigned
        if any(PurePosixPath(path).is_relative_to(each) for each in left_out)
    }
    _refuse(unsigned - known, "holds what nobody signed:", shown)
    return sorted(known)


def _refuse(paths: set[str] | frozenset[str], what: str, shown: str) -> None:
    if not paths:
        return
    names = ", ".join(map(repr, sorted(paths)[:_MOST_SHOWN]))
    more = len(paths) - _MOST_SHOWN
    raise Corrupt(
        f"{shown} {what} {names}" + (f" and {more} more" if more > 0 else ""),
        remedy=_STORE,
    )


def _hashing(manifest: _Manifest, without: list[Path]) -> Hashing:
    from model_signing.hashing import Config

    config = Config()  # type: ignore[no-untyped-call] # its signature lacks types
    if manifest.shard_size:
        config.use_shard_serialization(
            hashing_algorithm=manifest.algorithm, shard_size=manifest.shard_size
        )
    else:
        config.use_file_serialization(hashing_algorithm=manifest.algorithm)
    return config.set_ignored_paths(paths=without, ignore_git_paths=False)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
