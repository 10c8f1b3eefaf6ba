"""Trace and log settings over gRPC."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from asking import asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Serve, SpecOf

OPEN = {"grpc_port": 0, "allow_management": True}


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    logger = logging.getLogger("inferry_server")
    before = logger.level
    yield
    logger.setLevel(before)


def traces(answer: Any) -> dict[str, list[str]]:
    return {name: list(value.value) for name, value in answer.settings.items()}


async def test_trace_settings_of_a_model_are_changed_and_set_back(
    serve: Serve, spec: SpecOf
) -> None:
    change = {
        "trace_level": {"value": ["TIMESTAMPS"]},
        "trace_rate": {"value": ["10"]},
    }
    async with serve(spec("Iris"), **OPEN) as (server, _), asking(server) as ask:
        before = traces(await ask("TraceSetting", model_name="m"))
        changed = await ask("TraceSetting", model_name="m", settings=change)
        assert traces(changed)["trace_level"] == ["TIMESTAMPS"]
        assert traces(changed)["trace_rate"] == ["10"]
        assert traces(await ask("TraceSetting")) == before
        back: dict[str, Any] = {"trace_level": {}, "trace_rate": {}}
        changed = await ask("TraceSetting", model_name="m", settings=back)
        assert traces(changed) == before


async def test_log_settings_are_read_and_changed(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris"), **OPEN) as (server, _), asking(server) as ask:
        settings = (await ask("LogSettings")).settings
        assert settings["log_error"].bool_param
        change = {"log_verbose_level": {"uint32_param": 1}}
        settings = (await ask("LogSettings", settings=change)).settings
        assert settings["log_verbose_level"].uint32_param == 1
        assert settings["log_format"].string_param == "default"
        assert logging.getLogger("inferry_server").level == logging.DEBUG


@pytest.mark.parametrize(
    ("rpc", "fields", "code"),
    [
        ("TraceSetting", {"model_name": "no"}, grpc.StatusCode.NOT_FOUND),
        (
            "TraceSetting",
            {"settings": {"no": {"value": ["1"]}}},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            "TraceSetting",
            {"settings": {"trace_rate": {"value": ["1", "2"]}}},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            "TraceSetting",
            {"settings": {"trace_file": {"value": ["/tmp/a"]}}},
            grpc.StatusCode.UNIMPLEMENTED,
        ),
        ("LogSettings", {"settings": {"no": {}}}, grpc.StatusCode.INVALID_ARGUMENT),
        (
            "LogSettings",
            {"settings": {"log_info": {"string_param": "a"}}},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            "LogSettings",
            {"settings": {"log_info": {}}},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
async def test_wrong_settings_are_refused(
    serve: Serve,
    spec: SpecOf,
    rpc: str,
    fields: dict[str, Any],
    code: grpc.StatusCode,
) -> None:
    async with serve(spec("Iris"), **OPEN) as (server, _), asking(server) as ask:
        assert (await ask.refusal(rpc, **fields)).code() == code


@pytest.mark.parametrize(
    ("rpc", "setting"),
    [
        ("TraceSetting", {"trace_rate": {"value": ["2"]}}),
        ("LogSettings", {"log_info": {"bool_param": True}}),
    ],
)
async def test_a_change_is_refused_where_management_is_closed(
    serve: Serve, spec: SpecOf, rpc: str, setting: dict[str, Any]
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        assert (await ask(rpc)).settings
        error = await ask.refusal(rpc, settings=setting)
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
