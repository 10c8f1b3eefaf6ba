"""Load a tokenizer and weights with transformers, from a folder and nowhere else."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import torch
import transformers

from inferry.errors import ModelLoadError, one_line
from inferry.runtime.files import listing, readable
from inferry.status import Reason
from inferry_runtime_huggingface._device import (
    choose_device,
    choose_dtype,
    use_threads,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_runtime_huggingface.folder import ModelFolder

__all__ = ["load_model", "load_tokenizer", "memory_of"]

logger = logging.getLogger(__name__)

#: What tokenizers are made of; from a folder without them transformers makes an empty
#: one, which knows no word.
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "tekken.json",
)
_BESIDE = "put tokenizer.json and tokenizer_config.json beside config.json"


def load_tokenizer(folder: ModelFolder, **more: Any) -> Any:  # noqa: ANN401 - as transformers
    """Return the tokenizer of *folder*; *more* goes to ``from_pretrained``.

    Raises:
        ModelLoadError: There is none, or it cannot be read.

    """
    found = [name for name in _TOKENIZERS if (folder.path / name).is_file()]
    if not found and not folder.remote_code:
        raise ModelLoadError(
            f"{folder.path} has no tokenizer: looked for tokenizer.json; found "
            f"{listing(folder.path)}",
            reason=Reason.ModelNotFound,
            remedy=_BESIDE,
        )
    for name in found:
        readable(folder.path / name)
    try:
        return transformers.AutoTokenizer.from_pretrained(
            str(folder.path),
            local_files_only=True,
            trust_remote_code=folder.remote_code,
            **more,
        )
    except Exception as error:
        raise ModelLoadError(
            f"the tokenizer in {folder.path} cannot be loaded: {one_line(error)}",
            reason=Reason.ModelCorrupt,
            remedy=_BESIDE,
        ) from error


def load_model(
    folder: ModelFolder,
    options: Mapping[str, Any],
    auto_class: str,
    **more: Any,  # noqa: ANN401 - as transformers
) -> Any:  # noqa: ANN401 - a module of any architecture
    """Return the model of *folder* as *auto_class* makes it, ready to infer.

    It is on the device and in the type of numbers that *options* name, and PyTorch's
    threads are set; *more* goes to ``from_pretrained``.

    Raises:
        ModelLoadError: With the reason and what to do.

    """
    began = time.monotonic()
    device = choose_device(options)
    dtype = choose_dtype(options, folder.config, device)
    use_threads(options)
    # Its reports go to this module's errors and logs, and nobody looks at its bars.
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, report = getattr(transformers, auto_class).from_pretrained(
            str(folder.path),
            local_files_only=True,
            trust_remote_code=folder.remote_code,
            use_safetensors=not folder.pickle,
            weights_only=True,
            dtype=dtype,
            output_loading_info=True,
            **more,
        )
        model = model.eval().to(device)
    except torch.cuda.OutOfMemoryError as error:
        raise ModelLoadError(
            f"the model in {folder.path} does not fit on {device}",
            reason=Reason.OutOfMemory,
        ) from error
    except Exception as error:
        raise _load_error(folder, error) from error
    _check_missing(folder, auto_class, report)
    logger.info(
        "loaded %s as %s on %s in %s: %.1f MiB, %.2f s",
        folder.path.name,
        type(model).__name__,
        device,
        str(dtype).removeprefix("torch."),
        memory_of(model) / 2**20,
        time.monotonic() - began,
    )
    return model


def memory_of(model: Any) -> int:  # noqa: ANN401 - as above
    """Return how many bytes the weights and buffers of *model* take."""
    held = {
        each.data_ptr(): each.numel() * each.element_size()
        for each in (*model.parameters(), *model.buffers())
    }
    return sum(held.values())


def _check_missing(
    folder: ModelFolder, auto_class: str, report: Mapping[str, Any]
) -> None:
    """Refuse what transformers would fill with random numbers."""
    missing = sorted(report.get("missing_keys") or ())
    # A pooler that was not saved is not used either: pooling is ours.
    missing = [key for key in missing if not key.startswith("pooler.")]
    wrong = sorted(str(each[0]) for each in report.get("mismatched_keys") or ())
    for keys, what in ((missing, "have no"), (wrong, "have another shape for")):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise ModelLoadError(
                f"the weights in {folder.path} {what} {keys[0]}{more}, which "
                f"{auto_class} needs",
                reason=Reason.ModelCorrupt,
                remedy="set the option task to what the model was trained for, or "
                "upload the model again",
            )


def _load_error(folder: ModelFolder, error: Exception) -> ModelLoadError:
    text = one_line(error)
    if "does not recognize this architecture" in text:
        return ModelLoadError(
            f"transformers {transformers.__version__} does not know the model type "
            f"{folder.config.get('model_type')!r} of {folder.path}",
            reason=Reason.ModelVersionMismatch,
            remedy="upgrade transformers, or correct config.json",
        )
    return ModelLoadError(
        f"transformers cannot load {folder.path}: {text}",
        reason=Reason.ModelLoadFailed,
        remedy="look whether config.json fits the weights",
    )
