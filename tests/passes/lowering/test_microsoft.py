"""The operators of com.microsoft that skl2onnx writes: CDist and Solve."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from tests.passes.judge import declined, edge_rows, element, lower, op_types, run

DTYPES = [("portable", np.float32), ("cuda", np.float32), ("cuda", np.float64)]
SQUARED = {"sqeuclidean": lambda found: found, "euclidean": np.square}


def two_inputs(op_type, first, second, *, constant, **attributes):
    """Return a model of one node whose input number `constant` is an initializer; None makes both graph inputs."""
    arrays = {"A": first, "B": second}
    table = "AB"[constant] if constant is not None else None
    node = helper.make_node(op_type, ["A", "B"], ["C"], name="the_node", domain="com.microsoft", **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(n, element(a), [None, *a.shape[1:]]) for n, a in arrays.items() if n != table],
        [helper.make_tensor_value_info("C", element(first), None)],
        [numpy_helper.from_array(arrays[table], table)] if table else [],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def rows(count, width, dtype, seed):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(dtype)


@pytest.mark.parametrize("constant", [None, 1])
@pytest.mark.parametrize(("target", "dtype"), DTYPES)
@pytest.mark.parametrize("width", [3, 33])
@pytest.mark.parametrize("metric", SQUARED)
def test_distances_are_those_of_the_kernel_within_its_error(target, metric, width, dtype, constant):
    x, y = rows(25, width, dtype, 0), rows(11, width, dtype, 1)
    model = two_inputs("CDist", x, y, constant=constant, metric=metric)
    feeds = {"A": x} if constant else {"A": x, "B": y}
    found, theirs = run(lower(model, target), feeds)[0], run(model, feeds)[0]
    # Each of the kernel's |x|^2 + |y|^2 - 2 x.y is a sum of so many terms; a root and its square add a rounding each.
    size = (x**2).sum(1)[:, None] + (y**2).sum(1)
    assert found.dtype == dtype
    error = np.finfo(dtype).eps * (2 * width + 6) * size
    assert (abs(SQUARED[metric](found) - SQUARED[metric](theirs)) <= error).all()


@pytest.mark.parametrize("metric", SQUARED)
def test_distances_far_from_zero_are_more_exact_than_the_kernels(metric):
    x, y = (1000 + rows(9, 4, np.float32, seed) for seed in (0, 1))
    model = two_inputs("CDist", x, y, constant=1, metric=metric)
    exact = ((x[:, None].astype(np.float64) - y) ** 2).sum(axis=2)
    error, theirs = (
        abs(SQUARED[metric](run(m, {"A": x})[0].astype(np.float64)) - exact).max() for m in (lower(model), model)
    )
    assert error < 1e-5
    assert theirs > 1e-2


@pytest.mark.parametrize(
    ("attributes", "power"),
    [({"metric": "manhattan"}, 1), ({"metric": "cityblock"}, 1), ({"metric": "minkowski", "p": 3.0}, 3)],
)
def test_metrics_that_onnxruntime_has_no_kernel_for(target, attributes, power):
    x, y = rows(25, 5, np.float32, 0), rows(11, 5, np.float32, 1)
    (found,) = run(lower(two_inputs("CDist", x, y, constant=1, **attributes), target), {"A": x})
    exact = (abs(x[:, None].astype(np.float64) - y) ** power).sum(axis=2) ** (1 / power)
    np.testing.assert_allclose(found, exact, rtol=20 * 2.0**-24)


def test_no_rows_have_no_distances(target):
    x, y = rows(0, 4, np.float32, 0), rows(5, 4, np.float32, 1)
    assert run(lower(two_inputs("CDist", x, y, constant=1), target), {"A": x})[0].shape == (0, 5)


def test_unknown_metric_is_declined():
    x = rows(3, 2, np.float32, 0)
    assert "'metric' is 'canberra'" in declined(two_inputs("CDist", x, x, constant=1, metric="canberra"))


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize(("target", "dtype"), DTYPES)
def test_solve_with_a_known_matrix_is_one_product(target, dtype, transposed):
    matrix = np.tril(rows(6, 6, dtype, 0)) + 3 * np.eye(6, dtype=dtype)
    right = rows(6, 4, dtype, 1)
    lowered = lower(two_inputs("Solve", matrix, right, constant=0, lower=1, transposed=transposed), target)
    (found,) = run(lowered, {"B": right})
    exact = np.linalg.solve((matrix.T if transposed else matrix).astype(np.float64), right)
    assert set(op_types(lowered)) <= {"Cast", "MatMul"}
    # The condition of the matrix is below 20.
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, exact, rtol=0, atol=20 * 6 * eps * abs(exact).max())


@pytest.mark.parametrize(
    ("matrix", "constant", "reason"),
    [
        (np.eye(3), None, "the matrix of Solve, which must be inverted beforehand, is not a constant"),
        (np.ones((3, 3)), 0, "singular"),
        (np.ones((3, 2)), 0, "not square"),
        (edge_rows(3, np.float64, rows=3), 0, "not finite"),
    ],
)
def test_solve_is_declined_where_there_is_no_inverse(matrix, constant, reason):
    assert reason in declined(two_inputs("Solve", matrix, rows(len(matrix), 2, np.float64, 0), constant=constant))
