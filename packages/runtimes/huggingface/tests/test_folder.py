"""Folders are checked before anything loads, and each fault is named."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_huggingface.folder import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


def refused(path: Path, said: str, reason: Reason, **options: Any) -> ModelLoadError:
    with pytest.raises(ModelLoadError, match=said) as caught:
        open_folder(path, options)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)
    return caught.value


def changed(file: Path, **changes: Any) -> None:
    found = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps({**found, **changes}))


def test_opens_what_save_pretrained_wrote(folder: Path) -> None:
    found = open_folder(folder, {})

    assert found.path == folder
    assert found.architecture == "BertModel"
    assert not found.pickle
    assert not found.remote_code
    assert open_folder(folder / "config.json", {}).path == folder


def test_opens_shards(folder: Path, loaded: Callable[..., HuggingfaceModel]) -> None:
    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="5KB")
    assert (folder / "model.safetensors.index.json").is_file()

    assert loaded(folder).memory > 0


def test_names_what_it_looked_for_and_what_it_found(
    folder: Path, tmp_path: Path
) -> None:
    refused(tmp_path / "none", "none does not exist", Reason.ModelNotFound)
    weights = folder / "model.safetensors"
    refused(
        weights,
        "model.safetensors is a file, expected a model folder with conf",
        Reason.ModelNotFound,
    )
    weights.unlink()
    refused(
        folder,
        r"looked for config.json with model.safetensors .*; found config.json, tokeni",
        Reason.ModelNotFound,
    )
    (folder / "config.json").unlink()
    refused(folder, "no Hugging Face model in", Reason.ModelNotFound)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "config.json is empty"),
        (b"{", "config.json is not a JSON object, or is cut off"),
        (b"[1]", "config.json is not a JSON object"),
        (b"[" * 100_000, "config.json is not a JSON object"),
        (b"\xff\xfe{}", "config.json is not a JSON object"),
        (POINTER, "config.json is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "config.json is a web page"),
    ],
)
def test_refuses_a_config_that_is_none(folder: Path, content: bytes, said: str) -> None:
    (folder / "config.json").write_bytes(content)

    refused(folder, said, Reason.ModelCorrupt)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: b"", "model.safetensors is empty"),
        (lambda _: POINTER, "model.safetensors is a Git LFS pointer"),
        (lambda _: b"<html>", "model.safetensors is a web page"),
        (lambda whole: whole[:-1], "model.safetensors is cut off"),
        (lambda whole: whole[:100], "is not a safetensors file, or is cut off"),
        (lambda whole: whole[:4], "is not a safetensors file, or is cut off"),
        (lambda whole: whole + b"x", "model.safetensors is cut off"),
        (lambda _: b"\xff" * 64, "is not a safetensors file, or is cut off"),
        (lambda _: b"\x80\x04\x95pickle..", "is not a safetensors file"),
        (
            lambda _: (9).to_bytes(8, "little") + b'{"a": 12}',
            "is not a safetensors file",
        ),
    ],
)
def test_refuses_weights_that_are_none(
    folder: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(spoil(file.read_bytes()))

    refused(folder, said, Reason.ModelCorrupt)


def test_any_flipped_byte_of_the_header_is_refused_or_loads(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    for position in [*range(12), *range(40, 400, 45)]:
        spoilt = bytearray(whole)
        spoilt[position] ^= 0x55
        file.write_bytes(spoilt)
        try:
            loaded(folder)
        except ModelLoadError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either is right


def index(folder: Path, *names: str) -> None:
    (folder / "model.safetensors").rename(folder / "kept.safetensors")
    weights = {f"weight{number}": name for number, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": weights})
    )


def test_names_the_shard_that_is_missing(folder: Path) -> None:
    index(folder, "kept.safetensors", "model-2.safetensors")

    refused(folder, "has no model-2.safetensors, which the index", Reason.ModelNotFound)


@pytest.mark.parametrize("name", ["../kept.safetensors", "/etc/passwd", "a\\b", ".."])
def test_refuses_an_index_that_names_files_elsewhere(folder: Path, name: str) -> None:
    index(folder, name)

    refused(folder, "which is not a file beside it", Reason.ModelUnsafe)


def test_refuses_an_index_of_nothing(folder: Path) -> None:
    index(folder)

    refused(folder, "has no weight_map", Reason.ModelCorrupt)


def test_refuses_pickles_unless_an_option_allows_them(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    (expected,) = ask(loaded(folder), "cat").outputs
    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")

    error = refused(folder, "pytorch_model.bin, a pickle", Reason.ModelUnsafe)
    (answer,) = ask(loaded(folder, allowPickle=True), "cat").outputs

    assert "allowPickle=true" in error.remedy
    assert (answer.data == expected.data).all()


class Harm:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("harm was done",))


def test_runs_no_code_of_a_pickle_even_where_it_is_allowed(
    folder: Path,
    loaded: Callable[..., HuggingfaceModel],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Harm()}, folder / "pytorch_model.bin")

    with pytest.raises(ModelLoadError):
        loaded(folder, allowPickle=True)
    assert "harm" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_refuses_code_of_the_models_own(folder: Path, name: str) -> None:
    changed(folder / name, auto_map={"AutoModel": "modeling.Own"})

    error = refused(folder, f"{name} in .* wants code of its own", Reason.ModelUnsafe)

    assert "trustRemoteCode=true" in error.remedy
    assert open_folder(folder, {"trustRemoteCode": True}).remote_code


def test_compares_the_version_that_saved_the_model(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed(folder / "config.json", transformers_version="99.1.0")

    with caplog.at_level(logging.WARNING):
        open_folder(folder, {})

    assert "saved by transformers 99.1.0" in caplog.text
    refused(
        folder,
        "transformers 99.1.0",
        Reason.ModelVersionMismatch,
        versionMismatch="fail",
    )


@pytest.mark.parametrize(
    ("options", "named", "uri"),
    [
        ({"modelId": "own/er"}, "modelId is 'own/er'", "hf://own/er"),
        ({"modelId": "bert"}, "modelId is 'bert'", "hf://OWNER/bert"),
        (
            {"modelId": "own/er", "modelRevision": "v1", "tokenizerRevision": "v1"},
            "modelId is 'own/er'",
            "hf://own/er:v1",
        ),
        ({"modelRevision": "v1"}, "modelRevision is 'v1'", "hf://OWNER/NAME:v1"),
        (
            {"tokenizerRevision": "v1"},
            "tokenizerRevision is 'v1'",
            "hf://OWNER/NAME:REVISION",
        ),
    ],
)
def test_sends_who_names_a_model_of_the_hub_to_storage(
    folder: Path, options: dict[str, str], named: str, uri: str
) -> None:
    error = refused(folder, f"option {named}", Reason.InvalidSpec, **options)

    assert f"storageUri: {uri}" in error.remedy


def test_refuses_a_backend_that_it_is_not(folder: Path) -> None:
    refused(folder, "option backend is 'vllm'", Reason.ModelLoadFailed, backend="vllm")


def test_refuses_to_log_texts(folder: Path) -> None:
    refused(folder, "logs no texts", Reason.ModelLoadFailed, disableLogRequests=False)
    assert open_folder(folder, {"disableLogRequests": True})


def test_says_that_no_texts_are_logged_that_could_be_cut(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        open_folder(folder, {"maxLogLen": 0})
        assert not caplog.messages
        open_folder(folder, {"maxLogLen": 100})

    assert "maxLogLen is 100 and without effect" in caplog.text
