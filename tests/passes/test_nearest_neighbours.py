from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.passes.judge import assert_same, edge_rows, lower, op_types, run
from tests.passes.loops import MANHATTAN, SQUARED, distance_loop

K = 5


def nearest(known, *, k=K, roots=True, steps=SQUARED, also=(), **attributes):
    """Return a model of the k rows of `known` that are nearest to each row of X, and their distances."""
    kind = helper.np_dtype_to_tensor_dtype(known.dtype)
    sqrt = [helper.make_node("Sqrt", ["distances"], ["roots"])]
    source = "roots" if roots else "distances"
    top = helper.make_node("TopK", [source, "k"], ["D", "I"], **({"largest": 0, "sorted": 1} | attributes))
    return distance_loop(
        known,
        steps,
        after=[*(sqrt if roots else []), top],
        constants={"k": np.array([k])},
        outputs={"D": kind, "I": TensorProto.INT64} | dict.fromkeys(also, kind),
    )


def grid(count, width, dtype, seed):
    """Return rows of small whole numbers: most distances are shared by many."""
    return np.random.default_rng(seed).integers(0, 4, (count, width)).astype(dtype)


def tenths(count, width, dtype, seed):
    """Return rows of numbers with one decimal: many distances differ by their rounding alone."""
    return np.random.default_rng(seed).normal(size=(count, width)).round(1).astype(dtype)


def spread(count, width, dtype, seed):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(dtype)


def far(count, width, dtype, seed):
    """Return rows whose distances are small against their distance from 0."""
    return (10_000 + np.random.default_rng(seed).normal(size=(count, width))).astype(dtype)


def uneven(count, width, dtype, seed):
    """Return columns of very different sizes, with one row far from all others."""
    rows = np.random.default_rng(seed).normal(size=(count, width)) * 10.0 ** np.arange(width)
    rows[0] = 1e12
    return rows.astype(dtype)


def twice(count, width, dtype, seed):
    """Return every row two times over."""
    return np.tile(spread(-(-count // 2), width, dtype, seed), (2, 1))[:count]


@pytest.mark.parametrize("roots", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [3, 33])
@pytest.mark.parametrize("rows", [spread, grid, tenths, far, uneven, twice])
def test_neighbours_and_distances_have_the_bits_of_the_loop(rows, width, dtype, roots):
    model = nearest(rows(400, width, dtype, 1), roots=roots)
    lowered = lower(model, "cuda")
    assert "NonZero" in op_types(lowered)
    for count in (70, 1, 0):
        x = {"X": rows(70, width, dtype, 2)[:count]}
        assert_same(run(lowered, x), run(model, x))


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [*((scale, np.float32) for scale in (1e-30, 1e-20, 1e20, 1e37)), (1e154, np.float64), (1e149, np.float64)],
)
def test_squares_beyond_the_range_of_the_dtype_change_nothing(scale, dtype):
    model = nearest((spread(300, 4, np.float64, 1) * scale).astype(dtype))
    x = {"X": (spread(40, 4, np.float64, 2) * scale).astype(dtype)}
    assert_same(run(lower(model, "cuda"), x), run(model, x))


def test_special_values_change_nothing():
    model = nearest(spread(300, 4, np.float32, 1))
    x = {"X": edge_rows(4)}
    assert_same(run(lower(model, "cuda"), x), run(model, x))


def test_rows_far_beyond_all_others_are_compared_with_all():
    model = nearest(spread(300, 4, np.float64, 1))
    x = {"X": spread(40, 4, np.float64, 2) * 1e160}
    assert_same(run(lower(model, "cuda"), x), run(model, x))


def test_rows_that_are_certain_are_not_compared_with_all():
    lowered = lower(nearest(spread(400, 5, np.float32, 1)), "cuda")
    (again,) = [node.output[0] for node in lowered.graph.node if node.op_type == "NonZero"]
    lowered.graph.output.append(helper.make_tensor_value_info(again, TensorProto.INT64, None))

    assert run(lowered, {"X": spread(200, 5, np.float32, 2)})[-1].size == 0
    assert run(lowered, {"X": np.full((3, 5), np.nan, np.float32)})[-1].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("known", "options"),
    [
        (spread(200, 4, np.float32, 1), {}),
        (spread(400, 4, np.float32, 1), {"k": 60}),
        (spread(400, 4, np.float32, 1), {"largest": 1}),
        (spread(400, 4, np.float32, 1), {"axis": 0}),
        (spread(400, 4, np.float32, 1), {"steps": MANHATTAN}),
        (spread(400, 4, np.float32, 1), {"also": ["distances"]}),
        (np.where(grid(400, 4, np.float32, 1) == 3, np.float32(np.nan), grid(400, 4, np.float32, 2)), {}),
    ],
    ids=["few rows", "many neighbours", "largest", "other axis", "other metric", "distances in use", "missing values"],
)
def test_other_searches_compare_all_rows(known, options):
    model = nearest(known, **options)
    lowered = lower(model, "cuda")
    assert "NonZero" not in op_types(lowered)
    x = {"X": spread(70, 4, np.float32, 2)}
    assert_same(run(lowered, x), run(model, x))


def test_cpu_files_search_likewise():
    model = nearest(tenths(400, 4, np.float32, 1))
    lowered = lower(model, "cpu")
    assert "NonZero" in op_types(lowered)
    x = {"X": tenths(70, 4, np.float32, 2)}
    assert_same(run(lowered, x), run(model, x))


@pytest.mark.parametrize("options", [{"target": "portable"}, {"target": "cuda", "precision": "float32"}])
def test_no_search_without_float64(options):
    assert "NonZero" not in op_types(lower(nearest(spread(400, 4, np.float32, 1)), **options))
