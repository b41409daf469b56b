"""The structure of arrays that holds every tree ensemble."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import InputError
from bridge.forest import MAX_DEPTH, Forest, concatenate, floor_float32, with_own_sets, with_plain_leaves
from tests.forests import forests, rows_at, shuffled, tree_of, walk

FLOAT32_MAX = float(np.finfo(np.float32).max)


def chain(depth):
    """Return one tree that goes on to the right, `depth` times."""
    nodes = 2 * depth + 1
    inner = np.arange(nodes) % 2 == 0
    inner[-1] = False
    return Forest(
        feature=np.zeros(nodes, np.int32),
        threshold=np.zeros(nodes),
        left=np.where(inner, np.arange(nodes) + 1, -1).astype(np.int32),
        right=np.where(inner, np.arange(nodes) + 2, -1).astype(np.int32),
        leaf=np.where(inner, -1, np.cumsum(~inner) - 1).astype(np.int32),
        missing_left=np.zeros(nodes, np.bool_),
        roots=np.zeros(1, np.int32),
        values=np.arange(depth + 1.0)[:, None],
        category=np.full(nodes, -1, np.int32),
    )


@pytest.mark.parametrize("depth", [0, 1, 2, 7, 600])
def test_depth_is_the_longest_path(depth):
    assert chain(depth).depth == depth
    assert concatenate([chain(0), chain(depth), chain(1)]).depth == max(depth, 1)


def test_sound_forest_passes_the_check():
    concatenate([chain(3), chain(0)]).check(n_features=1)


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("threshold", lambda t: t[:-1], "'threshold' has 6 entries, expected 7"),
        ("missing_left", lambda t: np.append(t, t[0]), "'missing_left' has 8 entries, expected 7"),
        ("left", lambda t: np.where(t >= 0, 7, t), "'left' points to 7, outside of 0..6"),
        ("right", lambda t: np.where(t >= 0, -2, t), "'right' points to -2, outside of 0..6"),
        ("roots", lambda t: t + 9, "'roots' points to 9, outside of 0..6"),
        ("leaf", lambda t: np.where(t >= 0, 4, t), "'leaf' points to 4, outside of 0..3"),
        ("category", np.zeros_like, "'category' points to 0, outside of 0..-1"),
        ("feature", lambda t: t + 1, "'feature' points to 1, outside of 0..0"),
        ("set_starts", lambda t: t + 1, "'set_starts' does not cut 'set_members' into sets"),
        ("set_starts", lambda t: np.append(t, 2), "'set_starts' does not cut 'set_members' into sets"),
        ("set_starts", lambda t: t[:0], "'set_starts' does not cut 'set_members' into sets"),
    ],
)
def test_table_that_points_outside_is_refused(table, change, message):
    forest = replace(chain(3), **{table: change(getattr(chain(3), table))})

    with pytest.raises(InputError, match=message):
        forest.check(n_features=1)


def test_category_below_zero_is_refused():
    forest = replace(chain(1), set_starts=np.array([0, 1]), set_members=np.array([-1]))

    with pytest.raises(InputError, match="'set_members' points to -1"):
        forest.check()


def test_node_that_is_its_own_child_is_refused():
    forest = chain(3)
    loop = replace(forest, right=np.where(forest.right == 2, 0, forest.right))

    with pytest.raises(InputError, match="loop"):
        loop.check()


def test_nodes_that_lead_back_to_the_root_twice_are_refused_soon():
    forest = chain(3)
    inner = ~forest.is_leaf
    loop = replace(forest, left=np.where(inner, 0, -1), right=np.where(inner, 0, -1))

    with pytest.raises(InputError, match="two parents"):
        loop.check()


def test_node_with_two_parents_is_refused():
    forest = chain(3)
    shared = replace(forest, right=np.where(forest.right == 4, 3, forest.right))

    with pytest.raises(InputError, match="two parents"):
        shared.check()


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(forests(), st.integers(0, 2**32 - 1))
def test_every_node_has_its_place_in_its_tree(drawn, seed):
    tidy, _ = drawn
    forest = shuffled(tidy, np.random.default_rng(seed))

    assert tidy.stands_tree_by_tree
    assert not forest.stands_tree_by_tree
    for tables in (tidy, forest):
        levels, tree_of_node = tables.levels, tables.tree_of_node
        for tree, root in enumerate(tables.roots):
            found, row, depth = [], [root], -1
            while row:
                found += row
                depth += 1
                row = [child[n] for n in row if tables.left[n] >= 0 for child in (tables.left, tables.right)]
            assert levels.place[found].tolist() == list(range(len(found)))
            assert tree_of_node[found].tolist() == [tree] * len(found)
            assert (levels.size[tree], levels.depth[tree]) == (len(found), depth)
    assert (forest.levels.place < 0).sum() == (forest.tree_of_node < 0).sum() == forest.n_nodes - tidy.n_nodes


def test_tree_deeper_than_any_library_grows_is_refused():
    with pytest.raises(InputError, match="loop"):
        chain(MAX_DEPTH).check()


def test_tables_make_the_forest_again():
    forest = tree_of(np.random.default_rng(0), depth=4, n_features=3)

    again = Forest.from_tables(forest.tables())

    assert all(a is b for a, b in zip(again.tables(), forest.tables(), strict=True))


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 5)), min_size=1, max_size=5))
def test_joined_forest_gives_the_sum_of_its_parts(parts):
    trees = [
        tree_of(np.random.default_rng(seed), depth=depth, n_features=3, categories=True, missing=True)
        for seed, depth in parts
    ]

    joined = concatenate([concatenate(trees[:2]), *trees[2:]])

    joined.check(n_features=3)
    assert joined.n_trees == len(trees)
    x = rows_at(joined, 3, np.float64, rows=60)
    np.testing.assert_array_equal(walk(joined, x), sum(walk(t, x) for t in trees))


def test_forests_with_different_outputs_cannot_be_joined():
    two = replace(chain(1), values=np.zeros((2, 2)))

    with pytest.raises(InputError, match=r"\[1, 2\] outputs"):
        concatenate([chain(1), two])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.floats(allow_nan=False))
def test_rounded_down_threshold_is_the_largest_float32_not_above(threshold):
    (rounded,) = floor_float32(np.array([threshold]))

    assert rounded.dtype == np.float32
    assert float(rounded) <= threshold
    with np.errstate(over="ignore"):
        assert threshold == np.inf or float(np.nextafter(rounded, np.float32(np.inf))) > threshold


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.1, 0.09999999403953552), (1e300, FLOAT32_MAX), (-1e300, -np.inf), (5e-324, 0.0), (-5e-324, -(2.0**-149))],
)
def test_rounded_down_threshold_beyond_float32(threshold, expected):
    assert floor_float32(np.array([threshold]))[0] == expected


def test_sets_that_nodes_share_or_leave_out_become_the_nodes_own():
    forest = chain(4)
    inner = np.flatnonzero(~forest.is_leaf)
    category = forest.category.copy()
    category[inner] = [2, 0, 2, -1]
    missing_left = forest.missing_left.copy()
    missing_left[inner[0]] = True
    starts, members = np.array([0, 2, 3, 6]), np.array([4, 8, 5, 1, 2, 3])
    shared = replace(forest, category=category, missing_left=missing_left, set_starts=starts, set_members=members)

    own = with_own_sets(shared)

    own.check(1)
    assert own.category[inner].tolist() == [0, 1, 2, -1]
    assert own.set_members.tolist() == [1, 2, 3, 4, 8, 1, 2, 3]
    x = np.array([np.nan, -1, 0, *range(1, 10)])[:, None]
    np.testing.assert_array_equal(walk(own, x), walk(shared, x))
    assert with_own_sets(own) is own


def test_what_is_not_read_becomes_what_converters_write():
    forest = concatenate([chain(3), chain(0)])
    leaf = forest.is_leaf
    odd = replace(
        forest,
        feature=np.where(leaf, 2**31 - 1, forest.feature),
        threshold=np.where(leaf, np.nan, forest.threshold),
        left=np.where(leaf, -(2**31), forest.left),
        right=np.where(leaf, 2**31 - 1, forest.right),
        leaf=np.where(leaf, forest.leaf, 2**31 - 1),
        missing_left=leaf,
        category=np.where(leaf, 0, -1),
        set_starts=np.array([0, 1]),
        set_members=np.array([7]),
    )

    plain = with_own_sets(with_plain_leaves(odd))

    for table, expected in zip(plain.tables(), forest.tables(), strict=True):
        np.testing.assert_array_equal(table, expected)
    assert with_plain_leaves(forest) is forest


@pytest.mark.parametrize("table", ["feature", "left", "right", "missing_left", "category", "leaf"])
def test_a_table_alone_that_says_something_where_nothing_is_read_is_seen(table):
    forest = chain(3)
    unread = ~forest.is_leaf if table == "leaf" else forest.is_leaf
    value = {"missing_left": True, "left": -7}.get(table, 5)
    odd = replace(forest, **{table: np.where(unread, value, getattr(forest, table))})

    np.testing.assert_array_equal(getattr(with_plain_leaves(odd), table), getattr(forest, table))
