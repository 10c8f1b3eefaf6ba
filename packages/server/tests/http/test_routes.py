"""Which path is what."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry_server.http import cloudevents
from inferry_server.http.compression import chosen
from inferry_server.http.routes import Route, match

PATHS = [
    ("/", Route("alive")),
    ("//", Route("alive")),
    ("/v2/", Route("server")),
    ("/v2/models/m", Route("model_v2", "m")),
    ("/v2/models/m/versions/3", Route("model_v2", "m", "3")),
    ("/v2/models/m/versions/3/infer/", Route("infer", "m", "3")),
    ("/v2/models/versions", Route("model_v2", "versions")),
    ("/v2/models/stats", Route("model_statistics")),
    ("/v2/models/stats/stats", Route("model_statistics", "stats")),
    ("/v2/models/m/trace/setting", Route("trace", "m")),
    ("/v1/models/a:b:predict", Route("predict_v1", "a:b")),
    ("/v2/repository/models/m/load", Route("load", "m")),
    (
        "/v2/systemsharedmemory/region/status/status",
        Route("memory_status", region="status", memory="system"),
    ),
    ("/v1/completions", Route("openai", operation="completions")),
    ("/openai/v1/rerank/", Route("openai", operation="rerank")),
    ("/v2/rerank", Route("openai", operation="rerank")),
    ("/rerank/", Route("openai", operation="rerank")),
    ("/openai/v1/models/", Route("openai_models")),
    ("/openai/v1/models/m", Route("openai_model", "m")),
    ("/v2/cudasharedmemory/unregister", Route("memory_unregister", memory="cuda")),
]
NOTHING = [
    "",
    "v2",
    "/v3",
    "/V2",
    "/v2/model",
    "/v2/models//infer",
    "/v2/models/m/versions",
    "/v2/models/m/versions//infer",
    "/v2/models/m/versions/1/2/infer",
    "/v2/models/m/versions/1/trace/setting",
    "/v2/models/m/nothing",
    "/v1/models/m:nothing",
    "/v1/models/:predict",
    "/v1/models/a/b:predict",
    "/v2/repository/models//load",
    "/v2/repository/models/m/reload",
    "/v2/repository/models/m",
    "/v2/systemsharedmemory",
    "/v2/systemsharedmemory/register",
    "/v2/systemsharedmemory/region//status",
    "/v2/othersharedmemory/status",
    "/openai",
    "/openai/v2/completions",
    "/openai/v1/models/a/b",
    "/v1/chat",
]


@pytest.mark.parametrize(("path", "route"), PATHS)
def test_a_path_is_taken_apart(path: str, route: Route) -> None:
    assert match(path) == route


@pytest.mark.parametrize("path", NOTHING)
def test_any_other_path_is_nothing(path: str) -> None:
    assert match(path) is None


@settings(deadline=None)  # the machine may be busy
@given(st.text() | st.lists(st.sampled_from(["", "v2", "models", "m", ":"])))
def test_no_path_is_an_accident(path: str | list[str]) -> None:
    match(path if isinstance(path, str) else "/".join(path))


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_no_accept_encoding_is_an_accident(accept: str) -> None:
    assert chosen(accept) in ("", "deflate", "gzip")


@settings(deadline=None)  # the machine may be busy
@given(
    st.dictionaries(
        st.sampled_from(
            ["ce-specversion", "ce-id", "ce-type", "ce-source", "content-type"]
        ),
        st.text() | st.just("application/cloudevents+json"),
    ),
    st.binary() | st.just(b'{"specversion":"1.0","id":"1","source":"s","type":"t"}'),
)
def test_no_event_is_an_accident(headers: dict[str, str], body: bytes) -> None:
    with suppress(InvalidInput):
        cloudevents.read(headers, memoryview(body))
