"""The gateway's own answers on the wire."""

from __future__ import annotations

from inferry_gateway._answers import Answer, Refusal, json_answer


def test_an_answer_states_its_length_and_the_fate_of_the_connection() -> None:
    answer = json_answer({"a": 1})
    assert answer.encode(method=b"GET", keep_alive=True) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n"
        b'connection: keep-alive\r\n\r\n{"a":1}'
    )
    head = answer.encode(method=b"HEAD", keep_alive=False)
    assert head.endswith(b"content-length: 7\r\nconnection: close\r\n\r\n")


def test_a_refusal_is_json_and_tells_when_to_come_back() -> None:
    answer = Refusal(503, 'busy "now"', retry_after=0.2).answer
    assert (answer.status, answer.body) == (503, b'{"error":"busy \\"now\\""}')
    assert answer.headers == ((b"retry-after", b"1"),)
    assert Refusal(404, "no").answer.headers == ()


def test_an_unknown_status_has_no_phrase() -> None:
    answer = Answer(status=799, body=b"")
    assert answer.encode(method=b"GET", keep_alive=True).startswith(
        b"HTTP/1.1 799 \r\n"
    )
