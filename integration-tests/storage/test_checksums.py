"""What a real S3 server promises by its ETags is held against every byte."""

from __future__ import annotations

import contextlib
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from storage import pulling
from storage.faults import Ask, Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storage.conftest import Pod
    from storage.servers import Store

UNVERIFIED, CORRUPT = 5, 6
_SIZES = {"config.json": 700, "small.bin": 16 * 1024, "weights.bin": 20 * 2**20}
TREE = {name: random.Random(name).randbytes(size) for name, size in _SIZES.items()}
_KMS = {"x-amz-server-side-encryption": "aws:kms"}


@pytest.fixture
def proxy(seaweedfs: Store) -> Iterator[FaultProxy]:
    """Return a proxy before SeaweedFS that does nothing yet."""
    port = urlsplit(seaweedfs.url).port or 0
    with FaultProxy(("127.0.0.1", port)) as running:
        yield running


@pytest.fixture
def bucket(seaweedfs: Store) -> str:
    return seaweedfs.filled(TREE, "m/")


def flipped(name: str, times: int = 1000) -> Callable[[Ask], Fault | None]:
    """Return a rule: a byte of the object *name* is another one, so many times."""
    left = [times]

    def rule(ask: Ask) -> Fault | None:
        if not ask.body_of.endswith(name) or not left[0]:
            return None
        left[0] -= 1
        return Fault(flip=_SIZES[name] // 2)

    return rule


def encrypted(ask: Ask) -> Fault | None:
    """Answer as a store whose ETags look like an MD5 and are none, for keys."""
    if ask.body_of:
        return Fault(flip=100)
    return Fault(headers=_KMS) if ask.method == "HEAD" else None


def done(out: str) -> dict[str, Any]:
    """Return the last event that a pull has told."""
    found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("server", ["seaweedfs", "rclone_s3", "moto"])
def test_what_servers_say_by_an_etag_is_an_md5(
    server: str, pod: Pod, request: pytest.FixtureRequest
) -> None:
    """None of them is taken for one that is damaged."""
    store: Store = request.getfixturevalue(server)
    uri = f"s3://{store.filled(TREE, 'm/')}/m"
    found = pulling.pull(uri, pod.model, pulling.surroundings(pod.home, store.url))
    assert found.returncode == 0, found.stderr
    assert {each: (pod.model / each).read_bytes() for each in TREE} == TREE
    assert done(found.stdout)["rung"] == "checksum"


@pytest.mark.parametrize("name", list(TREE))
def test_a_flipped_byte_is_never_served(
    proxy: FaultProxy, pod: Pod, bucket: str, name: str
) -> None:
    """Nothing has to be required for it."""
    proxy.rule = flipped(name)
    found = pod.pull(proxy, f"{bucket}/m")
    assert found.returncode == CORRUPT, found.stderr
    (line,) = found.stderr.strip().splitlines()[-1:]
    assert f"{name} arrived with another md5 than its store promised" in line
    assert "Traceback" not in found.stderr
    assert pod.left == set()


@pytest.mark.parametrize("name", list(TREE))
def test_a_byte_that_was_flipped_once_is_fetched_anew(
    proxy: FaultProxy, pod: Pod, bucket: str, name: str
) -> None:
    """The damage was on the way, and costs one file again."""
    proxy.rule = flipped(name, times=1)
    found = pod.pull(proxy, f"{bucket}/m", INFERRY_STORAGE__WORKERS="1")
    assert found.returncode == 0, found.stderr
    assert {each: (pod.model / each).read_bytes() for each in TREE} == TREE
    assert done(found.stdout)["rung"] == "checksum"


def test_objects_that_a_key_encrypts_are_served_by_their_etags(
    proxy: FaultProxy, pod: Pod, bucket: str
) -> None:
    """One question is enough for all of them, and none is fetched twice."""
    proxy.rule = encrypted
    found = pod.pull(proxy, f"{bucket}/m", INFERRY_STORAGE__WORKERS="1")
    assert found.returncode == 0, found.stderr
    assert done(found.stdout)["rung"] == "etag"
    assert proxy.sent == sum(_SIZES.values())
    asked = [seen.ask.target for seen in proxy.seen if seen.ask.method == "HEAD"]
    assert len([each for each in asked if "X-Amz-Signature" in each]) == 1


def test_a_checksum_that_a_store_takes_back_is_none_where_one_is_required(
    proxy: FaultProxy, pod: Pod, bucket: str
) -> None:
    """It is refused, and not for damage."""
    proxy.rule = encrypted
    found = pod.pull(proxy, f"{bucket}/m", INFERRY_STORAGE__REQUIRE="checksum")
    assert found.returncode == UNVERIFIED, found.stderr
    assert "can be checked by etag only" in found.stderr
    with contextlib.suppress(FileNotFoundError):
        assert not list(pod.model.iterdir())
