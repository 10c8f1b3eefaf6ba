"""Read LightGBM's text model into its parts, and check that its trees are trees.

The native reader takes sizes and indices as they are: a child that does not exist makes
it read foreign memory, one that leads back makes it search for ever.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["Header", "check", "trees"]

_END = "end of trees"
_CATEGORICAL = 1
_INTEGERS = re.compile(r"[0-9\- ]*")
_FLOATS = re.compile(r"[0-9+\-.einfa ]*")
#: An exponent of 300 and more, which no model has and FP64 hardly.
_BEYOND = re.compile(r"e[+-]?0*[3-9][0-9]{2}|e[+-]?[0-9]{4}")
#: Fields of a tree -> how many values more than inner nodes; absent in older versions.
_VALUES = {
    "split_gain": 0,
    "internal_value": 0,
    "internal_weight": 0,
    "internal_count": 0,
    "leaf_weight": 1,
    "leaf_count": 1,
}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the model says of itself before its first tree."""

    version: str
    features: int
    classes: int
    per_iteration: int
    objective: tuple[str, ...]
    names: tuple[str, ...]
    infos: tuple[str, ...]


def check(text: str) -> Header:
    """Return the header of the model *text*, once its trees are known to be sound.

    Raises:
        ValueError: It is no model of LightGBM, or LightGBM would be led astray by it.
            `KeyError` means the same.

    """
    start, end = text.find("\nTree="), text.find("\n" + _END)
    _need(end >= 0, f"the line {_END!r}")
    start = end if start < 0 or start > end else start
    fields = _fields(text[:start])
    header = _header(fields)
    if start < end:
        found = _trees(text[start + 1 : end + 1], fields)
        _need(len(found) % header.per_iteration == 0, "num_tree_per_iteration")
        for index, tree in enumerate(found):
            try:
                wrong = any("=" not in line for line in tree.split("\n") if line)
                _need(not wrong, "a line without =")
                _tree(_fields(tree), header)
            except (ValueError, KeyError) as error:
                raise ValueError(f"tree {index}: {_said(error)}") from None
    return header


def trees(text: str) -> str:
    """Return the checked model *text* up to the end of its trees.

    What follows tells how it was trained, which predictions do not need; the native
    reader of these parameters ends the process where a line is damaged.
    """
    return text[: text.index("\n" + _END)] + f"\n{_END}\n"


def _header(fields: Mapping[str, str]) -> Header:
    header = Header(
        version=fields["version"],
        features=int(fields["max_feature_idx"]) + 1,
        classes=int(fields["num_class"]),
        per_iteration=int(fields["num_tree_per_iteration"]),
        objective=tuple(fields.get("objective", "").split()),
        names=tuple(fields["feature_names"].split()),
        infos=tuple(fields["feature_infos"].split()),
    )
    _need(0 < header.features < 2**31, "max_feature_idx")
    _need(len(header.names) == header.features, "feature_names")
    _need(len(header.infos) == header.features, "feature_infos")
    _need(0 < header.classes < 2**20, "num_class")
    _need(header.per_iteration in (1, header.classes), "num_tree_per_iteration")
    for part in header.objective:
        if part.startswith("num_class:"):
            same = int(part.partition(":")[2]) == header.classes == header.per_iteration
            _need(same, "num_class of the objective")
    constraints = fields.get("monotone_constraints")
    if constraints is not None:
        _need(len(constraints.split()) == header.features, "monotone_constraints")
    return header


def _trees(text: str, fields: Mapping[str, str]) -> list[str]:
    """Cut *text* as LightGBM does: by ``tree_sizes``, in bytes, where it is given."""
    if "tree_sizes" not in fields:
        return ["Tree=" + each for each in text.split("Tree=")[1:]]
    data = text.encode()
    sizes = _integers(fields["tree_sizes"])
    _need(bool((sizes > 0).all()) and int(sizes.sum()) <= len(data), "tree_sizes")
    cuts = [0, *np.cumsum(sizes).tolist()]
    found = [data[start:end].decode() for start, end in pairwise(cuts)]
    _need(not data[cuts[-1] :].strip(), "tree_sizes")
    for index, tree in enumerate(found):
        _need(tree.startswith(f"Tree={index}\n"), "tree_sizes")
        _need(tree.count("Tree=") == 1, "tree_sizes")
    return found


def _tree(fields: Mapping[str, str], header: Header) -> None:
    for key in ("num_leaves", "num_cat", "is_linear", "shrinkage"):
        _need(len(_floats(fields.get(key, "1"))) == 1, key)
    leaves, _ = int(fields["num_leaves"]), int(fields["num_cat"])
    _need(leaves > 0 and len(_floats(fields["leaf_value"])) == leaves, "leaf_value")
    if "leaf_weight" in fields and leaves > 1:
        _need(len(_floats(fields["leaf_weight"])) in (0, leaves), "leaf_weight")
    inner = leaves - 1
    if inner:
        for key, more in _VALUES.items():
            if key in fields:
                _need(len(_floats(fields[key])) in (0, inner + more), key)
        _need(len(_floats(fields["threshold"])) == inner, "threshold")
        _children(fields, inner)
        _splits(fields, inner, header)
    if int(fields.get("is_linear", "0")):
        _linear(fields, leaves, header)


def _children(fields: Mapping[str, str], inner: int) -> None:
    """Check that each inner node but the root, and each leaf, has one parent."""
    left, right = _integers(fields["left_child"]), _integers(fields["right_child"])
    _need(len(left) == len(right) == inner, "left_child")
    children = np.sort(np.concatenate([left, right]))
    # Leaves count from -1 downwards, the root is 0.
    leaves = np.arange(-inner - 1, 0)
    expected = np.concatenate([leaves, np.arange(1, inner)])
    _need(np.array_equal(children, expected), "children")


def _splits(fields: Mapping[str, str], inner: int, header: Header) -> None:
    features = _integers(fields["split_feature"])
    _need(len(features) == inner, "split_feature")
    _need(_within(features, 0, header.features), "split_feature")
    kinds = _integers(fields["decision_type"]) if "decision_type" in fields else None
    categories = int(fields["num_cat"])
    if kinds is None:
        _need(categories == 0, "decision_type")
        return
    _need(len(kinds) == inner, "decision_type")
    chosen = (kinds & _CATEGORICAL).astype(bool)
    if categories or chosen.any():
        thresholds = _floats(fields["threshold"])[chosen]
        _need(bool(((thresholds >= 0) & (thresholds < categories)).all()), "threshold")
        cuts = _integers(fields["cat_boundaries"])
        words = _integers(fields["cat_threshold"])
        _need(_within(words, 0, 2**32), "cat_threshold")
        _need(len(cuts) == categories + 1 and cuts[0] == 0, "cat_boundaries")
        rising = bool((np.diff(cuts) >= 0).all()) and int(cuts[-1]) == len(words)
        _need(rising, "cat_boundaries")


def _linear(fields: Mapping[str, str], leaves: int, header: Header) -> None:
    counts = _integers(fields["num_features"])
    _need(len(counts) == leaves and bool((counts >= 0).all()), "num_features")
    _need(len(_floats(fields["leaf_const"])) == leaves, "leaf_const")
    total = int(counts.sum())
    features = _integers(fields.get("leaf_features", ""))
    _need(len(features) == total, "leaf_features")
    _need(_within(features, 0, header.features), "leaf_features")
    _need(len(_floats(fields.get("leaf_coeff", ""))) == total, "leaf_coeff")


def _fields(text: str) -> dict[str, str]:
    """Return the ``key=value`` lines; a flag without a value has an empty one."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if line.strip():
            key, _, value = line.partition("=")
            _need(key not in found, f"a second {key[:40]!r}")
            found[key] = value
    return found


def _integers(text: str) -> Numbers:
    _need(_INTEGERS.fullmatch(text) is not None, f"{text[:40]!r}")
    return np.array(text.split(), dtype=np.int64)


def _floats(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the numbers of *text*; at what is none LightGBM ends the process."""
    _need(_FLOATS.fullmatch(text) is not None, f"{text[:40]!r}")
    _need(_BEYOND.search(text) is None, "a number beyond FP64")
    return np.array(text.split(), dtype=np.float64)


def _within(values: Numbers, least: int, end: int) -> bool:
    return bool(((values >= least) & (values < end)).all())


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return str(error)


def _need(right: bool, what: str) -> None:  # noqa: FBT001 - as an assertion reads
    if not right:
        raise ValueError(f"{what} cannot be right")
