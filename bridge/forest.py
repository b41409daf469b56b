"""The one form of a tree ensemble inside bridge: a structure of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

MAX_DEPTH = 4096
"""No library grows trees this deep; more means that the tables loop."""

MAX_CATEGORIES = 2**24
"""The numbers below this are the categories that float32 can tell apart; one column's table has a row for each."""


def _no_sets() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Forest:
    """All trees of an ensemble, their nodes one after another.

    Node `i` is a leaf where `left[i] < 0`. Elsewhere a row goes to `left[i]` if `x[feature[i]] <= threshold[i]`,
    to `right[i]` if not, and on NaN to the left where `missing_left[i]`. A node with `category[i] >= 0` asks for
    set membership instead: left if the integer part of x is in set `category[i]`, on NaN as above, else right.
    The result of a row is the sum, over trees, of `values[leaf[i]]` for the leaf that it reaches.

    Attributes
    ----------
    feature, left, right, leaf
        int32, one entry a node; `left` and `right` are absolute node numbers, `leaf` a row of `values`.
    threshold
        float64, one entry a node. Where x is float32, compare with the largest float32 that is not above it.
    missing_left
        bool, one entry a node.
    roots
        int32, the first node of every tree.
    values
        float64, (leaves, outputs).
    category
        int32, one entry a node: a set number or -1.
    set_starts, set_members
        int64; the members of set s are `set_members[set_starts[s]:set_starts[s + 1]]`.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    leaf: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    roots: NDArray[np.int32]
    values: NDArray[np.float64]
    category: NDArray[np.int32]
    set_starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    set_members: NDArray[np.int64] = field(default_factory=_no_sets)

    @property
    def n_nodes(self) -> int:
        return len(self.feature)

    @property
    def n_trees(self) -> int:
        return len(self.roots)

    @property
    def n_outputs(self) -> int:
        return int(self.values.shape[1])

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        return self.left < 0

    @property
    def has_categories(self) -> bool:
        return bool((self.category >= 0).any())

    @cached_property
    def depth(self) -> int:
        """The number of decisions on the longest path; a lone leaf has depth 0."""
        frontier = self.roots
        for depth in range(MAX_DEPTH):
            frontier = frontier[~self.is_leaf[frontier]]
            if not frontier.size:
                return depth
            frontier = np.concatenate([self.left[frontier], self.right[frontier]])
            if len(frontier) > self.n_nodes:
                break
        raise InputError("the tables of a forest loop: a node is its own ancestor, or has two parents")

    def check(self, n_features: int | None = None) -> None:
        """Raise `InputError` where an index points outside its table, a table is too short, or a tree loops."""
        nodes = self.n_nodes
        for name in ("threshold", "left", "right", "leaf", "missing_left", "category"):
            if len(getattr(self, name)) != nodes:
                raise InputError(f"forest table '{name}' has {len(getattr(self, name))} entries, expected {nodes}")
        inner = ~self.is_leaf
        _check_range("left", self.left[inner], nodes)
        _check_range("right", self.right[inner], nodes)
        _check_range("roots", self.roots, nodes)
        _check_range("leaf", self.leaf[~inner], len(self.values))
        _check_range("category", self.category[self.category >= 0], len(self.set_starts) - 1)
        if n_features is not None:
            _check_range("feature", self.feature[inner], n_features)
        starts = self.set_starts
        if starts[:1].tolist() != [0] or (np.diff(starts) < 0).any() or starts[-1] != len(self.set_members):
            raise InputError("forest table 'set_starts' does not cut 'set_members' into sets")
        _check_range("set_members", self.set_members, MAX_CATEGORIES)
        _ = self.depth

    def tables(self) -> list[NDArray[np.generic]]:
        """Return the tables in the order of the operator's inputs."""
        return [getattr(self, f.name) for f in fields(self)]

    @staticmethod
    def from_tables(tables: Sequence[NDArray[np.generic]]) -> Forest:
        """Return the forest that `tables` made."""
        names = [f.name for f in fields(Forest)]
        return Forest(**dict(zip(names, tables, strict=True)))  # type: ignore[arg-type]


def _check_range(name: str, indices: NDArray[np.integer], size: int) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        worst = int(indices.min()) if indices.min() < 0 else int(indices.max())
        raise InputError(f"forest table '{name}' points to {worst}, outside of 0..{size - 1}")


def concatenate(forests: Iterable[Forest]) -> Forest:
    """Return one forest that holds the trees of `forests` in order; all must have the same number of outputs.

    Of an iterator, one forest at a time is held beside the result.
    """
    tables: dict[str, NDArray[np.generic]] = {}
    for forest in forests:
        if not tables:
            # The tables grow in place: they own their memory, which the first forest's may not.
            tables = {f.name: getattr(forest, f.name).copy() for f in fields(Forest)}
            continue
        n_outputs = tables["values"].shape[1]
        if forest.n_outputs != n_outputs:
            raise InputError(f"forests with {sorted({n_outputs, forest.n_outputs})} outputs cannot be joined")
        counts = {name: len(table) for name, table in tables.items()}
        inner, n, sets = ~forest.is_leaf, counts["feature"], counts["set_starts"] - 1
        shifted = replace(
            forest,
            left=np.where(inner, forest.left + n, -1),
            right=np.where(inner, forest.right + n, -1),
            leaf=np.where(inner, -1, forest.leaf + counts["values"]),
            roots=forest.roots + n,
            category=np.where(forest.category >= 0, forest.category + sets, -1),
            set_starts=forest.set_starts[1:] + counts["set_members"],
        )
        for name, table in tables.items():
            _append(table, getattr(shifted, name))
    return Forest(**tables)  # type: ignore[arg-type]


def _append(table: NDArray[np.generic], rows: NDArray[np.generic]) -> None:
    """Append rows in place: the system moves the pages of a large table, and copies nothing."""
    start = len(table)
    table.resize((start + len(rows), *table.shape[1:]), refcheck=False)
    table[start:] = rows


def floor_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each value.

    For a float32 x, `x <= t` in float64 and `x <= floor_float32(t)` in float32 decide the same way, because no
    float32 lies between the two thresholds.
    """
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
        return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)
