from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types
from tests.passes.trees import tensor

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize(
    "attributes",
    [
        {"keys_floats": [NAN, 0.0, 2.0, 2.0, -INF, 0.5], "values_int64s": [5, 6, 7, 8, 9, 10]},
        {"keys_floats": [3.0, 0.0, 2.0, INF], "values_floats": [5.0, 6.0, NAN, 8.0], "default_float": 3.0},
        {"keys_floats": [0.5], "values_floats": [5.0], "default_float": 2.5},
        {"keys_floats": [float(k) for k in range(-20, 20)], "values_int64s": list(range(40)), "default_int64": 7},
    ],
    ids=["nan-key", "inf-key", "one-key", "forty-keys"],
)
def test_float_keys(target, version, attributes):
    x = {"X": edge_rows(3, rows=200)}
    output = TensorProto.INT64 if "values_int64s" in attributes else TensorProto.FLOAT
    check_parity(ml_model("LabelEncoder", x, [output], version=version, **attributes), x, target)


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize(
    "attributes",
    [
        {"keys_int64s": [3, 0, 2, 2, -5], "values_int64s": [5, 6, 7, 8, 9]},
        {"keys_int64s": [3, 0, 2, 10**6, -(10**6)], "values_floats": [5.0, 6.0, 7.0, 8.0, 9.0], "default_float": 2.5},
        {"keys_int64s": [2**63 - 1, 0, -(2**63)], "values_int64s": [5, 6, 7], "default_int64": 3},
        {"keys_int64s": [-(2**63)], "values_int64s": [5], "default_int64": 3},
    ],
    ids=["dense", "scattered", "extreme", "lowest"],
)
def test_whole_number_keys(target, version, attributes):
    x = edge_rows(2, np.int64)
    x[0] = [2**63 - 1, -(2**63)]
    output = TensorProto.INT64 if "values_int64s" in attributes else TensorProto.FLOAT
    check_parity(ml_model("LabelEncoder", {"X": x}, [output], version=version, **attributes), {"X": x}, target)


def test_dense_keys_are_one_gather():
    x = {"X": edge_rows(2, np.int64)}
    model = ml_model("LabelEncoder", x, [TensorProto.INT64], keys_int64s=[0, 1, 2], values_int64s=[7, 8, 9])
    assert op_types(lower(model)) == ["Max", "LessOrEqual", "Where", "Sub", "Gather"]


def test_three_scattered_keys_are_two_rounds_of_halving():
    x = {"X": edge_rows(2)}
    model = ml_model("LabelEncoder", x, [TensorProto.INT64], keys_floats=[0.0, 1.0, 9.0], values_int64s=[7, 8, 9])
    first, second = ["Gather", "LessOrEqual", "Where"], ["Add", "Gather", "LessOrEqual", "Where"]
    assert op_types(lower(model)) == [*first, *second, "Gather", "LessOrEqual", "Where", "Gather"]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"keys_int64s": [1, 2], "values_int64s": [1]}, "'keys_*' has 2, 'values_*' has 1"),
        ({"keys_int64s": [1], "keys_floats": [1.0], "values_int64s": [1]}, "one attribute 'keys_*' is expected"),
        ({"keys_floats": [1.0], "values_int64s": [1]}, "'keys_*' is float32, but the input is int64"),
        ({"keys_int64s": [1]}, "one attribute 'values_*' is expected, found none"),
        (
            {"keys_int64s": [1], "values_tensor": tensor([1], np.uint8)},
            "attribute 'values_tensor' holds uint8, expected one of int16, int32, int64, float32, float64",
        ),
    ],
)
def test_tables_that_do_not_fit_are_declined(attributes, reason):
    assert reason in declined(ml_model("LabelEncoder", {"X": np.array([[1]])}, [TensorProto.INT64], **attributes))
