from __future__ import annotations

import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types, run


def test_all_axes_but_the_first_are_columns(target):
    x = {"X": edge_rows(1), "Y": edge_rows(6).reshape(-1, 2, 3)}
    check_parity(ml_model("FeatureVectorizer", x, [TensorProto.FLOAT], inputdimensions=[1, 6]), x, target, rows=(1,))


@pytest.mark.parametrize("target", ["portable", "cuda", "cpu"])
def test_no_rows_give_no_rows(target):
    x = {"X": edge_rows(3)[:0]}
    lowered = lower(ml_model("FeatureVectorizer", x, [TensorProto.FLOAT], inputdimensions=[5]), target)
    assert run(lowered, x)[0].shape == (0, 5)


def test_blocks_of_the_right_width_are_one_concat(target):
    x = {"X": edge_rows(3), "Y": edge_rows(2)}
    model = ml_model("FeatureVectorizer", x, [TensorProto.FLOAT], inputdimensions=[3, 2])
    assert op_types(lower(model, target)) == ["Concat"]


def test_widths_that_are_not_one_an_input_are_declined():
    model = ml_model("FeatureVectorizer", {"X": edge_rows(3)}, [TensorProto.FLOAT], inputdimensions=[3, 2])
    assert declined(model) == "attribute 'inputdimensions' has 2 entries for 1 inputs"
