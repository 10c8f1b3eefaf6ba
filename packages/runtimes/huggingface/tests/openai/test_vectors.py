"""Embeddings and rerank, in front of any task that embeds and scores."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.errors import InvalidInput
from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.operations import embedding_operations

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lengths:
    """Embeds a text as its length and scores documents by theirs."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def embed(
        self,
        texts: Sequence[Any],
        *,
        dimensions: int | None = None,
        prompt: str | None = None,
    ) -> Any:
        self.asked.append((list(texts), dimensions, prompt))
        if not texts[0]:
            raise InvalidInput("text 0 has no tokens")
        vectors = np.array([[len(text), 0.5] for text in texts], np.float32)
        return SimpleNamespace(vectors=vectors, counts=tuple(map(len, texts)))

    async def score(self, query: str, documents: Sequence[str]) -> Any:
        self.asked.append(query)
        if not query:
            raise InvalidInput("text 0 is too long", remedy="shorten it")
        scores = np.array([len(text) for text in documents], np.float32)
        return SimpleNamespace(scores=scores, counts=tuple(map(len, documents)))


@pytest.fixture
def lengths() -> Lengths:
    return Lengths()


async def ask(model: Lengths, operation: Any, **body: Any) -> Any:
    operations = embedding_operations(model, model)
    return await operations[operation]({"model": "m", **body})


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("abc", ["abc"]),
        (["a", "bc"], ["a", "bc"]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
async def test_inputs_of_all_kinds(lengths: Lengths, given: Any, texts: Any) -> None:
    answer = await ask(lengths, "embeddings", input=given)
    assert lengths.asked == [(texts, None, None)]
    assert answer["object"] == "list"
    assert answer["model"] == "m"
    assert [each["index"] for each in answer["data"]] == list(range(len(texts)))
    assert [list(each["embedding"]) for each in answer["data"]] == [
        [len(text), 0.5] for text in texts
    ]
    tokens = sum(map(len, texts))
    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


async def test_base64_is_little_endian_float32(lengths: Lengths) -> None:
    answer = await ask(lengths, "embeddings", input="abc", encoding_format="base64")
    data = base64.b64decode(answer["data"][0]["embedding"])
    assert np.frombuffer(data, "<f4").tolist() == [3, 0.5]


async def test_dimensions_and_prompts_go_to_the_model(lengths: Lengths) -> None:
    await ask(lengths, "embeddings", input="a", dimensions=2, prompt_name="query")
    assert lengths.asked == [(["a"], 2, "query")]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [None]}, "input"),
        ({"input": ["a", [1]]}, "input"),
        ({"input": ["a"] * 3000}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_field_of_embeddings_is_named(
    lengths: Lengths, body: Any, param: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        await ask(lengths, "embeddings", **body)
    assert caught.value.param == param


async def test_the_best_documents_come_first(lengths: Lengths) -> None:
    documents = ["aa", {"text": "aaaa"}, "aaa"]
    answer = await ask(lengths, "rerank", query="q", documents=documents, top_n=2)
    assert answer["results"] == [
        {"index": 1, "relevance_score": 4.0, "document": {"text": "aaaa"}},
        {"index": 2, "relevance_score": 3.0, "document": {"text": "aaa"}},
    ]
    assert answer["usage"] == {"total_tokens": 9}
    bare = await ask(
        lengths, "rerank", query="q", documents=["a"], return_documents=False
    )
    assert bare["results"] == [{"index": 0, "relevance_score": 1.0}]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "q"}, "documents"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": [{"title": "a"}]}, "documents"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": "", "documents": ["a"]}, "documents"),
    ],
)
async def test_a_bad_field_of_rerank_is_named(
    lengths: Lengths, body: Any, param: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        await ask(lengths, "rerank", **body)
    assert caught.value.param == param
