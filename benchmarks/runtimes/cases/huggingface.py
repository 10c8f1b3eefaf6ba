"""Hugging Face: the embeddings of a BERT of two layers and random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from runtimes.case import Case

from inferry.model import InferRequest, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = tuple(f"word{number}" for number in range(200))


def cases() -> Iterable[Case]:
    """Yield sentences of 4 to 19 words."""
    yield Case(
        title="Hugging Face, embeddings",
        target="inferry_runtime_huggingface.model:HuggingfaceModel",
        make=_make,
        bare=_bare,
        request=_request,
        needs=("torch", "transformers", "inferry_runtime_huggingface"),
        options={"threads": 1},
        rtol=1e-4,
    )


def _request(rows: int) -> InferRequest:
    texts = [" ".join(WORDS[row : row + 4 + row % 16]) for row in range(rows)]
    data: np.ndarray[Any, Any] = np.empty(rows, dtype=object)
    data[:] = [text.encode() for text in texts]
    tensor = Tensor(name="input-0", datatype="BYTES", data=data)
    return InferRequest(inputs=(tensor,))


def _make(folder: Path) -> Path:
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    transformers.logging.disable_progress_bar()
    vocabulary = {word: index for index, word in enumerate((*SPECIAL, *WORDS))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    special = dict(zip(names, SPECIAL, strict=True))
    transformers.BertTokenizer(tokenizer_object=made, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
        max_position_embeddings=64,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def _bare(path: Path) -> Callable[..., Any]:
    import torch
    import transformers

    torch.set_num_threads(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model = transformers.AutoModel.from_pretrained(path).eval()

    def embed(texts: Any) -> Any:  # noqa: ANN401 - arrays
        with torch.inference_mode():
            given = tokenizer(
                [text.decode() for text in texts.tolist()],
                padding=True,
                truncation=True,
                return_tensors="pt",
            )
            states = model(**given).last_hidden_state
            mask = given["attention_mask"].unsqueeze(-1).float()
            vectors = (states * mask).sum(1) / mask.sum(1)
            return torch.nn.functional.normalize(vectors, dim=1).numpy()

    return embed
