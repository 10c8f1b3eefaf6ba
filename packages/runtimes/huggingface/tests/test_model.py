"""The model is what its task is; its device, numbers and threads are the options'."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import InferenceError, ModelLoadError, ModelNotReady
from inferry.model import InferRequest
from inferry.status import Reason
from inferry_runtime_huggingface.model import HuggingfaceModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


def test_is_not_ready_before_and_after(folder: Path) -> None:
    model = HuggingfaceModel()
    for _ in range(2):
        with pytest.raises(ModelNotReady):
            model.predict(InferRequest(inputs=()))
        model.load(folder, {"threads": 1})
        assert model.openai.keys() == {"embeddings", "rerank"}
        model.unload()
        assert model.openai == {}
    assert not hasattr(model, "stream")
    model.unload()


def test_has_what_its_task_has(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    model = loaded(folder)

    assert type(model.task).__name__ == "TextEmbedding"
    assert model.batching
    assert model.why_unhealthy == ""
    assert model.metrics()["tokens_total"] == 0
    assert not hasattr(model, "predict_v1")
    assert not hasattr(model, "no_such_thing")


def test_tells_the_memory_of_the_weights(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    weights = (folder / "model.safetensors").stat().st_size

    assert loaded(folder).memory == pytest.approx(weights, rel=0.2)


@pytest.mark.parametrize(
    ("head", "config", "task"),
    [
        ("Model", {}, "TextEmbedding"),
        ("ForMaskedLM", {}, "FillMask"),
        ("ForTokenClassification", {}, "TokenClassification"),
        ("ForSequenceClassification", {"num_labels": 2}, "SequenceClassification"),
        ("ForSequenceClassification", {"num_labels": 1}, "Rerank"),
    ],
)
def test_the_architecture_tells_the_task(
    berts: Any,
    loaded: Callable[..., HuggingfaceModel],
    head: str,
    config: dict[str, Any],
    task: str,
) -> None:
    assert type(loaded(berts(head, **config)).task).__name__ == task


@pytest.mark.parametrize(
    "name", ["text_embedding", "feature-extraction", "Sentence-Similarity"]
)
def test_the_option_tells_the_task(
    berts: Any, loaded: Callable[..., HuggingfaceModel], name: str
) -> None:
    model = loaded(berts("ForMaskedLM"), task=name)

    assert type(model.task).__name__ == "TextEmbedding"


def test_refuses_a_task_that_there_is_not(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match="option task is 'paint'; use one of fill"):
        loaded(folder, task="paint")
    config = folder / "config.json"
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "architectures": ["BertPainter"]})
    )
    with pytest.raises(ModelLoadError, match="'BertPainter', whose task is not known"):
        loaded(folder)


def test_refuses_a_task_that_the_weights_are_not_for(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match=r"have no classifier\.bias") as caught:
        loaded(folder, task="sequence_classification")

    assert caught.value.reason == Reason.ModelCorrupt


def test_says_that_a_model_type_is_not_known(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    config = folder / "config.json"
    saved = json.loads(config.read_text())
    config.write_text(json.dumps({**saved, "model_type": "bert9"}))
    with pytest.raises(ModelLoadError, match="does not know the model type 'bert9'"):
        loaded(folder)


def test_says_that_the_tokenizer_is_missing(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelLoadError, match=r"no tokenizer: looked for tokenizer\.js"):
        loaded(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "tokenizer.json is empty"),
        (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer"),
        (b"{", "the tokenizer in .* cannot be loaded"),
        (b'{"model": 1}', "the tokenizer in .* cannot be loaded"),
    ],
)
def test_says_that_the_tokenizer_is_none(
    folder: Path, loaded: Callable[..., HuggingfaceModel], content: bytes, said: str
) -> None:
    (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelLoadError, match=said) as caught:
        loaded(folder)
    assert caught.value.reason == Reason.ModelCorrupt


def test_says_that_the_tokenizer_is_of_another_model(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["new"])
    tokenizer.save_pretrained(folder)
    model = loaded(folder)

    assert ask(model, "cat").outputs
    with pytest.raises(InferenceError, match="the token 26, the model has 26"):
        ask(model, "new")


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_refuses_a_device_that_is_not_there(
    folder: Path, loaded: Callable[..., HuggingfaceModel], device: str
) -> None:
    with pytest.raises(ModelLoadError, match=f"device {device} is not there"):
        loaded(folder, device=device)


def test_takes_the_first_device_that_is_there(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    task: Any = loaded(folder, device="cuda:99, cpu").task

    assert task.model.device.type == "cpu"
    with pytest.raises(ModelLoadError, match="unknown device 'tpu'; use cpu, cuda"):
        loaded(folder, device="tpu")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "half"])
def test_computes_in_the_numbers_of_the_option(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any, dtype: str
) -> None:
    whole, less = loaded(folder), loaded(folder, dtype=dtype)

    (expected,), (answer,) = ask(whole, "cat").outputs, ask(less, "cat").outputs

    assert less.memory == pytest.approx(whole.memory / 2, rel=0.1)
    np.testing.assert_allclose(answer.data, expected.data, atol=0.05)
    with pytest.raises(ModelLoadError, match="option dtype is 'int4'"):
        loaded(folder, dtype="int4")


def test_a_cpu_widens_what_was_saved_in_half(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float16)
    model.save_pretrained(folder)
    task: Any = loaded(folder).task

    assert task.model.dtype is torch.float32


def test_sets_the_threads_of_the_option(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    loaded(folder, threads=1)

    assert torch.get_num_threads() == 1
    with pytest.raises(ModelLoadError, match="option threads is -1"):
        loaded(folder, threads=-1)
