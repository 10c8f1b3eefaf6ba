"""A real model of sentences, served as its example says and asked in every protocol."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import openai
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

TEXTS = [
    "cat",
    "kitten",
    "stocks fell sharply on Monday",
    "A man is playing the guitar on a stage in front of many people.",
]
#: KServe's older way to write the same, which asks for V2.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    huggingface:
      storageUri: ./minilm
      args:
        - --task=text_embedding
        - --max_length=128
        - --tensor_input_names=input_ids,attention_mask
        - --return_token_type_ids
        - --max-log-len
        - "100"
        - --threads=1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the model that its script makes."""
    return copy_example(
        "huggingface", tmp_path_factory.mktemp("example"), makes="minilm", legacy=LEGACY
    )


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "minilm", "legacy") as running:
        yield running


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray[Any, Any]:
    """Return the vectors as the bare library gives them, pooled by hand."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "minilm")
    model = transformers.AutoModel.from_pretrained(folder / "minilm").eval()
    vectors = []
    for text in TEXTS:
        with torch.inference_mode():
            given = tokenizer(text, return_tensors="pt")
            vector = model(**given).last_hidden_state[0].mean(0)
        vectors.append((vector / vector.norm()).numpy())
    return np.stack(vectors)


def test_v1_gives_the_vectors(running: Running, expected: np.ndarray[Any, Any]) -> None:
    for name in ("minilm", "legacy"):
        answer = running.post(f"/v1/models/{name}:predict", {"instances": TEXTS})

        vectors = np.array(answer.json()["predictions"])
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
    near = vectors @ vectors.T
    assert near[0, 1] == pytest.approx(0.788, abs=0.01)
    assert near[0, 2] < 0.3


def test_v2_gives_the_vectors(running: Running, expected: np.ndarray[Any, Any]) -> None:
    given = {"name": "input-0", "datatype": "BYTES", "shape": [4], "data": TEXTS}
    answer = running.post("/v2/models/minilm/infer", {"inputs": [given]}).json()

    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"]) == ("output-0", "FP32")
    assert output["shape"] == [4, 384]
    vectors = np.array(output["data"]).reshape(4, 384)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_binary_v2_and_grpc_give_the_vectors(
    running: Running, expected: np.ndarray[Any, Any], module: Any
) -> None:
    given = module.InferInput("input-0", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(np.array([each.encode() for each in TEXTS], object))
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        vectors = client.infer("minilm", [given]).as_numpy("output-0")

    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_tells_its_signature(running: Running) -> None:
    answer = httpx.get(f"{running.url}/v2/models/minilm").json()

    assert answer["inputs"] == [{"name": "input-0", "datatype": "BYTES", "shape": [-1]}]
    assert answer["outputs"] == [
        {"name": "output-0", "datatype": "FP32", "shape": [-1, 384]}
    ]


def test_openais_client_gets_the_vectors(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    with openai.OpenAI(base_url=f"{running.url}/openai/v1", api_key="none") as client:
        answer = client.embeddings.create(model="minilm", input=TEXTS)
        ids = transformers.AutoTokenizer.from_pretrained(running.folder / "minilm")(
            TEXTS
        )["input_ids"]
        floats = client.embeddings.create(
            model="minilm", input=ids, encoding_format="float"
        )

    for found in (answer, floats):
        vectors = np.array([each.embedding for each in found.data])
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
        assert found.usage.prompt_tokens == sum(map(len, ids))


def test_reranks_by_nearness(running: Running) -> None:
    body = {"model": "minilm", "query": "cat", "documents": TEXTS[1:], "top_n": 2}
    answer = running.post("/openai/v1/rerank", body).json()
    for path in ("/rerank", "/v2/rerank", "/serving/default/minilm/v2/rerank"):
        assert running.post(path, body).json()["results"] == answer["results"]

    first, second = answer["results"]
    assert first["index"] == 0
    assert first["relevance_score"] == pytest.approx(0.788, abs=0.01)
    assert second["relevance_score"] < 0.3


def test_refuses_what_does_not_fit(running: Running) -> None:
    for body, said in (
        ({"instances": [1]}, "input-0"),
        ({"instances": [{"nonsense": "cat"}]}, "nonsense"),
        ({"instances": [{"input_ids": [30522]}]}, "token id 30522"),
    ):
        answer = running.post("/v1/models/minilm:predict", body)
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["error"]


def test_many_at_once_are_answered_together_and_health_does_not_wait(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    def ask(index: int) -> Any:
        text = TEXTS[index % len(TEXTS)]
        body = {"instances": [text, *["a long text " * 20] * (index % 3)]}
        return running.post("/v1/models/minilm:predict", body).json()["predictions"][0]

    looks = 0
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, index) for index in range(24)]
        while not all(each.done() for each in asked):
            ready = httpx.get(f"{running.url}/v2/models/minilm/ready", timeout=10)
            assert ready.status_code == 200
            looks += 1

    for index, each in enumerate(asked):
        vector = expected[index % len(TEXTS)]
        np.testing.assert_allclose(each.result(), vector, atol=1e-5)
    assert looks > 1
