"""Every spelling of the hub's addresses, KServe's among them."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri
from inferry_storage.backends.hf.address import Repo, parse


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("hf://owner/model", Repo(name="owner/model")),
        ("hf://owner/model/", Repo(name="owner/model")),
        ("hf://owner/model:v1", Repo(name="owner/model", revision="v1")),
        ("hf://owner/model@v1", Repo(name="owner/model", revision="v1")),
        (
            "hf://owner/model@v1/a/b",
            Repo(name="owner/model", revision="v1", path="a/b"),
        ),
        ("hf://owner/model/a.onnx", Repo(name="owner/model", path="a.onnx")),
        (
            "hf://owner/model@refs/pr/3/a",
            Repo(name="owner/model", revision="refs/pr/3", path="a"),
        ),
        (
            "hf://owner/model@refs%2Fpr%2F3",
            Repo(name="owner/model", revision="refs/pr/3"),
        ),
        ("hf://datasets/owner/d", Repo(name="owner/d", kind="datasets")),
        ("hf://datasets/owner", Repo(name="datasets/owner")),
    ],
)
def test_an_address_names_a_repository(uri: str, expected: Repo) -> None:
    assert parse(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "hf://model",
        "hf://",
        "hf://owner/",
        "hf:///model",
        "hf://owner/model:",
        "hf://owner/model@",
        "hf://owner/model/../x",
        "hf://owner/model//x",
        "hf://owner/model?revision=v1",
        "hf://owner/..",
        "hf://ow ner/model",
    ],
)
def test_what_is_no_address_is_refused_with_the_right_form(uri: str) -> None:
    with pytest.raises(InvalidUri) as caught:
        parse(uri)

    assert "hf://OWNER/MODEL" in caught.value.remedy
