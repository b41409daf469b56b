"""Read the trees of LightGBM and XGBoost into a `Forest`, through treelite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import MissingExtraError, UnsupportedError
from bridge.forest import Forest, concatenate

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORICAL_NODE = 2
LESS_THAN = 2
LESS_OR_EQUAL = 3


@dataclass(frozen=True)
class Boosted:
    """A booster's trees, and what turns their sums into its answer.

    Attributes
    ----------
    forest
        One output a class or target, leaves as the library stores them.
    base
        float64 (outputs,), added to the sums.
    link
        treelite's name of the function behind the sums: "identity", "sigmoid", "softmax", "exponential", ...
    alpha
        What the sums are multiplied with before a sigmoid.
    divisor
        What the sums are divided by before all else: the number of rounds, for a booster that averages.
    """

    forest: Forest
    base: NDArray[np.float64]
    link: str
    alpha: float
    divisor: int = 1


def read_treelite(model: Any) -> Boosted:
    """Return the content of a `treelite.Model`; raises `UnsupportedError` for a comparison other than < and <=."""
    header = model.get_header_accessor()
    n_targets = int(header.get_field("num_target")[0])
    n_classes = int(header.get_field("num_class").max())
    trees = []
    for i in range(int(header.get_field("num_tree")[0])):
        ids = (max(0, int(header.get_field(name)[i])) for name in ("target_id", "class_id"))
        target = next(ids) * n_classes + next(ids)
        trees.append(_read_tree(model.get_tree_accessor(i), n_targets * n_classes, target))
    averages = bool(header.get_field("average_tree_output")[0])
    return Boosted(
        concatenate(trees),
        np.array(header.get_field("base_scores"), np.float64),  # a copy: the field is a view into the treelite model
        str(header.get_field("postprocessor")),
        float(header.get_field("sigmoid_alpha")[0]),
        divisor=len(trees) // (n_targets * n_classes) if averages else 1,
    )


def read_booster(booster: Any, library: Literal["lightgbm", "xgboost"]) -> Boosted:
    """Return the content of a `lightgbm.Booster` or `xgboost.Booster`.

    Raises `UnsupportedError` with treelite's own reason for a booster that is more than trees.
    """
    try:
        import treelite
    except ImportError as error:
        raise MissingExtraError("treelite", extra="export", purpose="exporting a booster") from error
    try:
        return read_treelite(getattr(treelite.frontend, f"from_{library}")(booster))
    except treelite.TreeliteError as error:
        raise UnsupportedError(f"treelite cannot read this {library} booster: {error}") from error


def _read_tree(tree: Any, n_outputs: int, target: int) -> Forest:
    left, right = tree.get_field("cleft").astype(np.int32), tree.get_field("cright").astype(np.int32)
    is_leaf = left < 0
    threshold = _inclusive(tree.get_field("threshold"), tree.get_field("cmp"), is_leaf)
    missing_left = tree.get_field("default_left").astype(np.bool_) & ~is_leaf
    categorical = (tree.get_field("node_type") == CATEGORICAL_NODE) & ~is_leaf
    swapped = categorical & tree.get_field("category_list_right_child").astype(np.bool_)
    left, right = np.where(swapped, right, left), np.where(swapped, left, right)
    missing_left = np.where(swapped, ~missing_left, missing_left)
    begin, end = tree.get_field("category_list_begin"), tree.get_field("category_list_end")
    members = tree.get_field("category_list").astype(np.int64)
    sets = [members[int(begin[node]) : int(end[node])] for node in np.flatnonzero(categorical)]
    return Forest(
        feature=np.where(is_leaf, 0, tree.get_field("split_index")).astype(np.int32),
        threshold=np.where(is_leaf | categorical, 0.0, threshold),
        left=np.where(is_leaf, -1, left).astype(np.int32),
        right=np.where(is_leaf, -1, right).astype(np.int32),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32),
        missing_left=missing_left,
        roots=np.zeros(1, np.int32),
        values=_leaf_values(tree, is_leaf, n_outputs, target),
        category=np.where(categorical, np.cumsum(categorical) - 1, -1).astype(np.int32),
        set_starts=np.cumsum([0] + [len(s) for s in sets]).astype(np.int64),
        set_members=np.concatenate([np.zeros(0, np.int64), *sets]),
    )


def _inclusive(threshold: NDArray[Any], comparison: NDArray[Any], is_leaf: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return thresholds for `<=`: `x < t` is `x <= t'` with the next number below t, in the dtype of x and t."""
    used = set(comparison[~is_leaf].tolist()) - {0}
    if not used <= {LESS_THAN, LESS_OR_EQUAL}:
        raise UnsupportedError(f"a tree compares with operators {sorted(used)} of treelite; expected < or <=")
    below = np.nextafter(threshold, -np.inf, dtype=threshold.dtype)
    return np.where(comparison == LESS_THAN, below, threshold).astype(np.float64)


def _leaf_values(tree: Any, is_leaf: NDArray[np.bool_], n_outputs: int, target: int) -> NDArray[np.float64]:
    vectors = tree.get_field("leaf_vector")
    if len(vectors):
        return np.asarray(vectors, np.float64).reshape(-1, n_outputs)
    values = np.zeros((int(is_leaf.sum()), n_outputs))
    values[:, target] = tree.get_field("leaf_value")[is_leaf]
    return values
