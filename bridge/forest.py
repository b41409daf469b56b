"""The one form of a tree ensemble inside bridge: a structure of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

MAX_DEPTH = 4096
"""No library grows trees this deep; more means that the tables loop."""

MAX_CATEGORIES = 2**24
"""The numbers below this are the categories that float32 can tell apart; one column's table has a row for each."""

MOST_FEATURES = 2**31
"""What int32 can number."""


def _no_sets() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Levels:
    """Where the nodes of trees stand when each tree is read level by level, from left to right.

    Attributes
    ----------
    place
        int32, one entry a node: its number in its tree. The root has 0; siblings are neighbours, and the left one has
        an odd number. -1 for nodes that no root leads to.
    size, depth
        int32, one entry a tree: its nodes, and its decisions on the longest path.
    """

    place: NDArray[np.int32]
    size: NDArray[np.int32]
    depth: NDArray[np.int32]


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
        float64, (rows, outputs); leaves that score the same may share a row.
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

    @property
    def depth(self) -> int:
        """The number of decisions on the longest path; a lone leaf has depth 0."""
        return int(self.levels.depth.max(initial=0))

    @cached_property
    def levels(self) -> Levels:
        """Where the nodes stand; raises `InputError` where a tree loops."""
        return _find_levels(self.left, self.right, self.roots)

    @cached_property
    def stands_tree_by_tree(self) -> bool:
        """Whether each tree has a stretch of the tables to itself, in their order, and its root comes first."""
        ends = np.cumsum(self.levels.size)
        if ends[-1:].tolist() != [self.n_nodes] or not np.array_equal(self.roots, ends - self.levels.size):
            return False
        number = np.arange(self.n_nodes, dtype=np.int32)
        goes_back = ((self.left <= number) | (self.right <= number)) & ~self.is_leaf
        last = np.maximum.reduceat(np.maximum(self.left, self.right), self.roots)
        return not goes_back.any() and bool((last < ends).all())

    def forget_levels(self) -> None:
        """Let go of what was found of where the nodes stand, which takes four bytes a node."""
        self.__dict__.pop("levels", None)

    @property
    def tree_of_node(self) -> NDArray[np.int32]:
        """The tree that each node belongs to, -1 for nodes that no root leads to."""
        trees = np.arange(self.n_trees, dtype=np.int32)
        if self.stands_tree_by_tree:
            return np.repeat(trees, self.levels.size)
        tree = np.full(self.n_nodes, -1, np.int32)
        node = self.roots
        tree[node] = trees
        while node.size:
            node = node[self.left[node] >= 0]
            children = [self.left[node], self.right[node]]
            for child in children:
                tree[child] = tree[node]
            node = np.concatenate(children)
        return tree

    @cached_property
    def leaf_depths(self) -> NDArray[np.int64]:
        """How many leaves stand below 0, 1, 2, ... decisions."""
        counts = []
        frontier = self.roots
        while frontier.size:
            inner = frontier[~self.is_leaf[frontier]]
            counts.append(len(frontier) - len(inner))
            frontier = np.concatenate([self.left[inner], self.right[inner]])
        return np.array(counts)

    def check(self, n_features: int | None = None) -> None:
        """Raise `InputError` where an index points outside its table, a table is too short, or a tree loops."""
        nodes = self.n_nodes
        for name in ("threshold", "left", "right", "leaf", "missing_left", "category"):
            if len(getattr(self, name)) != nodes:
                raise InputError(f"forest table '{name}' has {len(getattr(self, name))} entries, expected {nodes}")
        if not self.n_trees:
            raise InputError("the forest has no trees")
        inner = np.flatnonzero(~self.is_leaf)
        _check_range("left", self.left[inner], nodes)
        _check_range("right", self.right[inner], nodes)
        _check_range("roots", self.roots, nodes)
        _check_range("leaf", self.leaf[self.is_leaf], len(self.values))
        _check_range("category", self.category[self.category >= 0], len(self.set_starts) - 1)
        _check_range("feature", self.feature[inner], MOST_FEATURES if n_features is None else n_features)
        starts = self.set_starts
        if starts[:1].tolist() != [0] or (np.diff(starts) < 0).any() or starts[-1] != len(self.set_members):
            raise InputError("forest table 'set_starts' does not cut 'set_members' into sets")
        _check_range("set_members", self.set_members, MAX_CATEGORIES)
        _ = self.levels

    def changed(self, **tables: NDArray[Any]) -> Forest:
        """Return a forest with other tables, which remembers what is known of its trees where their nodes stay."""
        other = replace(self, **tables)
        if not tables.keys() & {"left", "right", "roots"}:
            known = {"levels", "stands_tree_by_tree"} & self.__dict__.keys()
            other.__dict__.update({name: self.__dict__[name] for name in known})
        return other

    def tables(self) -> list[NDArray[np.generic]]:
        """Return the tables in the order of the operator's inputs."""
        return [getattr(self, f.name) for f in fields(self)]

    @staticmethod
    def from_tables(tables: Sequence[NDArray[np.generic]]) -> Forest:
        """Return the forest that `tables` made; raise `InputError` where they are too few, or of other types."""
        if len(tables) != len(TABLES):
            raise InputError(f"a forest has {len(TABLES)} tables, found {len(tables)}")
        for table, (name, dtype) in zip(tables, TABLES.items(), strict=True):
            axes = 2 if name == "values" else 1
            if table.dtype != dtype or table.ndim != axes:
                raise InputError(
                    f"forest table '{name}' is {table.dtype} with {table.ndim} axes, expected {dtype} with {axes}"
                )
        return Forest(**dict(zip(TABLES, tables, strict=True)))  # type: ignore[arg-type]


TABLES: Mapping[str, np.dtype[Any]] = {
    "feature": np.dtype(np.int32),
    "threshold": np.dtype(np.float64),
    "left": np.dtype(np.int32),
    "right": np.dtype(np.int32),
    "leaf": np.dtype(np.int32),
    "missing_left": np.dtype(np.bool_),
    "roots": np.dtype(np.int32),
    "values": np.dtype(np.float64),
    "category": np.dtype(np.int32),
    "set_starts": np.dtype(np.int64),
    "set_members": np.dtype(np.int64),
}
"""The fields of a `Forest`, in the order of the operator's inputs, and their dtypes."""


def _find_levels(left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32]) -> Levels:
    """Go down all trees at once, level by level."""
    is_inner = left >= 0
    place = np.full(len(left), -1, np.int32)
    place[roots] = 0
    size, depth = np.ones(len(roots), np.int32), np.zeros(len(roots), np.int32)
    # Inner nodes tree by tree, and how many of them each tree has.
    node, in_tree = roots[is_inner[roots]].astype(np.intp), is_inner[roots].astype(np.int32)
    for _ in range(MAX_DEPTH - 1):
        if not node.size:
            break
        depth += in_tree > 0
        end = np.cumsum(in_tree, dtype=np.int32)
        child = np.stack([left.take(node), right.take(node)], axis=1, dtype=np.intp)
        stands = np.repeat(size - 2 * (end - in_tree), in_tree) + np.arange(0, child.size, 2, dtype=np.int32)
        place[child] = np.stack([stands, stands + 1], axis=1)
        size += 2 * in_tree
        if size.sum() > len(left):
            break
        node = child.reshape(-1)
        goes_on = is_inner.take(node)
        in_tree = np.diff(np.append(np.int32(0), np.cumsum(goes_on, dtype=np.int32))[2 * end], prepend=np.int32(0))
        node = node[goes_on]
    if node.size or np.count_nonzero(place >= 0) != size.sum():
        raise InputError("the tables of a forest loop: a node is its own ancestor, or has two parents")
    return Levels(place, size, depth)


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


def with_plain_leaves(forest: Forest) -> Forest:
    """Return an equal forest in which nothing stands where nothing is read; in a file anything may."""
    is_leaf = forest.is_leaf
    leaves = np.flatnonzero(is_leaf)
    numbers = {"feature": 0, "left": -1, "right": -1, "missing_left": 0, "category": -1}
    is_plain = all((getattr(forest, name)[leaves] == number).all() for name, number in numbers.items())
    if is_plain and (forest.leaf[~is_leaf] == -1).all():
        return forest
    return replace(
        forest,
        feature=np.where(is_leaf, 0, forest.feature),
        threshold=np.where(is_leaf | (forest.category >= 0), 0.0, forest.threshold),
        left=np.where(is_leaf, -1, forest.left),
        right=np.where(is_leaf, -1, forest.right),
        leaf=np.where(is_leaf, forest.leaf, -1),
        missing_left=forest.missing_left & ~is_leaf,
        category=np.where(is_leaf, -1, forest.category),
    )


def with_own_sets(forest: Forest) -> Forest:
    """Return an equal forest in which each set is asked for by one node; in a file several may share one, or none ask.

    The sets are in the order of the nodes.
    """
    nodes = np.flatnonzero((forest.category >= 0) & ~forest.is_leaf)
    asked = forest.category[nodes]
    if np.array_equal(np.sort(asked), np.arange(len(forest.set_starts) - 1)):
        return forest
    sizes = np.diff(forest.set_starts)[asked]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
    places = np.arange(starts[-1]) + np.repeat(forest.set_starts[asked] - starts[:-1], sizes)
    category = np.full(forest.n_nodes, -1, np.int32)
    category[nodes] = np.arange(len(nodes))
    return replace(forest, category=category, set_starts=starts, set_members=forest.set_members[places])


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
        rounded = np.array(values, np.float32, order="C")
        flat = rounded.reshape(-1)
        above = np.flatnonzero(rounded > values)
        flat[above] = np.nextafter(flat[above], np.float32(-np.inf))
    return rounded
