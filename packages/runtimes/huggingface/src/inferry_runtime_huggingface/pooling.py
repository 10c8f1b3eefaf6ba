"""One vector for each text, as sentence-transformers says in the model's folder.

Read from ``modules.json`` and the folders that it names; see "Save Sentence
Transformers models" in the documentation of sentence-transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import torch

from inferry.errors import ModelLoadError
from inferry.runtime import options as reading
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_runtime_huggingface.folder import ModelFolder
    from inferry_runtime_huggingface.tasks.encoder import Batch

    Step = Callable[[torch.Tensor], torch.Tensor]

__all__ = ["MODES", "Pooling", "read"]

#: Mode -> how the older configurations name it, in the order of a joined vector.
_KEYS: Mapping[str, str] = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
MODES = tuple(_KEYS)
_ACTIVATIONS: Mapping[str, Step] = {
    "Identity": lambda given: given,
    "Tanh": torch.tanh,
    "ReLU": torch.relu,
    "GELU": torch.nn.functional.gelu,
    "Sigmoid": torch.sigmoid,
}


class Pooling(msgspec.Struct, frozen=True, kw_only=True):
    """How the states of the tokens become one vector; ``steps`` come after that."""

    modes: tuple[str, ...]
    normalise: bool
    with_prompt: bool = True
    steps: tuple[Step, ...] = ()

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Return the vectors of *batch*, one row for each text, in float32."""
        states = batch.output.last_hidden_state.float()
        mask = batch.mask
        if not self.with_prompt:
            mask = mask.clone()
            for index, row in enumerate(batch.rows):
                mask[index, : row.prompt] = 0
        vectors = torch.cat([_pooled(mode, states, mask) for mode in self.modes], -1)
        for step in self.steps:
            vectors = step(vectors)
        return vectors


def read(folder: ModelFolder, options: Mapping[str, Any]) -> Pooling:
    """Return the pooling of *folder*; the options ``pooling``, ``normalize`` win.

    A folder that says nothing gets the mean over the tokens, or the last one where the
    model reads from left to right, brought to length 1.

    Raises:
        ModelLoadError: The folder asks for something that is not known.

    """
    asked = reading.choice(options, "pooling", ("auto", *MODES, "last"))
    normalise = reading.switch(options, "normalize")
    if folder.sentence_transformer:
        found = _modules(folder)
    else:
        saved = folder.document("1_Pooling/config.json")
        default = "lasttoken" if folder.architecture.endswith("ForCausalLM") else "mean"
        found = Pooling(
            modes=_modes(saved, folder) if saved else (default,), normalise=True
        )
    if asked != "auto":
        mode = "lasttoken" if asked == "last" else asked
        found = msgspec.structs.replace(found, modes=(mode,))
    if normalise is not None:
        found = msgspec.structs.replace(found, normalise=normalise)
    return found


def _modules(folder: ModelFolder) -> Pooling:
    modes: tuple[str, ...] = ()
    normalise, with_prompt = False, True
    steps: list[Step] = []
    for module in folder.modules():
        kind, place = module.kind, module.path
        if kind == "Transformer" and not place:
            continue
        if kind == "Pooling":
            saved = folder.document(f"{place}/config.json")
            modes = _modes(saved, folder)
            with_prompt = bool(saved.get("include_prompt", True))
        elif kind == "Normalize":
            normalise = True
        elif kind == "Dense":
            steps.append(_dense(folder, place))
        else:
            raise ModelLoadError(
                f"modules.json in {folder.path} has the module {kind} at {place!r}, "
                "which is not known",
                remedy="use a model of Transformer, Pooling, Dense and Normalize",
            )
    return Pooling(
        modes=modes or ("mean",),
        normalise=normalise,
        with_prompt=with_prompt,
        steps=tuple(steps),
    )


def _modes(saved: Mapping[str, Any], folder: ModelFolder) -> tuple[str, ...]:
    newer = saved.get("pooling_mode")
    given = [newer] if isinstance(newer, str) else newer
    modes = given or [mode for mode, key in _KEYS.items() if saved.get(key)]
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not modes:
        raise ModelLoadError(
            f"1_Pooling/config.json in {folder.path} asks for the pooling "
            f"{unknown[0] if unknown else 'none'!r}",
            remedy=f"set the option pooling to one of {', '.join(MODES)}",
        )
    return tuple(modes)


def _dense(folder: ModelFolder, place: str) -> Step:
    from safetensors.torch import load_file

    config = folder.document(f"{place}/config.json")
    name = str(config.get("activation_function") or "Tanh").rpartition(".")[2]
    activation = _ACTIVATIONS.get(name)
    file = folder.path / place / "model.safetensors"
    if activation is None or not file.is_file():
        raise ModelLoadError(
            f"{place} in {folder.path} is a Dense module "
            + ("without model.safetensors" if activation else f"with {name}"),
            reason=Reason.ModelNotFound if activation else Reason.ModelLoadFailed,
            remedy="save the model again with sentence-transformers",
        )
    try:
        weights = load_file(file)
        weight, bias = weights["linear.weight"].float(), weights.get("linear.bias")
    except Exception as error:
        raise ModelLoadError(
            f"{file} is not the weights of a Dense module",
            reason=Reason.ModelCorrupt,
            remedy="save or upload the model again",
        ) from error
    bias = bias.float() if bias is not None else None

    def dense(given: torch.Tensor) -> torch.Tensor:
        on = given.device
        moved = bias.to(on) if bias is not None else None
        return activation(torch.nn.functional.linear(given, weight.to(on), moved))

    return dense


def _pooled(mode: str, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    lengths = mask.sum(1)
    if mode == "cls":
        return states[torch.arange(len(states)), mask.argmax(1)]
    if mode == "lasttoken":
        places = torch.arange(mask.shape[1], device=mask.device) * mask
        return states[torch.arange(len(states)), places.argmax(1)]
    weights = mask.unsqueeze(-1).to(states.dtype)
    if mode == "max":
        return states.masked_fill(weights == 0, -1e9).amax(1)
    if mode == "weightedmean":
        ranks = torch.arange(1, mask.shape[1] + 1, device=mask.device)
        weights = weights * ranks.unsqueeze(-1)
    total = (states * weights).sum(1)
    if mode == "mean_sqrt_len_tokens":
        return total / lengths.clamp(min=1).unsqueeze(-1).sqrt()
    return total / weights.sum(1).clamp(min=1e-9)
