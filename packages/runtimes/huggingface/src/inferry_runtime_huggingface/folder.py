"""The folder of a model as Hugging Face lays it out, checked before anything loads."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import ModelLoadError
from inferry.runtime import options as reading
from inferry.runtime.files import listing, not_found, readable
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["ModelFolder", "Module", "open_folder"]

logger = logging.getLogger(__name__)

_LARGEST_JSON = 64 << 20
_LOOKED_FOR = (
    "config.json with model.safetensors (or model.safetensors.index.json) and "
    "tokenizer.json"
)
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CONVERT = "save it again with save_pretrained, which writes safetensors"


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One module of sentence-transformers: its class, and its folder in the model's."""

    kind: str
    path: str


class ModelFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A model folder that may be loaded; the documents in it are JSON objects.

    ``remote_code`` says that the option ``trustRemoteCode`` allows the code in it, and
    ``pickle`` that its weights are pickles, which ``allowPickle`` allows.
    """

    path: Path
    config: Mapping[str, Any]
    remote_code: bool = False
    pickle: bool = False

    @property
    def architecture(self) -> str:
        """The class that the model was saved from; empty where the config is silent."""
        found = self.config.get("architectures")
        return str(found[0]) if isinstance(found, list) and found else ""

    @property
    def labels(self) -> int:
        """How many labels a classifier has; 2 where nothing tells, as transformers."""
        labels = self.config.get("id2label")
        if isinstance(labels, dict) and labels:
            return len(labels)
        return int(self.config.get("num_labels") or 2)

    @property
    def sentence_transformer(self) -> bool:
        """Whether sentence-transformers saved it, with its own pooling."""
        return (self.path / "modules.json").is_file()

    @property
    def cross_encoder(self) -> bool:
        """Whether it scores pairs of texts."""
        kind = self.document("config_sentence_transformers.json").get("model_type")
        return kind == "CrossEncoder" or self.architecture.endswith(
            "ForSequenceClassification"
        )

    def document(self, name: str) -> dict[str, Any]:
        """Return the JSON object in the file *name*; empty where there is none.

        Raises:
            ModelLoadError: It is no JSON object.

        """
        file = self.path / name
        return _object(file) if file.is_file() else {}

    def modules(self) -> tuple[Module, ...]:
        """Return what ``modules.json`` lists.

        Raises:
            ModelLoadError: It is no such list, or names a folder elsewhere.

        """
        found = _document(self.path / "modules.json")
        listed = found if isinstance(found, list) else []
        made = [
            Module(
                kind=str(each.get("type", "")).rpartition(".")[2],
                path=str(each.get("path", "")),
            )
            for each in listed
            if isinstance(each, dict)
        ]
        if not made:
            raise _corrupt(self.path / "modules.json", "is no list of modules")
        for each in made:
            if each.path and not _NAME.fullmatch(each.path):
                raise ModelLoadError(
                    f"modules.json in {self.path} names the folder {each.path!r}, "
                    "which is not in the model's",
                    reason=Reason.ModelUnsafe,
                    remedy="save the model again with sentence-transformers",
                )
        return tuple(made)


def open_folder(path: Path, options: Mapping[str, Any]) -> ModelFolder:
    """Return the model folder at *path* once its files are safe and all there.

    Raises:
        ModelLoadError: They are not, with what was looked for and what was found.

    """
    _check_options(options)
    if path.is_file() and path.name == "config.json":
        path = path.parent
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise ModelLoadError(
            f"{path} {what}, expected a model folder with {_LOOKED_FOR}",
            reason=Reason.ModelNotFound,
            remedy="correct the path (storageUri, --model)",
        )
    if not (path / "config.json").is_file():
        raise not_found(path, "Hugging Face", _LOOKED_FOR)
    config = _object(path / "config.json")
    remote_code = bool(options.get("trustRemoteCode"))
    _check_code(path, config, allowed=remote_code)
    pickle = _check_weights(path, allowed=bool(options.get("allowPickle")))
    _check_version(config, options)
    return ModelFolder(path=path, config=config, remote_code=remote_code, pickle=pickle)


def _check_options(options: Mapping[str, Any]) -> None:
    reading.choice(options, "backend", ("auto", "huggingface"))
    if not options.get("disableLogRequests", True):
        raise ModelLoadError(
            "option disableLogRequests is false, and this runtime logs no texts",
            remedy="leave it out; spec.predictor.logger logs requests",
        )
    if length := reading.count(options, "maxLogLen", 0):
        logger.warning(
            "option maxLogLen is %d and without effect: this runtime logs no texts",
            length,
        )
    _check_origin(options)


def _check_origin(options: Mapping[str, Any]) -> None:
    """Refuse what asks for a model of the Hub, with the URI that names it."""
    name, revision, other = (
        str(options.get(option) or "")
        for option in ("modelId", "modelRevision", "tokenizerRevision")
    )
    uri = f"hf://{name if '/' in name else 'OWNER/' + (name or 'NAME')}"
    if name or revision:
        option, value = ("modelId", name) if name else ("modelRevision", revision)
        uri += f":{revision}" if revision else ""
        raise ModelLoadError(
            f"option {option} is {value!r}, and a runtime downloads nothing",
            reason=Reason.InvalidSpec,
            remedy=f"leave it out and set storageUri: {uri}",
        )
    if other:
        raise ModelLoadError(
            f"option tokenizerRevision is {other!r}, and the tokenizer is that of the "
            "model's folder",
            reason=Reason.InvalidSpec,
            remedy=f"leave it out; storageUri: {uri}:REVISION says which both are of",
        )


def _object(file: Path) -> dict[str, Any]:
    found = _document(file)
    if not isinstance(found, dict):
        raise _corrupt(file, "is not a JSON object, or is cut off")
    return found


def _document(file: Path) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON in *file*, None where it holds none."""
    readable(file)
    if file.stat().st_size > _LARGEST_JSON:
        return None
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None


def _corrupt(file: Path, what: str) -> ModelLoadError:
    return ModelLoadError(
        f"{file} {what}",
        reason=Reason.ModelCorrupt,
        remedy="save or upload the model again",
    )


def _check_code(path: Path, config: Mapping[str, Any], *, allowed: bool) -> None:
    names = [
        name
        for name in ("config.json", "tokenizer_config.json")
        if (path / name).is_file()
        and "auto_map" in (config if name == "config.json" else _object(path / name))
    ]
    if names and not allowed:
        raise ModelLoadError(
            f"{names[0]} in {path} wants code of its own to run (auto_map)",
            reason=Reason.ModelUnsafe,
            remedy="use a model of an architecture that transformers has, or read the "
            "code and set the option trustRemoteCode=true",
        )


def _check_weights(path: Path, *, allowed: bool) -> bool:
    """Check that the weights are there; return whether they are pickles."""
    for name in _WEIGHTS:
        if (path / name).is_file():
            shards = [name] if name == _WEIGHTS[0] else _shards(path / name)
            _check_shards(path, shards)
            return False
    pickles = [name for name in _PICKLES if (path / name).is_file()]
    if not pickles:
        raise not_found(path, "Hugging Face", _LOOKED_FOR)
    if not allowed:
        raise ModelLoadError(
            f"{path} has its weights in {pickles[0]}, a pickle, which may run any code",
            reason=Reason.ModelUnsafe,
            remedy=f"{_CONVERT}, or set the option allowPickle=true, which loads it "
            "with weights_only",
        )
    shards = pickles if pickles[0] == _PICKLES[0] else _shards(path / pickles[0])
    _check_shards(path, shards[:1] if pickles[0] == _PICKLES[0] else shards)
    return True


def _shards(index: Path) -> list[str]:
    found = _object(index).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise ModelLoadError(
            f"{index} has no weight_map",
            reason=Reason.ModelCorrupt,
            remedy=_CONVERT,
        )
    return sorted({str(name) for name in found.values()})


def _check_shards(path: Path, names: Iterable[str]) -> None:
    for name in names:
        if "/" in name or "\\" in name or name in ("", ".", ".."):
            raise ModelLoadError(
                f"the index of the weights in {path} names {name!r}, which is not a "
                "file beside it",
                reason=Reason.ModelUnsafe,
                remedy=_CONVERT,
            )
        file = path / name
        if not file.is_file():
            raise ModelLoadError(
                f"{path} has no {name}, which the index of its weights names; found "
                f"{listing(path)}",
                reason=Reason.ModelNotFound,
                remedy="upload all files of the model",
            )
        readable(file)
        if name.endswith(".safetensors"):
            _check_safetensors(file)


def _check_safetensors(file: Path) -> None:
    """Read the header, which says how long the file must be."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        head = (
            opened.read(length) if 0 < length <= min(size - 8, _LARGEST_JSON) else b""
        )
    try:
        header = json.loads(head)
        ends = [
            int(each["data_offsets"][1])
            for name, each in header.items()
            if name != "__metadata__"
        ]
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
    ):
        ends = []
    if not ends or 8 + length + max(ends) != size:
        what = "is cut off" if ends else "is not a safetensors file, or is cut off"
        raise _corrupt(file, what)


def _check_version(config: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Say where a newer transformers saved the model than the installed one."""
    from transformers import __version__ as installed

    strict = reading.choice(options, "versionMismatch", ("warn", "fail")) == "fail"
    saved = str(config.get("transformers_version") or "")
    if not saved or _major(saved) <= _major(installed):
        return
    message = (
        f"the model was saved by transformers {saved}, and {installed} is installed"
    )
    if strict:
        raise ModelLoadError(
            message,
            reason=Reason.ModelVersionMismatch,
            remedy=f"install transformers>={saved}, or set versionMismatch=warn",
        )
    logger.warning("%s", message)


def _major(version: str) -> int:
    first = version.partition(".")[0]
    return int(first) if first.isdigit() else 0
