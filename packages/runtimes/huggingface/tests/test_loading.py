"""What cannot be loaded is said in one line, and nothing is made up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import transformers

from inferry.errors import InferenceError, ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


def test_tells_the_memory_of_the_weights(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    weights = (folder / "model.safetensors").stat().st_size

    assert loaded(folder).memory == pytest.approx(weights, rel=0.2)


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


STRANGE = (None, -1, 0, "x", [], {"a": 1}, 1e30)


def test_strange_values_of_a_configuration_are_errors_of_one_line(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    file = folder / "config.json"
    saved = json.loads(file.read_text())
    (folder / "config_sentence_transformers.json").write_text('{"prompts": [1]}')
    for index, key in enumerate([*saved, "id2label", "num_labels", "dtype"]):
        strange = STRANGE[index % len(STRANGE)]
        file.write_text(json.dumps({**saved, key: strange}))
        with pytest.raises(ModelLoadError) as caught:
            loaded(folder)
        assert "\n" not in str(caught.value)
