from __future__ import annotations

import logging

import httpx
import pytest

from inferry_storage.network import quiet


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    quiet.hush()
    caplog.set_level(logging.DEBUG)
    return caplog


def test_urls_are_logged_without_what_signs_them(
    logs: pytest.LogCaptureFixture,
) -> None:
    handler = httpx.MockTransport(
        lambda _: httpx.Response(200, extensions={"reason_phrase": b"hunter2 was sent"})
    )
    with httpx.Client(transport=handler) as client:
        client.get("https://me:hunter2@host/m?sig=hunter2")
    record = next(each for each in logs.records if each.name == "httpx")
    expected = 'HTTP Request: GET https://host/m "HTTP/1.1 200"'
    assert record.getMessage() == expected
    assert "hunter2" not in logs.text


@pytest.mark.parametrize("name", ["connection", "http11", "http2"])
def test_headers_of_answers_are_not_logged(
    logs: pytest.LogCaptureFixture, name: str
) -> None:
    text = "receive_response_headers.complete return_value=(b'x', [b'hunter2'])"
    logging.getLogger(f"httpcore.{name}").debug(text)
    assert logs.messages == ["receive_response_headers.complete"]


def test_other_messages_pass(logs: pytest.LogCaptureFixture) -> None:
    logging.getLogger("httpx").info("a message of %s", "its own")
    assert logs.messages == ["a message of its own"]
