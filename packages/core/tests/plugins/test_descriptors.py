"""A descriptor that could not work is refused where its author makes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from inferry.plugins import (
    AutoscalingPolicy,
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Runtime,
    SettingsSpec,
    StorageBackend,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REF = ImportRef("acme.model:Model")
FORMATS = (ModelFormat(name="x"),)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ImportRef("acme.model"), "must read 'package.module:attribute'"),
        (lambda: ModelFormat(name=""), "needs a name"),
        (lambda: ModelFormat(name="x", priority=0), "must be >= 1"),
        (lambda: ContainerTemplate(image=""), "needs an image"),
        (lambda: Option(name="allow_pickle"), "must be camelCase"),
        (lambda: Option(name="a", type="int", default="4"), "'4' is no int"),
        (lambda: Option(name="a", type="int", default=True), "True is no int"),
        (lambda: Option(name="a", type="bool", default=1), "1 is no bool"),
        (lambda: Runtime(name="X", formats=FORMATS, model=REF), "must be a DNS label"),
        (lambda: Runtime(name="x", formats=FORMATS), "a container, a model, or both"),
        (lambda: Runtime(name="x", formats=(), model=REF), "at least one model format"),
        (lambda: storage(name="a b"), "must be a DNS label"),
        (lambda: storage(schemes=()), "needs a scheme or a uri pattern"),
        (lambda: storage(schemes=("S3",)), "'S3' is not a URI scheme"),
        (lambda: storage(uri_patterns=("(",)), "'(' is not a regular expression"),
        (lambda: AutoscalingPolicy(name="-", policy=REF), "must be a DNS label"),
        (lambda: SettingsSpec(section="a", key="A"), "must be lower_snake_case"),
    ],
)
def test_a_faulty_descriptor_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        make()


def test_an_unknown_protocol_is_refused() -> None:
    protocols: Any = ("v2", "v9")
    with pytest.raises(ValueError, match=r"unknown protocols \['v9'\]"):
        Runtime(name="x", formats=FORMATS, model=REF, protocols=protocols)


def test_an_option_is_declared_once_and_of_a_known_type() -> None:
    options = (Option(name="topK"), Option(name="topk"))
    with pytest.raises(ValueError, match="declared twice: topk"):
        Runtime(name="x", formats=FORMATS, model=REF, options=options)
    kind: Any = "list"
    with pytest.raises(ValueError, match="unknown type 'list'"):
        Option(name="a", type=kind)


def test_a_whole_number_is_a_float() -> None:
    assert Option(name="a", type="float", default=1).default == 1


def storage(**fields: Any) -> StorageBackend:
    given = {"name": "acme", "schemes": ("acme",), "client": REF} | fields
    return StorageBackend(**given)


def test_a_container_of_our_server_is_made_of_a_name() -> None:
    made = ContainerTemplate.serving("onnx")
    assert made.image == "{registry}/inferry-runtime-onnx:{version}"
    assert made.args[0] == "--runtime=onnx"
    assert made.requests == made.limits == {"cpu": "1", "memory": "2Gi"}
    other = ContainerTemplate.serving("mine", image="me/it", resources={"cpu": "2"})
    assert (other.image, other.limits) == ("me/it", {"cpu": "2"})
