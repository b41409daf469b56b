from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types, run


@pytest.mark.parametrize("shape", [(None,), (None, None)])
def test_axes_of_unknown_length_get_one_behind_them(target, shape):
    x = {"X": np.array([1, 5, 0]) if len(shape) == 1 else np.array([[1, 5], [0, 1]])}
    model = ml_model("OneHotEncoder", x, [TensorProto.FLOAT], shapes={"X": shape}, cats_int64s=[1, 0])
    lowered = check_parity(model, x, target)
    assert op_types(lowered)[0] == ("Reshape" if len(shape) == 1 else "Unsqueeze")


def test_whole_numbers_take_three_operators(target):
    x = {"X": edge_rows(2, np.int64)}
    lowered = lower(ml_model("OneHotEncoder", x, [TensorProto.FLOAT], cats_int64s=[1, 2]), target)
    assert op_types(lowered) == ["Reshape", "Equal", "Cast"]


def test_an_unknown_category_is_all_zeros_even_where_onnxruntime_would_stop():
    x = {"X": np.array([[9]])}
    model = ml_model("OneHotEncoder", x, [TensorProto.FLOAT], cats_int64s=[1, 2], zeros=0)
    with pytest.raises(Exception, match="Unknown Category"):
        run(model, x)
    np.testing.assert_array_equal(run(lower(model), x)[0], [[[0.0, 0.0]]])


def test_categories_that_floats_cannot_tell_apart_are_declined():
    model = ml_model("OneHotEncoder", {"X": edge_rows(2)}, [TensorProto.FLOAT], cats_int64s=[2**25])
    assert "'cats_int64s' has 33554432, more than float32 input can be told apart by" in declined(model)
