"""The shapes that are filled in without ONNX's inference are those that it infers."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from bridge.passes.shapes import infer_shapes
from bridge.passes.simple_shapes import fill_in_shapes

AXES = numpy_helper.from_array(np.array([-1]), "axes")
CASES = {
    "same": ("Neg", ["x"], {}),
    "cast": ("Cast", ["x"], {"to": TensorProto.INT32}),
    "one broadcast": ("Add", ["x", "column"], {}),
    "more axes": ("Mul", ["vector", "x"], {}),
    "scalar": ("Sub", ["x", "scalar"], {}),
    "decision": ("LessOrEqual", ["x", "column"], {}),
    "choice": ("Where", ["flag", "x", "vector"], {}),
    "turned": ("Transpose", ["x"], {"perm": [1, 0]}),
    "turned by default": ("Transpose", ["x"], {}),
    "gather rows": ("Gather", ["x", "indices"], {}),
    "gather columns": ("Gather", ["x", "indices"], {"axis": -1}),
    "gather elements": ("GatherElements", ["x", "indices"], {"axis": 1}),
    "concat": ("Concat", ["x", "x"], {"axis": -1}),
    "sum kept": ("ReduceSum", ["x", "axes"], {}),
    "sum": ("ReduceSum", ["x", "axes"], {"keepdims": 0}),
    "position": ("ArgMax", ["x"], {"axis": 1, "keepdims": 0}),
    "position kept": ("ArgMin", ["x"], {"axis": -2}),
}
SHAPES = {
    "x": (TensorProto.FLOAT, ["rows", 4]),
    "column": (TensorProto.FLOAT, ["rows", 1]),
    "vector": (TensorProto.FLOAT, [4]),
    "scalar": (TensorProto.FLOAT, []),
    "flag": (TensorProto.BOOL, ["rows", 1]),
    "indices": (TensorProto.INT64, [3, "rows"]),
}


def model_of(op_type, inputs, attributes, shapes=SHAPES):
    node = helper.make_node(op_type, inputs, ["between"], **attributes)
    values = [helper.make_tensor_value_info(name, *shapes[name]) for name in dict.fromkeys(inputs) if name in shapes]
    end = helper.make_node("Identity", ["between"], ["y"])
    graph = helper.make_graph([node, end], "g", values, [onnx.ValueInfoProto(name="y")], [AXES])
    return ir.from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7))


def inferred(op_type, inputs, attributes):
    model = model_of(op_type, inputs, attributes)
    infer_shapes(known_too=True)(model)
    return model


def shapes_of(model):
    return [[getattr(d, "value", d) for d in node.outputs[0].shape] for node in model.graph]


@pytest.mark.parametrize(("op_type", "inputs", "attributes"), CASES.values(), ids=CASES)
def test_shape_is_the_one_that_onnx_infers(op_type, inputs, attributes):
    theirs, ours = inferred(op_type, inputs, attributes), model_of(op_type, inputs, attributes)
    for node, other in zip(ours.graph, theirs.graph, strict=True):
        node.outputs[0].type = other.outputs[0].type

    assert fill_in_shapes(ours)
    assert shapes_of(ours) == shapes_of(theirs)


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes", "changed"),
    [
        ("Add", ["x", "vector"], {}, {"vector": (TensorProto.FLOAT, ["columns"])}),
        ("Add", ["x", "vector"], {}, {"vector": (TensorProto.FLOAT, [3])}),
        ("Neg", ["x"], {}, {"x": (TensorProto.FLOAT, [None, 4])}),
        ("Concat", ["x", "x"], {"axis": 0}, {}),
        ("Gather", ["x", "indices"], {"axis": 5}, {}),
        ("Softmax", ["x"], {}, {}),
    ],
    ids=["two names", "unlike lengths", "length without a name", "sum of names", "no such axis", "other operator"],
)
def test_what_does_not_follow_is_left_to_onnx(op_type, inputs, attributes, changed):
    model = model_of(op_type, inputs, attributes, SHAPES | changed)
    for node in model.graph:
        node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)

    assert not fill_in_shapes(model)
    assert model.graph[0].outputs[0].shape is None


def test_result_without_a_dtype_is_left_to_onnx():
    assert not fill_in_shapes(model_of("Neg", ["x"], {}))
