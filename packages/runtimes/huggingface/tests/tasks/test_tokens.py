"""Tokens get their labels, runs of them become entities with their place."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import ModelLoadError
from inferry.testing import RuntimeTests
from inferry_runtime_huggingface import plugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel

(DESCRIPTOR,) = plugin.inferry_runtimes()
LABELS = {0: "O", 1: "B-PLACE", 2: "I-PLACE"}
TEXTS = ("the cat sat on the mat", "Paris and London.")


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("ForTokenClassification", id2label=LABELS, num_labels=3)
    return path


class TestKit(RuntimeTests):
    assert DESCRIPTOR.model is not None
    model = DESCRIPTOR.model
    options = {"threads": 1}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, folder: Path) -> Path:
        return folder


def bare(folder: Path, text: str) -> np.ndarray[Any, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    with torch.inference_mode():
        logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
    found: np.ndarray[Any, Any] = logits.numpy()
    return found


def test_gives_the_index_of_each_tokens_label(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    (answer,) = ask(loaded(folder), *TEXTS).outputs

    long, short = (bare(folder, text).argmax(-1).tolist() for text in TEXTS)
    assert answer.data.shape == (2, 1, 8)
    assert answer.data[0, 0].tolist() == long
    assert answer.data[1, 0].tolist() == short + [-100] * (len(long) - len(short))


def test_gives_places_and_all_numbers_by_name(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    names = ("offsets", "scores", "probabilities", "logits")
    given = {
        each.name: each for each in ask(loaded(folder), TEXTS[0], outputs=names).outputs
    }

    logits = bare(folder, TEXTS[0])
    chances = torch.from_numpy(logits).softmax(-1).numpy()
    assert given["offsets"].data[0, :3].tolist() == [[0, 0], [0, 3], [4, 7]]
    np.testing.assert_allclose(given["scores"].data[0], chances.max(-1), atol=1e-6)
    np.testing.assert_allclose(given["probabilities"].data[0], chances, atol=1e-6)
    np.testing.assert_allclose(given["logits"].data[0], logits, atol=1e-5)


def test_names_the_same_entities_as_a_pipeline(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    pipeline = transformers.pipeline(
        "token-classification", model=str(folder), aggregation_strategy="first"
    )
    texts = [*TEXTS, "kittens sat, the kitten lives in big London and small Paris?"]

    (answer,) = ask(loaded(folder), *texts, outputs=("entities",)).outputs

    for text, given in zip(texts, answer.data, strict=True):
        found = [(e["entity_group"], e["start"], e["end"]) for e in json.loads(given)]
        expected = [(e["entity_group"], e["start"], e["end"]) for e in pipeline(text)]
        assert found == expected, text


def test_answers_v1_with_entities_where_the_option_asks(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, outputs="entities")
    (expected,) = ask(model, *TEXTS).outputs

    answer = asyncio.run(model.predict_v1({"instances": list(TEXTS)}))

    assert answer == {"predictions": [json.loads(each) for each in expected.data]}


def test_answers_v1_with_probabilities_as_kserve_writes_them(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    model = loaded(folder, returnProbabilities=True)

    answer = asyncio.run(model.predict_v1({"instances": ["cat"]}))

    (tokens,) = answer["predictions"]
    assert len(tokens) == 3
    assert sum(tokens[1].values()) == pytest.approx(1, abs=1e-3)


def test_labels_token_ids_without_naming_entities(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder)
    labels, entities = ask(
        model, input_ids=[[2, 7, 3]], outputs=("output-0", "entities")
    ).outputs

    assert labels.data.shape == (1, 1, 3)
    assert entities.data.tolist() == [b"[]"]


def test_gives_the_places_of_tokens_as_kserve_does(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, returnOffsetsMapping=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    expected = tokenizer(list(TEXTS), padding=True, return_offsets_mapping=True)

    labels, places = ask(model, *TEXTS).outputs
    answer = asyncio.run(model.predict_v1({"instances": list(TEXTS)}))

    assert (places.name, places.datatype) == ("offset_mapping", "INT64")
    found = [[tuple(place) for place in text] for text in places.data.tolist()]
    assert found == expected["offset_mapping"]
    assert [each.name for each in model.metadata().outputs][-1] == "offset_mapping"
    assert answer["predictions"] == labels.data.tolist()
    assert answer["outputs"] == [
        {
            "name": "offset_mapping",
            "datatype": "INT64",
            "shape": [2, 8, 2],
            "data": places.data.ravel().tolist(),
        }
    ]


def test_gives_places_beside_probabilities(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    asked = {"instances": ["cat"]}
    chances = loaded(folder, returnProbabilities=True)
    both = loaded(folder, returnProbabilities=True, returnOffsetsMapping=True)

    answer = asyncio.run(both.predict_v1(asked))

    assert (
        answer["predictions"] == asyncio.run(chances.predict_v1(asked))["predictions"]
    )
    assert answer["outputs"][0]["data"] == [0, 0, 0, 3, 0, 0]


def test_refuses_two_ways_to_ask_for_places(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match="outputs and returnOffsetsMapping are"):
        loaded(folder, outputs="offsets", returnOffsetsMapping=True)
