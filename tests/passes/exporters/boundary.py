"""Rows on the thresholds of a file's trees, and how far rounding may take its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 300
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38, -1.0, 2.5, 99.0]
TREES = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target"}
EPSILON = 2.0**-24
"""Half the distance from 1 to the next float32: what one rounding may add, relative to the number rounded."""


def rows_for(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return random rows for all inputs: thresholds of their feature, the float32 numbers next to them, special ones.

    Text is drawn from what the file knows and does not know.
    """
    rng = np.random.default_rng(0)
    feeds, feature = {}, 0
    for value in model.graph.input:
        kind = value.type.tensor_type
        width = kind.shape.dim[1].dim_value
        columns = [_column(model, kind.elem_type, feature + i, rng) for i in range(width)]
        feeds[value.name] = np.column_stack(columns)
        feature += width
    return feeds


def _column(model: onnx.ModelProto, kind: int, feature: int, rng: np.random.Generator) -> np.ndarray:
    if kind == TensorProto.STRING:
        return rng.choice(np.array([*_texts(model), "", "none of them"], object), ROWS)
    if kind == TensorProto.BOOL:
        return rng.random(ROWS) < 0.5
    on = np.array(sorted(_thresholds(model, feature)), np.float32)
    beside = [np.nextafter(on, np.float32(side)) for side in (-np.inf, np.inf)]
    usual = [rng.normal(size=20), np.arange(12)]
    pool = np.concatenate([on, *beside, np.array(SPECIAL, np.float32), *usual])
    return rng.choice(pool, ROWS).astype(helper.tensor_dtype_to_np_dtype(kind))


def _thresholds(model: onnx.ModelProto, feature: int) -> set[float]:
    found = set()
    for attributes in tree_attributes(model):
        nodes = zip(*(attributes[f"nodes_{n}"] for n in ("featureids", "modes", "values")), strict=True)
        found |= {value for asked, mode, value in nodes if asked == feature and mode != b"LEAF"}
    return found


def _texts(model: onnx.ModelProto) -> list[str]:
    names = {"keys_strings", "classes_strings"}
    return [t.decode() for n in model.graph.node for a in n.attribute if a.name in names for t in a.strings]


def tree_attributes(model: onnx.ModelProto) -> Iterator[dict[str, Any]]:
    """Yield the attributes of each tree ensemble, and under "kind" how the names of its scores begin."""
    for node in model.graph.node:
        if node.op_type in TREES:
            yield {a.name: helper.get_attribute_value(a) for a in node.attribute} | {"kind": TREES[node.op_type]}


def rounding_bound(model: onnx.ModelProto) -> float:
    """Return how far, absolutely or relatively, answers of the file and of its lowered form may lie apart.

    Each adds the n leaves that a row reaches in float32, in an order of its own: at most n roundings, each of EPSILON
    of the sum of magnitudes so far (Higham 2002, section 4.2), so twice that between them. What follows (a link
    function, a division) is at most as steep as its own result, for probabilities a quarter, and rounds a few times.
    """
    roundings = 16.0
    for attributes in tree_attributes(model):
        kind = attributes["kind"]
        trees = np.array(attributes[f"{kind}_treeids"])
        weights = np.abs(attributes[f"{kind}_weights"])
        largest = sum(weights[trees == tree].max() for tree in np.unique(trees))
        largest += np.abs(attributes.get("base_values") or [0]).max()
        roundings += 2 * (len(np.unique(trees)) + 1) * largest
    return roundings * EPSILON


def with_whole_leaves(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with other leaves, all multiples of 2**-10: their sums are exact in any order.

    Each keeps its sign, on which a classifier's answers depend, and no two of one tree are equal. A post_transform is
    left out: it would round.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for node in changed.graph.node:
        if node.op_type not in TREES:
            continue
        for attribute in node.attribute:
            if attribute.name == f"{TREES[node.op_type]}_weights":
                numbers = [np.copysign((i % 1024 + 1) / 1024, w) for i, w in enumerate(attribute.floats)]
                attribute.floats[:] = numbers
            if attribute.name == "post_transform":
                attribute.s = b"NONE"
    return changed
