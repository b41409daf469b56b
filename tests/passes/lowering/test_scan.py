from __future__ import annotations

import numpy as np
import pytest

from tests.passes.judge import assert_same, check_parity, edge_rows, lower, op_types, run
from tests.passes.loops import CUBED, MANHATTAN, SQUARED, distance_loop

# The sums of up to 33 terms, each rounded a few times, in another order.
BOUND = 40 * 2.0**-24
ALL_METRICS = {"squared": SQUARED, "manhattan": MANHATTAN, "cubed": CUBED}


def rows(width, dtype=np.float32, *, count=30, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(dtype)


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3, 5, 32, 33])
def test_squared_distances_have_the_bits_of_the_loop(width, dtype, opset):
    model = distance_loop(rows(width, dtype, seed=1), opset=opset)

    lowered = check_parity(model, {"X": rows(width, dtype)}, "cuda")

    assert ("ReduceSumSquare" in op_types(lowered)) == (width > 32)


@pytest.mark.parametrize(("width", "dtype"), [(3, np.float32), (8, np.float32), (1, np.float64), (4, np.float64)])
@pytest.mark.parametrize("metric", ["manhattan", "cubed"])
def test_other_distances_have_the_bits_of_the_loop_where_rows_fill_packets(metric, width, dtype):
    model = distance_loop(rows(width, dtype, seed=1), ALL_METRICS[metric])

    check_parity(model, {"X": rows(width, dtype)}, "cuda")


@pytest.mark.parametrize("metric", ["manhattan", "cubed"])
@pytest.mark.parametrize("width", [5, 7, 33])
def test_equal_rows_are_at_equal_distances(target, metric, width):
    known = rows(width, seed=1)
    model = distance_loop(np.concatenate([known, known]), ALL_METRICS[metric])

    lowered = check_parity(model, {"X": rows(width)}, target, tolerance=BOUND)

    (found,) = run(lowered, {"X": rows(width)})
    np.testing.assert_array_equal(found[:, :30], found[:, 30:])


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_special_values_stay_what_they_were(target, metric):
    model = distance_loop(edge_rows(4, seed=1, rows=20), ALL_METRICS[metric])

    check_parity(model, {"X": edge_rows(4)}, target)


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_both_sides_may_be_inputs(target, metric):
    model = distance_loop(rows(8), ALL_METRICS[metric], known_is_input=True)

    check_parity(model, {"X": rows(8), "known": rows(8, seed=1, count=7)}, target, rows=())


def test_portable_file_holds_core_operators_alone():
    lowered = lower(distance_loop(rows(4)), "portable")

    assert set(op_types(lowered)) == {"Gather", "Sub", "Mul", "Add"}


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        ((("Add", "carried", "row"), ("ReduceSumSquare", "0")), {}),
        ((("Sub", "carried", "carried"), ("ReduceSumSquare", "0")), {}),
        ((("Sub", "carried", "row"), ("ReduceMax", "0")), {}),
        ((("Sub", "carried", "row"), ("Pow", "0", "three"), ("ReduceSum", "1")), {}),
        (SQUARED, {"carried": "0"}),
        (SQUARED, {"scan_input_directions": [1]}),
        (SQUARED, {"scan_output_axes": [1]}),
    ],
)
def test_other_loops_stay_loops(steps, options):
    model = distance_loop(rows(4, seed=1), steps, **options)

    lowered = lower(model, "cuda")

    assert "Scan" in op_types(lowered)
    assert_same(run(lowered, {"X": rows(4)}), run(model, {"X": rows(4)}))
