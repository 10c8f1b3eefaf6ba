"""Embeddings are pooled, prompted and cut as the model's folder says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import InvalidInput, ModelLoadError
from inferry.openai import InvalidParameter
from inferry.testing import RuntimeTests
from inferry_runtime_huggingface import plugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel
    from inferry_runtime_huggingface.tasks.embedding import Embedded
    from inferry_runtime_huggingface.tasks.scored import Scored

(DESCRIPTOR,) = plugin.inferry_runtimes()
TEXTS = ("the cat sat on the mat", "Paris", "a small dog and a big king.")


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


class TestKit(RuntimeTests):
    assert DESCRIPTOR.model is not None
    model = DESCRIPTOR.model
    options = {"threads": 1}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, folder: Path) -> Path:
        return folder


def states(folder: Path, text: str) -> torch.Tensor:
    """Return the last states of the tokens of *text*, as transformers gives them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        found = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
    assert isinstance(found, torch.Tensor)
    return found


def unit(vector: torch.Tensor) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = (vector / vector.norm()).numpy()
    return found


def as_sentence_transformer(
    folder: Path,
    pooling: dict[str, Any],
    *,
    normalise: bool = False,
    more: tuple[tuple[str, str], ...] = (),
    **settings: Any,
) -> None:
    """Write what sentence-transformers saves beside a model."""
    modules = [
        ("", "sentence_transformers.models.Transformer"),
        ("1_Pooling", "sentence_transformers.models.Pooling"),
        *more,
    ]
    if normalise:
        modules.append(("9_Normalize", "sentence_transformers.models.Normalize"))
    listed = [
        {"idx": index, "name": str(index), "path": path, "type": kind}
        for index, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    if settings:
        file = folder / "config_sentence_transformers.json"
        file.write_text(json.dumps(settings))


def embedded(model: HuggingfaceModel, *texts: Any, **more: Any) -> Embedded:
    task: Any = model.task
    found: Embedded = asyncio.run(task.embed(list(texts), **more))
    return found


def test_means_over_the_tokens_and_has_length_one(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    (answer,) = ask(loaded(folder), *TEXTS).outputs

    expected = np.stack([unit(states(folder, text).mean(0)) for text in TEXTS])
    assert answer.datatype == "FP32"
    np.testing.assert_allclose(answer.data, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("saved", "pooled"),
    [
        ({"pooling_mode_cls_token": True}, lambda s: s[0]),
        ({"pooling_mode_mean_tokens": True}, lambda s: s.mean(0)),
        ({"pooling_mode_max_tokens": True}, lambda s: s.amax(0)),
        ({"pooling_mode_lasttoken": True}, lambda s: s[-1]),
        (
            {"pooling_mode_mean_sqrt_len_tokens": True},
            lambda s: s.sum(0) / len(s) ** 0.5,
        ),
        (
            {"pooling_mode_weightedmean_tokens": True},
            lambda s: (
                (s * torch.arange(1, len(s) + 1)[:, None]).sum(0)
                / torch.arange(1, len(s) + 1).sum()
            ),
        ),
        (
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            lambda s: torch.cat([s[0], s.mean(0)]),
        ),
        ({"pooling_mode": "cls"}, lambda s: s[0]),
    ],
)
def test_pools_as_sentence_transformers_saved_it(
    folder: Path,
    loaded: Callable[..., HuggingfaceModel],
    ask: Any,
    saved: dict[str, Any],
    pooled: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    as_sentence_transformer(folder, saved)
    (answer,) = ask(loaded(folder), *TEXTS).outputs

    expected = np.stack([pooled(states(folder, text)).numpy() for text in TEXTS])
    np.testing.assert_allclose(answer.data, expected, atol=1e-4)


def test_normalises_where_the_modules_do_or_the_option_asks(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    as_sentence_transformer(folder, {"pooling_mode_cls_token": True}, normalise=True)

    (with_module,) = ask(loaded(folder), "cat").outputs
    (without,) = ask(loaded(folder, normalize="false", pooling="last"), "cat").outputs

    assert np.linalg.norm(with_module.data) == pytest.approx(1)
    expected = states(folder, "cat")[-1].numpy()
    np.testing.assert_allclose(without.data[0], expected, atol=1e-5)


def test_applies_a_dense_module(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    from safetensors.torch import save_file

    dense = ("2_Dense", "sentence_transformers.models.Dense")
    as_sentence_transformer(folder, {"pooling_mode_cls_token": True}, more=(dense,))
    weight, bias = torch.randn(4, 16), torch.randn(4)
    (folder / "2_Dense").mkdir()
    config = {"activation_function": "torch.nn.modules.activation.Tanh"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(config))
    save_file(
        {"linear.weight": weight, "linear.bias": bias},
        folder / "2_Dense" / "model.safetensors",
    )
    model = loaded(folder)

    (answer,) = ask(model, "cat").outputs

    expected = torch.tanh(weight @ states(folder, "cat")[0] + bias).numpy()
    np.testing.assert_allclose(answer.data[0], expected, atol=1e-5)
    assert model.metadata().outputs[0].shape == (-1, 4)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (("2_LSTM", "sentence_transformers.models.LSTM"), "the module LSTM at"),
        (("../2", "sentence_transformers.models.Dense"), "names the folder '../2'"),
        (("2_Dense", "sentence_transformers.models.Dense"), "without model.safetens"),
    ],
)
def test_refuses_modules_that_it_does_not_know(
    folder: Path,
    loaded: Callable[..., HuggingfaceModel],
    module: tuple[str, str],
    said: str,
) -> None:
    as_sentence_transformer(folder, {"pooling_mode_cls_token": True}, more=(module,))
    with pytest.raises(ModelLoadError, match=said):
        loaded(folder)


@pytest.mark.parametrize("saved", [{}, {"pooling_mode": "magic"}])
def test_refuses_a_pooling_that_it_does_not_know(
    folder: Path, loaded: Callable[..., HuggingfaceModel], saved: dict[str, Any]
) -> None:
    as_sentence_transformer(folder, saved)
    with pytest.raises(ModelLoadError, match="set the option pooling to one of cls"):
        loaded(folder)


PROMPTS = {"query": "the ", "document": "a big "}


def test_puts_the_named_prompt_before_each_text(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    as_sentence_transformer(
        folder,
        {"pooling_mode_mean_tokens": True},
        prompts=PROMPTS,
        default_prompt_name="document",
    )
    model = loaded(folder)

    (default,) = ask(model, "cat").outputs
    (named,) = ask(model, "cat", parameters={"prompt_name": "query"}).outputs

    for answer, text in ((default, "a big cat"), (named, "the cat")):
        expected = states(folder, text).mean(0).numpy()
        np.testing.assert_allclose(answer.data[0], expected, atol=1e-5)
    with pytest.raises(InvalidInput, match="'x'; the model has 'query', 'document'"):
        ask(model, "cat", parameters={"prompt_name": "x"})


def test_leaves_the_prompt_out_of_the_mean_where_the_model_says_so(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    as_sentence_transformer(
        folder,
        {"pooling_mode_mean_tokens": True, "include_prompt": False},
        prompts=PROMPTS,
    )
    (answer,) = ask(loaded(folder, prompt="document"), "cat").outputs

    # [CLS] a big | cat [SEP]
    expected = states(folder, "a big cat")[3:].mean(0).numpy()
    np.testing.assert_allclose(answer.data[0], expected, atol=1e-5)


def test_refuses_a_prompt_that_the_model_has_not(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match="option prompt: unknown prompt 'x'"):
        loaded(folder, prompt="x")


def test_embeds_texts_and_token_ids_alike_and_counts_their_tokens(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    model = loaded(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    of_texts = embedded(model, *TEXTS)
    of_ids = embedded(model, *[tokenizer(text)["input_ids"] for text in TEXTS])

    np.testing.assert_allclose(of_texts.vectors, of_ids.vectors, atol=1e-6)
    assert of_texts.counts == of_ids.counts == (8, 3, 10)


def test_gives_fewer_dimensions_where_the_model_is_trained_for_them(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    config = folder / "config.json"
    saved = json.loads(config.read_text())
    config.write_text(json.dumps({**saved, "matryoshka_dimensions": [4, 8, 16]}))
    model = loaded(folder)

    whole, some = embedded(model, "cat"), embedded(model, "cat", dimensions=4)

    cut = whole.vectors[:, :4]
    np.testing.assert_allclose(some.vectors, cut / np.linalg.norm(cut), atol=1e-6)
    with pytest.raises(InvalidParameter, match="gives 4, 8, 16 or 16") as caught:
        embedded(model, "cat", dimensions=5)
    assert caught.value.param == "dimensions"


def test_refuses_fewer_dimensions_unless_an_option_allows_them(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(InvalidParameter, match="not trained for fewer"):
        embedded(loaded(folder), "cat", dimensions=4)
    with pytest.raises(InvalidParameter, match="dimensions is 17, the model gives 16"):
        embedded(loaded(folder, matryoshka=True), "cat", dimensions=17)
    found = embedded(loaded(folder, matryoshka=True), "cat", dimensions=4)
    assert found.vectors.shape == (1, 4)


def test_says_how_many_texts_it_cut(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    answer = ask(loaded(folder), "cat " * 99, "cat")

    assert answer.parameters == {"truncated_texts": 1}
    (cut,) = ask(loaded(folder), "cat " * 30).outputs
    np.testing.assert_allclose(answer.outputs[0].data[0], cut.data[0], atol=1e-5)


def test_refuses_long_texts_where_the_option_says_so(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, truncate=False, maxLength=8)

    assert ask(model, "cat " * 6).parameters == {}
    with pytest.raises(InvalidInput, match="text 1 has 9 tokens, the model takes 8"):
        ask(model, "cat", "cat " * 7)
    with pytest.raises(InvalidInput, match="text 0 has 9 tokens"):
        ask(model, input_ids=[[7] * 9])


@pytest.mark.parametrize("kind", ["cosine", "dot", "euclidean", "manhattan"])
def test_scores_documents_by_their_nearness(
    folder: Path, loaded: Callable[..., HuggingfaceModel], kind: str
) -> None:
    as_sentence_transformer(
        folder,
        {"pooling_mode_mean_tokens": True},
        similarity_fn_name=kind,
        prompts={"query": "the "},
    )
    task: Any = loaded(folder).task
    scored: Scored = asyncio.run(task.score("cat", ["dog", "the cat"]))

    query = states(folder, "the cat").mean(0)
    found = [states(folder, text).mean(0) for text in ("dog", "the cat")]
    expected = {
        "cosine": [torch.cosine_similarity(query, each, dim=0) for each in found],
        "dot": [query @ each for each in found],
        "euclidean": [-(query - each).norm() for each in found],
        "manhattan": [-(query - each).norm(p=1) for each in found],
    }[kind]
    np.testing.assert_allclose(scored.scores, torch.stack(expected), atol=2e-4)
    assert scored.counts == (7, 8)
