from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.api._rules.storage import _hide

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

FORMAT = {"modelFormat": {"name": "sklearn"}}


def predictor(**model: Any) -> Any:
    return {"predictor": {"model": FORMAT | model}}


@pytest.mark.parametrize(
    ("uri", "words", "suggestion"),
    [
        ("", "is empty", ""),
        ("  ", "is empty", ""),
        ("s3://b/my model", "white space", ""),
        ("s3:/b/m", "lacks slashes", "s3://b/m"),
        ("s3:b/m", "lacks slashes", "s3://b/m"),
        ("file:/models", "lacks slashes", "file:///models"),
        ("s3//b/m", "lacks a colon", "s3://b/m"),
        ("S3://b/m", "not in lower case", "s3://b/m"),
        ("gs://", "names nothing", ""),
        ("s3://${BUCKET}/m", "placeholder", ""),
        ("hf://<owner>/model", "placeholder", ""),
    ],
)
def test_a_broken_uri_is_told(
    service: Callable[..., Loaded], uri: str, words: str, suggestion: str
) -> None:
    (problem,) = service(predictor(storageUri=uri)).problems

    assert problem.path == "spec.predictor.model.storageUri"
    assert words in problem.message
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/a/b",
        "hf://owner/model:main",
        "oci+native://registry/image:1",
        "https://a.blob.core.windows.net/c/m",
        "pvc://claim/path",
        "file:///models",
        "/models/iris",
        "./models",
        "models/iris.onnx",
        "file://models",
        "acme://whatever",
        "https://host:8443/m",
    ],
)
def test_schemes_are_left_to_plugins(service: Callable[..., Loaded], uri: str) -> None:
    assert service(predictor(storageUri=uri)).problems == ()


def test_a_password_in_a_uri_is_a_warning_that_hides_it(
    service: Callable[..., Loaded],
) -> None:
    (problem,) = service(predictor(storageUri="https://me:secret@host/m")).problems

    assert problem.severity == "warning"
    assert "secret" not in problem.message


@pytest.mark.parametrize(
    "uri",
    [
        "HTTPS://me:secret@host/m",
        "https://me:pass@host/m?sig=secret",
        "https://host/a b?sig=secret",
        "https//me:secret@host/m",
        "https:/me:secret@host/m",
        "https//host/m?sig=secret",
        "https:host/m?sig=secret",
        "https://host/${A}?sig=secret",
    ],
)
def test_secrets_are_hidden_whatever_else_is_wrong(
    service: Callable[..., Loaded], uri: str
) -> None:
    (problem,) = service(predictor(storageUri=uri)).problems

    assert "secret" not in str(problem)


def test_storage_uri_and_storage_uris_exclude_each_other(
    service: Callable[..., Loaded],
) -> None:
    spec = predictor(storageUri="s3://b/m")
    spec["predictor"]["storageUris"] = [{"uri": "s3://b/n"}]

    (problem,) = service(spec).problems

    assert problem.path == "spec.predictor.model.storageUri"
    assert "storageUris" in problem.message


def uris(*entries: Any) -> Any:
    spec = predictor()
    spec["predictor"]["storageUris"] = [
        {"uri": uri, "mountPath": mount} for uri, mount in entries
    ]
    return spec


@pytest.mark.parametrize(
    ("entries", "path", "words"),
    [
        ([("", "/mnt/a")], "[0].uri", "is empty"),
        ([("s3://a", "models")], "[0].mountPath", "not absolute"),
        ([("s3://a", "/")], "[0].mountPath", "cannot be '/'"),
        ([("s3://a", "/mnt/../etc")], "[0].mountPath", "'..'"),
        ([("s3://a", "/" + "m" * 255)], "[0].mountPath", "256 characters"),
        (
            [("s3://a", "/mnt/m"), ("s3://b", "/mnt/m/")],
            "[1].mountPath",
            "also that of storageUris[0]",
        ),
        (
            [("pvc://a", "/mnt/m"), ("pvc://b", "/mnt/m")],
            "[1].mountPath",
            "also that of",
        ),
        ([("s3://a", "/mnt/m"), ("s3://b", "/opt/m")], "", "share no folder"),
    ],
)
def test_a_wrong_mount_is_told(
    service: Callable[..., Loaded], entries: Any, path: str, words: str
) -> None:
    (problem,) = service(uris(*entries)).problems

    assert problem.path == f"spec.predictor.storageUris{path}"
    assert words in problem.message


def test_right_mounts_pass(service: Callable[..., Loaded]) -> None:
    spec = uris(("s3://a", "/mnt/m/a"), ("s3://b", "/mnt/m/b"), ("pvc://c", "/data"))

    assert service(spec).problems == ()


def test_a_transformer_container_has_no_storage_uri(
    service: Callable[..., Loaded],
) -> None:
    env = [{"name": "STORAGE_URI", "value": "s3://b/m"}]
    main = {"name": "kserve-container", "image": "i", "env": env}
    beside = {"name": "transformer-container", "image": "i"}

    (problem,) = service(
        {"predictor": {"containers": [main, beside | {"env": env}]}}
    ).problems

    assert problem.path == "spec.predictor.containers[1].env[0]"
    assert service({"predictor": {"containers": [main, beside]}}).problems == ()


def test_the_storage_uri_of_a_container_is_checked(
    service: Callable[..., Loaded],
) -> None:
    env = [{"name": "STORAGE_URI", "value": "s3:/b"}]

    loaded = service({"predictor": {"containers": [{"image": "i", "env": env}]}})

    assert [each.path for each in loaded.problems] == [
        "spec.predictor.containers[0].env[0].value"
    ]


def test_confidential_serving_needs_a_model_and_a_whole_key(
    service: Callable[..., Loaded], told: Callable[[Loaded], list[str]]
) -> None:
    confidential = {"enabled": True, "resourceId": "kbs:///a/b"}

    assert told(service(predictor(confidential=confidential))) == [
        (
            "error spec.predictor.model.confidential: "
            "needs storageUri beside it: the model that is encrypted"
        ),
        (
            "error spec.predictor.model.confidential.resourceId: "
            "is 'kbs:///a/b'; write kbs:///<repository>/<type>/<tag>"
        ),
    ]


def test_confidential_serving_from_a_mount_is_a_warning(
    service: Callable[..., Loaded],
) -> None:
    confidential = {"enabled": True, "resourceId": "kbs:///a/b/c"}
    spec = predictor(confidential=confidential, storageUri="pvc://claim/m")

    assert [each.severity for each in service(spec).problems] == ["warning"]
    spec = predictor(confidential=confidential, storageUri="s3://b/m")
    assert service(spec).problems == ()


def test_storage_path_and_storage_uri_are_two_places(
    service: Callable[..., Loaded],
) -> None:
    (problem,) = service(
        predictor(storageUri="s3://b/m", storage={"path": "p"})
    ).problems
    assert problem.path == "spec.predictor.model.storage.path"
    assert "keep one of the two" in problem.message


def test_a_secret_among_the_parameters_is_refused_without_showing_it(
    service: Callable[..., Loaded],
) -> None:
    parameters = {"type": "s3", "bucket": "b", "secret_access_key": "hunter2"}
    (problem,) = service(predictor(storage={"parameters": parameters})).problems
    assert problem.path.endswith("storage.parameters.secret_access_key")
    assert "storage-config" in problem.message
    assert "hunter2" not in str(problem)


def test_an_unknown_type_of_storage_is_refused(
    service: Callable[..., Loaded],
) -> None:
    storage = {"key": "k", "parameters": {"type": "ftp"}}
    (problem,) = service(predictor(storage=storage)).problems
    assert "none of s3, gs, hdfs, webhdfs" in problem.message


@pytest.mark.parametrize(
    "uri", ["h ttps://me:hunter/2@h/x", "https://me:hun#ter2@h/${NAME}"]
)
def test_a_password_with_bare_delimiters_is_not_repeated(uri: str) -> None:
    hidden = _hide(uri)
    assert "***@h/" in hidden
    assert "hun" not in hidden
