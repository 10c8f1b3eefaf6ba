"""What is downloaded: its bytes, its copy on this machine, its place in the store."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from storage.blobs import Blob
from storage.clients import BUCKET, MANY, ONE, Store
from storage.rounds import PREFIXES
from storage.runs import DownloadError, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KIBI, _MEBI, _GIBI = 2**10, 2**20, 2**30


def trees(*, quick: bool) -> dict[str, dict[str, Blob]]:
    """Return the files of each case: one large one, and many small ones."""
    count = 500 if quick else 2000
    return {
        ONE: {"one.bin": Blob(128 * _MEBI if quick else _GIBI, seed=1)},
        MANY: {
            f"shard-{n // 100:02}/{n:05}.bin": Blob(16 * _KIBI, seed=2 + n)
            for n in range(count)
        },
    }


def copies(wanted: Mapping[str, Mapping[str, Blob]], folder: Path) -> dict[str, Path]:
    """Write the files of each case below *folder*."""
    for case, blobs in wanted.items():
        for name, blob in blobs.items():
            blob.write(folder / PREFIXES[case] / name)
    return {case: folder / PREFIXES[case] for case in wanted}


def fill(store: Store, folders: Mapping[str, Path], s5cmd: Path) -> str:
    """Upload *folders*; return an address of the one object that needs no key."""
    for case, folder in folders.items():
        _s5cmd(store, s5cmd, "cp", f"{folder}/", f"s3://{BUCKET}/{PREFIXES[case]}/")
    return _s5cmd(store, s5cmd, "presign", f"s3://{BUCKET}/{PREFIXES[ONE]}/one.bin")


def _s5cmd(store: Store, s5cmd: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(s5cmd / "bin" / "s5cmd"), *arguments],
        env=clean_environment(store.environment()),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise DownloadError(f"s5cmd {arguments[0]}: {done.stderr[-300:]}")
    return done.stdout.strip()
