"""Each task of an encoder over V1 and V2, beside the bare library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from inferry_server import ModelServer, ModelSpec, ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TARGET = "inferry_runtime_huggingface.model:HuggingfaceModel"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("the", "a", "cat", "dog", "sat", "on", "mat", "paris", "and", "london")
TEXTS = ["the cat sat on the mat", "Paris and London"]
LABELS = {0: "bad", 1: "fair", 2: "good"}
#: Name of the model -> the head of the class, and what its config says.
HEADS: dict[str, tuple[str, dict[str, Any]]] = {
    "mood": ("SequenceClassification", {"id2label": LABELS}),
    "places": ("TokenClassification", {"id2label": {0: "O", 1: "B-X", 2: "I-X"}}),
    "spots": ("TokenClassification", {}),
    "gaps": ("MaskedLM", {}),
    "ranks": ("SequenceClassification", {"num_labels": 1}),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "places": {"outputs": "entities"},
    "spots": {"returnOffsetsMapping": True},
}


def write(folder: Path, head: str, config: dict[str, Any]) -> None:
    """Write a model of random weights with a tokenizer of a few words."""
    vocabulary = {word: i for i, word in enumerate((*SPECIAL, *WORDS))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ("pad", "unk", "cls", "sep", "mask")
    tokens = {
        f"{name}_token": token for name, token in zip(names, SPECIAL, strict=True)
    }
    transformers.BertTokenizer(tokenizer_object=made, **tokens).save_pretrained(folder)
    torch.manual_seed(1)
    settings = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.5,
        **config,
    )
    getattr(transformers, f"BertFor{head}")(settings).save_pretrained(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    transformers.logging.disable_progress_bar()
    made = {}
    for name, (head, config) in HEADS.items():
        made[name] = tmp_path_factory.mktemp(name)
        write(made[name], head, config)
    return made


@pytest.fixture
async def client(folders: dict[str, Path]) -> AsyncIterator[httpx.AsyncClient]:
    server = ModelServer(ServerSettings(http_port=0))
    port = await server.start()
    for name, path in folders.items():
        spec = ModelSpec(
            name=name,
            runtime="huggingface",
            target=TARGET,
            path=path,
            options={"threads": 1, **OPTIONS.get(name, {})},
        )
        state = await server.load(spec)
        assert state.phase == "Ready", state
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    await server.stop()


def bare(folder: Path, head: str, *texts: str) -> torch.Tensor:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, f"AutoModelFor{head}").from_pretrained(folder)
    with torch.inference_mode():
        found = model(**tokenizer(*texts, return_tensors="pt")).logits[0]
    assert isinstance(found, torch.Tensor)
    return found


async def v1(client: httpx.AsyncClient, name: str, instances: Any) -> Any:
    answer = await client.post(
        f"/v1/models/{name}:predict", json={"instances": instances}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


async def v2(client: httpx.AsyncClient, name: str, **more: Any) -> Any:
    given = {"name": "input-0", "datatype": "BYTES", "shape": [2], "data": TEXTS}
    answer = await client.post(
        f"/v2/models/{name}/infer", json={"inputs": [given], **more}
    )
    assert answer.status_code == 200, answer.text
    return {
        each["name"]: np.array(each["data"]).reshape(each["shape"])
        for each in answer.json()["outputs"]
    }


async def test_texts_are_classified(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    logits = [bare(folders["mood"], "SequenceClassification", t) for t in TEXTS]
    best = [int(each.argmax()) for each in logits]

    assert await v1(client, "mood", TEXTS) == best
    outputs = [{"name": "label"}, {"name": "probabilities"}]
    found = await v2(client, "mood", outputs=outputs)
    assert found["label"].tolist() == [LABELS[each] for each in best]
    expected = torch.stack(logits).softmax(-1).numpy()
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


async def test_pairs_are_classified(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    rows = [{"input-0": "the cat", "text_pair": "a dog"}]
    logits = bare(folders["mood"], "SequenceClassification", "the cat", "a dog")

    assert await v1(client, "mood", rows) == [int(logits.argmax())]


async def test_token_ids_are_classified(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["mood"])
    logits = bare(folders["mood"], "SequenceClassification", TEXTS[0])

    rows = [{"input_ids": tokenizer(TEXTS[0])["input_ids"]}]
    assert await v1(client, "mood", rows) == [int(logits.argmax())]


async def test_tokens_are_labelled_and_entities_named(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    entities = await v1(client, "places", TEXTS)
    found = await v2(client, "places", outputs=[{"name": "output-0"}])

    for index, text in enumerate(TEXTS):
        logits = bare(folders["places"], "TokenClassification", text)
        labels = found["output-0"][index, 0].tolist()
        assert labels[: len(logits)] == logits.argmax(-1).tolist()
        for each in entities[index]:
            assert text[each["start"] : each["end"]] == each["word"]
    as_text = await v2(client, "places")
    assert [json.loads(each) for each in as_text["entities"]] == entities


async def test_tokens_are_placed_as_kserves_server_places_them(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["spots"])
    given = tokenizer(TEXTS, padding=True, return_offsets_mapping=True)
    expected = np.array(given["offset_mapping"])

    found = await v2(client, "spots")
    answer = await client.post("/v1/models/spots:predict", json={"instances": TEXTS})

    np.testing.assert_array_equal(found["offset_mapping"], expected)
    (places,) = answer.json().pop("outputs")
    assert (places["name"], places["datatype"]) == ("offset_mapping", "INT64")
    np.testing.assert_array_equal(np.reshape(places["data"], places["shape"]), expected)
    assert answer.json()["predictions"] == found["output-0"].tolist()


async def test_masked_words_are_filled(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    text = "the [MASK] sat on the mat"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["gaps"])
    best = int(bare(folders["gaps"], "MaskedLM", text)[2].argmax())

    assert await v1(client, "gaps", [text]) == [tokenizer.decode([best])]
    refused = await client.post("/v1/models/gaps:predict", json={"instances": ["cat"]})
    assert refused.status_code == 400
    assert "text 0 has no [MASK]" in refused.json()["error"]


async def test_documents_are_ranked(
    client: httpx.AsyncClient, folders: dict[str, Path]
) -> None:
    logits = torch.cat(
        [bare(folders["ranks"], "SequenceClassification", "cat", t) for t in TEXTS]
    )
    expected = logits.sigmoid().tolist()

    rows = [{"query": "cat", "document": text} for text in TEXTS]
    assert await v1(client, "ranks", rows) == pytest.approx(expected, abs=1e-5)
    body = {"model": "ranks", "query": "cat", "documents": TEXTS}
    for prefix in ("/openai/v1", "/v1"):
        answer = (await client.post(f"{prefix}/rerank", json=body)).json()
        scores = {each["index"]: each["relevance_score"] for each in answer["results"]}
        assert [scores[0], scores[1]] == pytest.approx(expected, abs=1e-5)
