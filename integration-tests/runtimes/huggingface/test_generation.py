"""A language model, served as its example says: right answers, streams and bounds."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import torch
import transformers
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import copy_example, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from running import Running

TEXTS = ["def main():", "import", "class Reader(Protocol):\n    ", "for each in"]
GREEDY = {"temperature": 0, "max_tokens": 16, "ignore_eos": True}
#: KServe's older way to write the same, which asks for V2.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    huggingface:
      storageUri: ./tiny-llama
      args: ["--task=text_generation", "--max_length=64", "--threads=1"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the model that its script makes."""
    return copy_example(
        "huggingface/generation",
        tmp_path_factory.mktemp("example"),
        makes="tiny-llama",
        legacy=LEGACY,
    )


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "tiny-llama", "legacy") as running:
        yield running


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[str]:
    """Return what transformers itself generates for each text, one by one."""
    path = folder / "tiny-llama"
    words = transformers.AutoTokenizer.from_pretrained(path)
    model = transformers.AutoModelForCausalLM.from_pretrained(path)
    found = []
    for text in TEXTS:
        ids = torch.tensor([words.encode(text)])
        with torch.inference_mode():
            written = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=16,
                do_sample=False,
                eos_token_id=None,
            )
        found.append(words.decode(written[0, ids.shape[1] :]))
    return found


def address(running: Running, name: str = "tiny-llama") -> str:
    return f"{running.url}/serving/default/{name}"


def ask(running: Running, kind: str, body: dict[str, Any]) -> httpx.Response:
    url = f"{address(running)}/v2/models/tiny-llama/{kind}"
    return httpx.post(url, json=body, timeout=60)


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("d")]


def test_v1_continues_every_text(running: Running, expected: list[str]) -> None:
    """As the bare library does one by one."""
    answer = httpx.post(
        f"{address(running)}/v1/models/tiny-llama:predict",
        json={"instances": TEXTS, "parameters": GREEDY},
        timeout=60,
    )

    assert answer.json() == {"predictions": expected}


def test_v2_continues_every_text(running: Running, expected: list[str]) -> None:
    """With Triton's client, over HTTP and gRPC, from either spelling of the YAML."""
    data = np.array([text.encode() for text in TEXTS], dtype=object)
    http = tritonclient.http.InferenceServerClient(
        f"127.0.0.1:{running.port}/serving/default/legacy"
    )
    grpc = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{running.port}")
    for client, library, model in (
        (http, tritonclient.http, "legacy"),
        (grpc, tritonclient.grpc, "tiny-llama"),
    ):
        given = library.InferInput("text_input", [len(TEXTS)], "BYTES")
        given.set_data_from_numpy(data)
        answer = client.infer(model, [given], parameters=GREEDY)
        found = [each.decode() for each in answer.as_numpy("text_output").tolist()]
        assert found == expected
        client.close()


def test_many_at_once_get_what_each_would_get_alone(
    running: Running, expected: list[str]
) -> None:
    """Thirty-two requests are generated together."""
    with ThreadPoolExecutor(32) as pool:
        answers = list(
            pool.map(
                lambda place: ask(
                    running, "generate", {"text_input": TEXTS[place % 4], **GREEDY}
                ).json()["text_output"],
                range(32),
            )
        )

    assert answers == expected * 8


def test_a_stream_gives_the_same_text(running: Running, expected: list[str]) -> None:
    """The last event says why it ended, and counts."""
    body = {"text_input": TEXTS[0], **GREEDY}
    found = events(ask(running, "generate_stream", body).text)

    assert "".join(each["text_output"] for each in found) == expected[0]
    assert found[-1]["finish_reason"] == "length"
    assert found[-1]["completion_tokens"] == 16


def test_a_client_that_leaves_ends_the_work(running: Running) -> None:
    """A long stream is left; the server is free at once."""
    body = {"text_input": "x", "max_tokens": 500, "ignore_eos": True}
    url = f"{address(running)}/v2/models/tiny-llama/generate_stream"
    with httpx.stream("POST", url, json=body, timeout=60) as answer:
        next(answer.iter_lines())
    found = ask(running, "generate", {"text_input": "x", "max_tokens": 1})

    assert found.json()["completion_tokens"] == 1


def test_json_follows_its_schema(running: Running) -> None:
    """Whatever random weights would rather say."""
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "on": {"type": "boolean"}},
        "required": ["kind", "on"],
        "additionalProperties": False,
    }
    body = {"text_input": "x", "max_tokens": 400, "json_schema": json.dumps(schema)}
    found = json.loads(ask(running, "generate", body).json()["text_output"])

    assert set(found) == {"kind", "on"}
    assert found["kind"] in ("a", "b")
    assert isinstance(found["on"], bool)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"text_input": "x " * 600}, "this model takes 512"),
        ({"text_input": "x", "max_tokens": -1}, "'max_tokens' is '-1'"),
        ({"text_input": "x", "beams": 4}, "unknown parameter 'beams'"),
        ({"text_input": "x", "json_schema": '{"type": 3}'}, "json_schema cannot"),
        ({"text_input": "x", "regex": "("}, "regex cannot be used"),
        ({"text_input": ["x", "y"]}, "one text can be streamed, not 2"),
    ],
)
def test_what_cannot_be_done_is_said(
    running: Running, body: dict[str, Any], said: str
) -> None:
    """A stream has a status too, as long as nothing was sent."""
    answer = ask(running, "generate_stream", body)

    assert answer.status_code == 400
    assert said in answer.json()["error"]
