from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types


def test_float64_rows_are_scaled_in_float64():
    x = {"X": edge_rows(3, np.float64)}
    model = ml_model("Scaler", x, [TensorProto.FLOAT], offset=[0.1, 1.0, 2.0], scale=[3.0, 0.1, 1.0])
    lowered = check_parity(model, x, "cuda")
    assert op_types(lowered) == ["Sub", "Mul", "Cast"]


def test_float32_takes_two_operators(target):
    x = {"X": edge_rows(3)}
    lowered = lower(ml_model("Scaler", x, [TensorProto.FLOAT], offset=[0.5], scale=[2.0]), target)
    assert op_types(lowered) == ["Sub", "Mul"]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"scale": [1.0, 2.0], "offset": [1.0]}, "'scale' has 2, 'offset' has 1"),
        ({"scale": [1.0, 2.0], "offset": [1.0, 2.0]}, "'scale' has 2 entries, but the input has 3 columns"),
        ({"offset": [1.0]}, "'scale' is empty"),
        ({"scale": [1, 2, 3], "offset": [1.0, 2.0, 3.0]}, "'scale' is INTS, expected FLOATS"),
    ],
)
def test_attributes_that_do_not_fit_are_declined(attributes, reason):
    assert reason in declined(ml_model("Scaler", {"X": edge_rows(3)}, [TensorProto.FLOAT], **attributes))
