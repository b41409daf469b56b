"""Read the trees of CatBoost into a `Forest`, from the JSON that CatBoost itself writes."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import InputError, UnsupportedError
from bridge.forest import Forest, concatenate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOST_LEVELS = 16
"""CatBoost grows no deeper trees of one question a level; a tree of 16 levels has 65,536 leaves."""


@dataclass(frozen=True)
class Scored:
    """A model's trees, and what turns their sums into its raw scores: ``scale * sum + bias``.

    Attributes
    ----------
    forest
        One output for each dimension of the scores, leaves as CatBoost stores them.
    scale
        Of all outputs.
    bias
        float64 (outputs,).
    """

    forest: Forest
    scale: float
    bias: NDArray[np.float64]


def read_catboost(model: Any) -> Scored:
    """Return the content of a fitted CatBoost model.

    Raises `UnsupportedError` where it was fitted on other than numeric features, with their names.
    """
    for kind in ("cat", "text", "embedding"):
        if positions := getattr(model, f"_get_{kind}_feature_indices")():
            names = ", ".join(repr(model.feature_names_[i]) for i in positions)
            raise UnsupportedError(
                f"{type(model).__name__} was fitted with {kind}_features {names}, which only CatBoost can compute.\n"
                "Encode them as numbers first (an OrdinalEncoder, say), fit without them, and export the pipeline."
            )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save_model(str(file), format="json")
        return read_document(json.loads(file.read_text()))


def read_document(document: Mapping[str, Any]) -> Scored:
    """Return the content of a model in CatBoost's JSON format.

    Raises `InputError` where it is damaged, and `UnsupportedError` for a split on other than a number.
    """
    try:
        scale, bias = document["scale_and_bias"]
        base = np.array(bias, np.float64)
        features = {
            int(f["feature_index"]): (int(f["flat_feature_index"]), f["nan_value_treatment"] != "AsTrue")
            for f in document["features_info"].get("float_features", ())
        }
        if "oblivious_trees" in document:
            trees = [_read_symmetric(tree, features, len(base)) for tree in document["oblivious_trees"]]
        else:
            trees = [_read_nested(tree, features, len(base)) for tree in document["trees"]]
        forest = concatenate(trees)
        forest.check(1 + max((column for column, _ in features.values()), default=0))
        return Scored(forest, float(scale), base)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"the CatBoost model is damaged ({type(error).__name__}: {error}). Fit it again.") from error


def _read_split(split: Mapping[str, Any], features: Mapping[int, tuple[int, bool]]) -> tuple[int, float, bool]:
    """Return the column, the border, and whether NaN goes the way of small numbers.

    CatBoost asks ``x > border`` in float32, which NaN fails, unless its feature is treated "AsTrue".
    """
    if split["split_type"] != "FloatFeature":
        raise UnsupportedError(f"a CatBoost tree splits on a {split['split_type']}; expected numeric features only")
    column, missing_left = features[split["float_feature_index"]]
    border = float(np.float32(split["border"]))
    if np.isnan(border):
        raise ValueError(f"a split on feature {column} has the border NaN")
    return column, border, missing_left


def _read_symmetric(tree: Mapping[str, Any], features: Mapping[int, tuple[int, bool]], outputs: int) -> Forest:
    """Return a tree that asks one question a level, level by level.

    The first split of the table is the lowest bit of a leaf's number: asked last, it leaves the leaves in order.
    """
    splits = [_read_split(split, features) for split in reversed(tree.get("splits") or ())]
    depth = len(splits)
    if depth > MOST_LEVELS:
        raise ValueError(f"a tree has {depth} levels; CatBoost grows at most {MOST_LEVELS}")
    inner = 2**depth - 1
    level = np.repeat(np.arange(depth), 2 ** np.arange(depth))
    columns, borders, missing_left = (np.array(c) for c in zip(*splits, strict=True)) if splits else (np.zeros(0),) * 3
    return _tree(
        feature=columns[level],
        threshold=borders[level],
        missing_left=missing_left[level],
        left=2 * np.arange(inner) + 1,
        right=2 * np.arange(inner) + 2,
        inner=np.arange(2 * inner + 1) < inner,
        values=np.array(tree["leaf_values"], np.float64).reshape(2**depth, outputs),
    )


def _read_nested(tree: Mapping[str, Any], features: Mapping[int, tuple[int, bool]], outputs: int) -> Forest:
    """Return a tree of nodes within nodes, parents before children."""
    nodes = [tree]
    splits, children, values = [], [], []
    for node in nodes:  # grows while it is walked
        if "split" in node:
            splits.append(_read_split(node["split"], features))
            children.append(len(nodes))
            nodes += [node["left"], node["right"]]
        else:
            values.append(np.array(node["value"], np.float64).reshape(outputs))
    columns, borders, missing_left = (np.array(c) for c in zip(*splits, strict=True)) if splits else (np.zeros(0),) * 3
    return _tree(
        feature=columns,
        threshold=borders,
        missing_left=missing_left,
        left=np.array(children, np.int64),
        right=np.array(children, np.int64) + 1,
        inner=np.array(["split" in node for node in nodes]),
        values=np.array(values),
    )


def _tree(*, inner: NDArray[np.bool_], values: NDArray[np.float64], **decisions: NDArray[Any]) -> Forest:
    """Return one tree; `decisions` have an entry for each inner node, `values` a row for each leaf, in their order."""

    def spread(name: str, leaf: float) -> NDArray[Any]:
        table = np.full(len(inner), leaf)
        table[inner] = decisions[name]
        return table

    return Forest(
        feature=spread("feature", 0).astype(np.int32),
        threshold=spread("threshold", 0.0),
        left=spread("left", -1).astype(np.int32),
        right=spread("right", -1).astype(np.int32),
        leaf=np.where(inner, -1, np.cumsum(~inner) - 1).astype(np.int32),
        missing_left=spread("missing_left", 0).astype(np.bool_),
        roots=np.zeros(1, np.int32),
        values=values,
        category=np.full(len(inner), -1, np.int32),
    )
