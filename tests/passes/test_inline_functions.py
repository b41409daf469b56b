from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from bridge.errors import ArtifactError, LoweringError
from tests.passes.judge import assert_same, lower, op_types, run

X = {"X": np.array([[1.0, -2.0], [3.0, np.nan]], np.float32)}


def function(name, nodes, *, opset, inputs=("a",), calls_own=False):
    imports = [helper.make_opsetid("", opset), *([helper.make_opsetid("own", 1)] if calls_own else [])]
    return helper.make_function("own", name, list(inputs), ["b"], nodes, imports)


def model(nodes, functions, *, opset=13):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, functions=functions, opset_imports=imports, ir_version=8)


def call(name, source="X", result="Y"):
    return helper.make_node(name, [source], [result], domain="own")


def test_functions_inside_functions_are_inlined(target):
    half = function("half", [helper.make_node("Add", ["a", "a"], ["b"])], opset=13)
    nodes = [call("half", "a", "c"), helper.make_node("Sqrt", ["c"], ["b"])]
    whole = model([call("outer")], [half, function("outer", nodes, opset=13, calls_own=True)])
    lowered = lower(whole, target)
    assert op_types(lowered) == ["Add", "Sqrt"]
    assert_same(run(lowered, X), run(whole, X))


@pytest.mark.parametrize(("inside", "outside"), [(13, 18), (18, 13)])
def test_versions_that_mean_the_same_are_made_one(inside, outside):
    whole = model([call("f")], [function("f", [helper.make_node("Sqrt", ["a"], ["b"])], opset=inside)], opset=outside)
    lowered = lower(whole, "cuda")
    assert [o.version for o in lowered.opset_import] == [18]
    assert_same(run(lowered, X), run(whole, X))


def test_versions_that_mean_other_things_are_refused():
    # Until opset 18 the axes are an attribute.
    mean = helper.make_node("ReduceMean", ["a"], ["b"], name="the_mean", axes=[1])
    whole = model([call("f")], [function("f", [mean], opset=13)], opset=18)
    with pytest.raises(ArtifactError, match=r"'the_mean' \(ReduceMean\) is of opset 13 .* of 18: its attribute 'axes'"):
        lower(whole, "cuda")


def test_functions_that_call_each_other_are_refused():
    functions = [function(a, [call(b, "a", "b")], opset=13, calls_own=True) for a, b in (("f", "g"), ("g", "f"))]
    with pytest.raises(ArtifactError, match="Cyclic dependency"):
        lower(model([call("f")], functions), "cuda")


def test_branch_may_hand_on_a_value_from_outside(target):
    def branch(op_type):
        result = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
        return helper.make_graph([helper.make_node(op_type, ["root"], ["out"])], op_type, [], result)

    nodes = [
        helper.make_node("Abs", ["X"], ["size"]),
        helper.make_node("Sqrt", ["size"], ["root"]),
        helper.make_node("ReduceMin", ["X"], ["least"], keepdims=0),
        helper.make_node("Constant", [], ["zero"], value=helper.make_tensor("z", TensorProto.FLOAT, [], [0.0])),
        helper.make_node("Greater", ["least", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["Y"], then_branch=branch("Identity"), else_branch=branch("Neg")),
    ]
    whole = model(nodes, [])
    lowered = lower(whole, target)
    for x in (np.ones((2, 2), np.float32), -np.ones((2, 2), np.float32)):
        assert_same(run(lowered, {"X": x}), run(whole, {"X": x}))


def test_encoder_of_a_value_without_type_does_not_crash():
    """ONNX's own shape inference does, on the LabelEncoder of ai.onnx.ml 1."""
    nodes = [
        helper.make_node("Unknown", ["X"], ["u"], domain="own"),
        helper.make_node("LabelEncoder", ["u"], ["Y"], domain="ai.onnx.ml", classes_strings=["a", "b"]),
    ]
    whole = model(nodes, [])
    whole.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    with pytest.raises(LoweringError, match="own::Unknown"):
        lower(whole, "cuda")
