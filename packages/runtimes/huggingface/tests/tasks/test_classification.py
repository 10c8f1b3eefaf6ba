"""Sequence classification gives what transformers gives, in KServe's shapes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import InvalidInput, ModelLoadError
from inferry.testing import RuntimeTests
from inferry_runtime_huggingface import plugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel

(DESCRIPTOR,) = plugin.inferry_runtimes()
LABELS = {0: "bad", 1: "fair", 2: "good"}
TEXTS = ("the cat sat on the mat", "Paris", "a small dog and a big king.")


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("ForSequenceClassification", id2label=LABELS, num_labels=3)
    return path


class TestKit(RuntimeTests):
    assert DESCRIPTOR.model is not None
    model = DESCRIPTOR.model
    options = {"threads": 1}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, folder: Path) -> Path:
        return folder


def bare(folder: Path, *texts: str) -> np.ndarray[Any, Any]:
    """Return the logits that transformers gives for each text alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        rows = [model(**tokenizer(text, return_tensors="pt")).logits for text in texts]
    return torch.cat(rows).numpy()


def test_gives_the_index_of_the_likeliest_label(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    (answer,) = ask(loaded(folder), *TEXTS).outputs

    assert answer.name == "output-0"
    assert answer.datatype == "INT64"
    assert answer.data.tolist() == bare(folder, *TEXTS).argmax(1).tolist()


def test_gives_label_score_and_all_numbers_by_name(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    logits = bare(folder, *TEXTS)
    chances = torch.from_numpy(logits).softmax(-1).numpy()

    names = ("label", "score", "probabilities", "logits")
    given = {t.name: t for t in ask(loaded(folder), *TEXTS, outputs=names).outputs}

    labels = [LABELS[each].encode() for each in logits.argmax(1).tolist()]
    assert given["label"].data.tolist() == labels
    np.testing.assert_allclose(given["score"].data, chances.max(1), atol=1e-6)
    np.testing.assert_allclose(given["probabilities"].data, chances, atol=1e-6)
    np.testing.assert_allclose(given["logits"].data, logits, atol=1e-5)
    assert given["logits"].parameters == {"keys": ["bad", "fair", "good"]}


def test_takes_pairs_of_texts(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    pair = tokenizer("the cat", "a dog", return_tensors="pt")
    assert 1 in pair["token_type_ids"]
    with torch.inference_mode():
        expected = model(**pair).logits.numpy()

    (answer,) = ask(
        loaded(folder), "the cat", text_pair=["a dog"], outputs=("logits",)
    ).outputs

    np.testing.assert_allclose(answer.data, expected, atol=1e-5)


def test_takes_token_ids_and_leaves_out_what_the_mask_does(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder)
    (expected,) = ask(model, "the cat", "a", outputs=("logits",)).outputs

    (answer,) = ask(
        model,
        input_ids=[[2, 5, 7, 3], [2, 6, 3, 0]],
        attention_mask=[[1, 1, 1, 1], [1, 1, 1, 0]],
        outputs=("logits",),
    ).outputs

    np.testing.assert_allclose(answer.data, expected.data, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"input_ids": [[2, 99]]}, "token id 99, the model has 0 to"),
        ({"input_ids": [[2, -1]]}, "token id -1"),
        ({"input_ids": [2, 3]}, r"'input_ids' has shape \[2\], expected \[-1, -1\]"),
        ({"input_ids": [[2]], "attention_mask": [[1, 1]]}, "'attention_mask' has sha"),
        ({"input_ids": [[2]], "attention_mask": [[0]]}, "text 0 has no tokens"),
        ({"input_ids": [[2]], "token_type_ids": [[7]]}, "token types other than"),
        ({"input_ids": [["2"]]}, "'input_ids' is BYTES, expected INT64"),
        ({"nonsense": [[2]]}, "unknown input 'nonsense'; the model takes 'input-0'"),
    ],
)
def test_says_what_is_wrong_with_token_ids(
    folder: Path,
    loaded: Callable[..., HuggingfaceModel],
    ask: Any,
    inputs: dict[str, Any],
    said: str,
) -> None:
    if inputs == {"input_ids": [["2"]]}:
        inputs = {"input_ids": ["2"]}
    with pytest.raises(InvalidInput, match=said):
        ask(loaded(folder), **inputs)


def test_of_one_label_gives_its_number(
    berts: Any, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    folder = berts("ForSequenceClassification", num_labels=1)
    model = loaded(folder, task="text-classification")

    (answer,) = ask(model, *TEXTS).outputs

    assert answer.datatype == "FP32"
    np.testing.assert_allclose(answer.data, bare(folder, *TEXTS)[:, 0], atol=1e-5)


def test_of_many_labels_at_once_gives_each_its_own_probability(
    berts: Any, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    folder = berts(
        "ForSequenceClassification",
        num_labels=3,
        problem_type="multi_label_classification",
    )
    (answer,) = ask(loaded(folder), "cat", outputs=("probabilities",)).outputs

    expected = torch.from_numpy(bare(folder, "cat")).sigmoid().numpy()
    np.testing.assert_allclose(answer.data, expected, atol=1e-6)


def predicted_v1(model: HuggingfaceModel, body: Any) -> Any:
    return asyncio.run(model.predict_v1(body))


def test_answers_v1_with_probabilities_as_kserve_writes_them(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, returnProbabilities=True)
    chances = torch.from_numpy(bare(folder, "cat")).softmax(-1)[0].tolist()

    answer = predicted_v1(model, {"instances": ["cat"]})

    expected = {str(index): round(each, 4) for index, each in enumerate(chances)}
    assert answer == {"predictions": [expected]}
    assert [t.name for t in ask(model, "cat").outputs] == ["probabilities"]


def test_answers_v1_with_logits_as_kserve_writes_them(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    answer = predicted_v1(loaded(folder, returnRawLogits=True), {"instances": ["cat"]})

    (row,) = answer["predictions"]
    assert list(row) == ["0", "1", "2"]
    assert list(row.values()) == pytest.approx(bare(folder, "cat")[0].tolist())


def test_leaves_v1_to_the_server_where_its_shape_is_that_of_v2(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    assert not hasattr(loaded(folder), "predict_v1")


@pytest.mark.parametrize("body", [{}, {"instances": []}, {"instances": [1]}, [1]])
def test_refuses_a_v1_body_without_texts(
    folder: Path, loaded: Callable[..., HuggingfaceModel], body: Any
) -> None:
    with pytest.raises(InvalidInput, match="instances"):
        predicted_v1(loaded(folder, returnProbabilities=True), body)


def test_answers_what_the_option_names(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, outputs="label, score")

    assert [each.name for each in ask(model, "cat").outputs] == ["label", "score"]


def test_refuses_options_that_it_cannot_follow(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match="unknown output 'x'; the model gives"):
        loaded(folder, outputs="x")
    with pytest.raises(ModelLoadError, match="are both set"):
        loaded(folder, returnProbabilities=True, returnRawLogits=True)
