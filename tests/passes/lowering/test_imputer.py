from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types

NAN = float("nan")


@pytest.mark.parametrize("imputed", [[7], [7, 8, 9]])
def test_whole_numbers_are_equal(target, imputed):
    x = {"X": edge_rows(3, np.int64)}
    model = ml_model("Imputer", x, [TensorProto.INT64], imputed_value_int64s=imputed, replaced_value_int64=1)
    assert op_types(check_parity(model, x, target)) == ["Equal", "Where"]


def test_missing_values_take_two_operators_on_cuda():
    x = {"X": edge_rows(3)}
    model = ml_model("Imputer", x, [TensorProto.FLOAT], imputed_value_floats=[1.0], replaced_value_float=NAN)
    assert op_types(lower(model, "cuda")) == ["IsNaN", "Where"]


def test_values_of_the_other_type_are_declined():
    model = ml_model("Imputer", {"X": edge_rows(3)}, [TensorProto.FLOAT], imputed_value_int64s=[1])
    assert "'imputed_value_floats' is empty, and the input is FLOAT" in declined(model)


def test_an_unknown_width_is_declined_where_the_values_are_one_a_column():
    x = {"X": edge_rows(3)}
    model = ml_model(
        "Imputer", x, [TensorProto.FLOAT], shapes={"X": (None, None)}, imputed_value_floats=[1.0, 2.0, 3.0]
    )
    assert "number of columns is not known" in declined(model)
