"""The kernel of `bridge::Forest` reaches the leaves of the plain walk, on every instruction set, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from bridge.forest import concatenate
from tests.forests import forests, rows_at, tree_of, walk
from tests.native.conftest import SETTING
from tests.native.shapes import SHAPES, WIDTH, grown, kept
from tests.passes.judge import run

ROWS = (0, 1, 2, 7, 63, 64, 65, 257)
CHUNKS = (1, 5, 64, 300, 1100)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_trees_reaches_the_leaves_of_the_walk(open_kernel, make, dtype):
    forest = make()
    x = rows_at(forest, WIDTH, dtype, rows=257)
    session = open_kernel(kept(forest, dtype))
    expected = walk(forest, x)

    for rows in ROWS:
        (sums,) = session.run(None, {"X": x[:rows]})

        assert sums.dtype == np.float64
        np.testing.assert_array_equal(sums, expected[:rows])


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=forests(most_depth=7))
def test_drawn_forests_reach_the_leaves_of_the_walk(open_kernel, dtype, drawn):
    forest, width = drawn
    x = rows_at(forest, width, dtype, rows=70)
    session = open_kernel(kept(forest, dtype, width))

    for rows in (x, x[:1]):
        np.testing.assert_array_equal(session.run(None, {"X": rows})[0], walk(forest, rows))


def _of_depth(depth, trees, width, **options):
    rng = np.random.default_rng(depth)
    forest = concatenate([tree_of(rng, depth=depth, n_features=width, **options) for _ in range(trees)])
    # Few thresholds a column, so that a byte tells them apart.
    return replace(forest, threshold=np.round(forest.threshold, 1))


ONE_ROW = {
    "8 leaves": lambda width: _of_depth(3, 60, width, missing=True),
    "16 leaves": lambda width: _of_depth(4, 60, width),
    "32 leaves": lambda width: _of_depth(5, 60, width, missing=True),
    "64 leaves": lambda width: _of_depth(6, 40, width),
    "lists of 20 leaves": lambda _: concatenate([_list_of(20, seed) for seed in range(5)]),
    "lists of 64 leaves": lambda _: concatenate([_list_of(n, n) for n in (64, 33, 3, 1, 50)]),
    "three outputs": lambda width: _of_three(_of_depth(4, 60, width)),
    "each tree one of three outputs": lambda width: _one_output_each(_of_three(_of_depth(6, 40, width))),
}


def _list_of(leaves, seed):
    rng = np.random.default_rng(seed)
    return grown(rng, leaves, deepest=True, missing=True, thresholds=np.linspace(-2, 2, 40))


def _of_three(forest):
    return replace(forest, values=np.repeat(forest.values, 3, axis=1))


def _one_output_each(forest):
    tree = np.zeros(len(forest.values), int)
    tree[forest.leaf[forest.is_leaf]] = forest.tree_of_node[forest.is_leaf]
    return replace(forest, values=np.where(tree[:, None] % 3 == np.arange(3), forest.values, 0.0))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize(("dtype", "width"), [(np.float32, 6), (np.float32, 40), (np.float64, 17)])
@pytest.mark.parametrize("make", ONE_ROW.values(), ids=ONE_ROW)
def test_one_row_gives_the_bits_of_the_batch(open_kernel, make, dtype, width):
    forest = make(width)
    forest = replace(forest, values=np.where(forest.values == 0, 0.0, _rounding(forest).values))
    x = rows_at(forest, width, dtype, rows=40)
    x[::7, ::3] = np.nan
    session = open_kernel(kept(forest, dtype, width))
    expected = walk(forest, x)

    assert session.run(None, {"X": x})[0].tobytes() == expected.tobytes()
    for row in range(40):
        assert session.run(None, {"X": x[row : row + 1]})[0].tobytes() == expected[row].tobytes()


def _rounding(forest, seed=0):
    """Return the forest with scores whose sum depends on the order of adding."""
    rng = np.random.default_rng(seed)
    return replace(forest, values=rng.normal(size=forest.values.shape) * 10.0 ** rng.integers(-9, 9))


@pytest.mark.parametrize("name", ["small trees", "many thresholds", "large trees", "categories", "five outputs"])
def test_bits_do_not_depend_on_instruction_set_threads_or_batch(open_kernel, machine_isas, monkeypatch, name):
    forest = _rounding(SHAPES[name]())
    model = kept(forest)
    x = rows_at(forest, WIDTH, np.float32, rows=3000)
    expected = walk(forest, x[:300])
    results = []
    for isa in machine_isas:
        monkeypatch.setenv(SETTING, isa)
        for threads in (1, 3):
            session = open_kernel(model, threads)
            for size in CHUNKS:
                starts = range(0, len(x) if size > 5 else 300, size)
                parts = [session.run(None, {"X": x[s : s + size]})[0] for s in starts]
                results.append(np.concatenate(parts))

    for result in results:
        assert result[:300].tobytes() == expected.tobytes()  # in the order of the trees
        assert result.tobytes() == results[-1][: len(result)].tobytes()


def test_leaves_may_score_rows_of_large_numbers(open_kernel):
    forest = SHAPES["large trees"]()
    first = 2**22 - 100  # nodes of float32 have 22 bits for them
    moved = replace(
        forest,
        values=np.concatenate([np.zeros((first, 1)), forest.values]),
        leaf=np.where(forest.is_leaf, forest.leaf + first, forest.leaf).astype(np.int32),
    )
    x = rows_at(forest, WIDTH, np.float32, rows=100)
    session = open_kernel(kept(moved))

    for rows in (x, x[:1]):
        np.testing.assert_array_equal(session.run(None, {"X": rows})[0], walk(forest, rows))


def test_sums_agree_with_those_of_the_function(open_kernel):
    forest = _rounding(SHAPES["categories and missing values"]())
    x = rows_at(forest, WIDTH, np.float64, rows=500)
    model = kept(forest, np.float64)

    (sums,) = open_kernel(model).run(None, {"X": x})

    largest = np.abs(forest.values).max()
    np.testing.assert_allclose(sums, run(model, {"X": x})[0], rtol=0, atol=forest.n_trees * largest * 2.0**-52)


@pytest.mark.usefixtures("isa")
def test_rows_may_be_wider_than_the_features_that_are_asked_for(open_kernel):
    forest = replace(SHAPES["small trees"](), feature=np.minimum(SHAPES["small trees"]().feature, 2))
    x = rows_at(forest, 9, np.float32, rows=100)
    session = open_kernel(kept(forest, np.float32, 9))

    np.testing.assert_array_equal(session.run(None, {"X": x})[0], walk(forest, x))


@pytest.mark.usefixtures("isa")
def test_negative_zero_and_infinite_scores_are_added_as_they_are(open_kernel):
    forest = SHAPES["stumps"]()
    values = np.full(forest.values.shape, -0.0)
    values[1], values[4] = np.inf, np.nan
    forest = replace(forest, values=values)
    x = rows_at(forest, WIDTH, np.float32, rows=100)

    (sums,) = open_kernel(kept(forest)).run(None, {"X": x})

    np.testing.assert_array_equal(sums, walk(forest, x))
    assert not np.signbit(sums[sums == 0]).any()
