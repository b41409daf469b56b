from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types

# Sums of 4 numbers in another order: (n - 1) roundings of 2**-24 each.
SUM_BOUND = 4e-7


def test_a_row_of_negative_numbers_is_divided_by_the_largest_of_them(target):
    x = {"X": np.array([[-1.0, -2.0], [np.nan, 3.0], [-np.inf, -np.inf]], np.float32)}
    check_parity(ml_model("Normalizer", x, [TensorProto.FLOAT], norm="MAX"), x, target)


def test_a_vector_is_one_row(target):
    x = {"X": np.array([1.0, -2.0, 5.0], np.float32)}
    model = ml_model("Normalizer", x, [TensorProto.FLOAT], shapes={"X": (3,)}, norm="L1")
    check_parity(model, x, target, tolerance=SUM_BOUND, rows=())


def test_operators_of_l1():
    model = ml_model("Normalizer", {"X": edge_rows(3)}, [TensorProto.FLOAT], norm="L1")
    assert op_types(lower(model)) == ["Abs", "ReduceSum", "Equal", "Where", "Div"]


def test_another_norm_is_declined():
    model = ml_model("Normalizer", {"X": edge_rows(3)}, [TensorProto.FLOAT], norm="L3")
    assert declined(model) == "attribute 'norm' is 'L3', expected one of MAX, L1, L2"
