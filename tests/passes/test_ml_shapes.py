from __future__ import annotations

import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from bridge.passes.ml_shapes import SetMlShapes
from bridge.passes.read import read_model

FLOAT, STRING, INT64 = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64
TABLE = {"keys_strings": ["a"], "values_int64s": [1]}


def made(op_type, kind, *, domain="ai.onnx.ml", **attributes):
    """Return the output of one node over a (rows, 2) input, after the pass; the file says nothing of it."""
    node = helper.make_node(op_type, ["X"], ["Z"], domain=domain, **attributes)
    ends = [helper.make_tensor_value_info("X", kind, ["rows", 2]), helper.make_tensor_value_info("Y", FLOAT, None)]
    after = helper.make_node("Elsewhere", ["Z"], ["Y"], domain="elsewhere")
    graph = helper.make_graph([node, after], "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid(name, number) for name, number in (("", 13), ("ai.onnx.ml", 2), ("elsewhere", 1))]
    model = read_model(helper.make_model(graph, opset_imports=opsets, ir_version=7))
    SetMlShapes()(model)
    return model.graph[0].outputs[0]


@pytest.mark.parametrize(
    ("op_type", "kind", "attributes", "shape", "dtype"),
    [
        ("Scaler", INT64, {"scale": [1.0]}, [2], "FLOAT"),
        ("Imputer", INT64, {"imputed_value_int64s": [1]}, [2], "INT64"),
        ("OneHotEncoder", STRING, {"cats_strings": ["a", "b", "c"]}, [2, 3], "FLOAT"),
        ("OneHotEncoder", INT64, {"cats_int64s": [1, 2]}, [2, 2], "FLOAT"),
        ("LabelEncoder", STRING, TABLE, [2], "INT64"),
        ("LabelEncoder", INT64, {"keys_int64s": [1], "values_strings": ["a"]}, [2], "STRING"),
        ("CategoryMapper", STRING, {"cats_strings": ["a"], "cats_int64s": [1]}, [2], "INT64"),
        ("FeatureVectorizer", INT64, {"inputdimensions": [5]}, [5], "FLOAT"),
        ("Cast", INT64, {"to": FLOAT, "domain": ""}, [2], "FLOAT"),
    ],
)
def test_the_shape_that_an_operator_makes_is_set(op_type, kind, attributes, shape, dtype):
    output = made(op_type, kind, **attributes)
    assert [str(length) for length in output.shape] == ["rows", *map(str, shape)]
    assert output.dtype == ir.DataType[dtype]


def test_what_cannot_be_told_is_left_open():
    assert made("TreeEnsembleRegressor", FLOAT).shape is None
