from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import EDGES, declined, edge_rows, element, lower, ml_model, op_types, run


def test_nan_stays_nan_where_onnxruntime_would_stop(target):
    x = {"X": np.array([[np.nan, 2.0, 0.0]], np.float32)}
    lowered = lower(ml_model("Binarizer", x, [TensorProto.FLOAT], threshold=1.0), target)
    np.testing.assert_array_equal(run(lowered, x)[0], [[np.nan, 1.0, 0.0]])
    assert op_types(lowered) == ["LessOrEqual", "Where", "LessOrEqual", "Where"]


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_whole_numbers_follow_the_text_of_onnx(dtype):
    x = {"X": edge_rows(3, dtype)}
    (found,) = run(lower(ml_model("Binarizer", x, [element(x["X"])], threshold=1.5)), x)
    np.testing.assert_array_equal(found, (x["X"] > 1.5).astype(dtype))


def test_a_threshold_of_the_wrong_type_is_declined():
    model = ml_model("Binarizer", {"X": np.array([EDGES], np.float32)}, [TensorProto.FLOAT], threshold=1)
    assert declined(model) == "attribute 'threshold' is INT, expected FLOAT"
