from __future__ import annotations

import pytest

from inferry.planning._images import fill_image, retagged, tagged_image

GPU = {"nvidia.com/gpu": "1"}


@pytest.mark.parametrize(
    ("image", "version", "server", "limits", "expected"),
    [
        ("kserve/sk:1", None, "sklearnserver", {}, "kserve/sk:1"),
        ("kserve/sk:1", "2", "sklearnserver", {}, "kserve/sk:2"),
        ("kserve/sk", "2", "", {}, "kserve/sk:2"),
        ("host:5000/sk", "2", "", {}, "host:5000/sk:2"),
        ("host:5000/sk", None, "torchserve", GPU, "host:5000/sk:latest-gpu"),
        ("sk@sha256:ab", "2", "torchserve", GPU, "sk@sha256:ab"),
        ("hf:1", None, "huggingfaceserver", GPU, "hf:1-gpu"),
        (
            "tf:2",
            None,
            "tensorflow-serving",
            {"nvidia.com/mig-1g.5gb": 1},
            "tf:2-gpu",
        ),
        ("tf:2", None, "tensorflow-serving", {}, "tf:2"),
        ("sk:1", None, "sklearnserver", GPU, "sk:1"),
        ("vllm/vllm:1", None, "vllmserver", {}, "vllm/vllm-cpu:1"),
        ("vllm/vllm:1", None, "vllmserver", GPU, "vllm/vllm:1"),
    ],
)
def test_tags_follow_kserve(
    image: str, version: str | None, server: str, limits: dict[str, str], expected: str
) -> None:
    tagged = tagged_image(
        image, runtime_version=version, server_type=server, limits=limits
    )
    assert tagged == expected


def test_a_template_takes_registry_and_version() -> None:
    image = fill_image("{registry}/a:{version}", registry="r.example/x/", version="1+g")
    assert image == "r.example/x/a:1-g"


def test_without_a_registry_the_name_stands_alone() -> None:
    assert fill_image("{registry}/a:{version}", registry="", version="1") == "a:1"


def test_a_pod_has_the_images_of_an_earlier_version() -> None:
    """Only those of the plugin's version: another image has a version of its own."""
    pod = {"containers": [{"image": "a/b:0.2.dev0-g1"}, {"image": "c:1"}, {}]}
    assert retagged(pod, "0.2.dev0+g1", "0.1.0") == {
        "containers": [{"image": "a/b:0.1.0"}, {"image": "c:1"}, {}]
    }
    assert pod["containers"][0] == {"image": "a/b:0.2.dev0-g1"}
