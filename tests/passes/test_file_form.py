from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

import bridge
from bridge.errors import InputError, LoweringError
from bridge.portability import portable_tier

X, Y = load_wine(return_X_y=True)
X = X.astype(np.float32)


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(n_estimators=5, random_state=0).fit(X, Y)


def run(model, rows):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": rows})


def versions(model):
    return model.opset_import[0].version, model.ir_version


def test_default_is_what_most_runtimes_read(forest):
    model = bridge.export(forest, X)

    assert versions(model) == (13, 7)
    assert [o.domain for o in model.opset_import] == [""]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert len({n.name for n in model.graph.node} - {""}) == len(model.graph.node)
    assert portable_tier(model) == (1, [])


@pytest.mark.parametrize(("opset", "ir_version"), [(13, 8), (17, 8), (21, 10)])
def test_versions_are_declared_and_answers_stay(forest, opset, ir_version):
    model = bridge.export(forest, X, opset=opset, ir_version=ir_version)

    onnx.checker.check_model(model, full_check=True)
    assert versions(model) == (opset, ir_version)
    for ours, plain in zip(run(model, X), run(bridge.export(forest, X), X), strict=True):
        np.testing.assert_array_equal(ours, plain)


def test_ir_version_goes_with_the_opset(forest):
    assert versions(bridge.export(forest, X, opset=21)) == (21, 10)


def test_batch_size_is_written_into_every_shape(forest):
    model = bridge.export(forest, X, batch_size=4)

    values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
    assert {d.WhichOneof("value") for v in values for d in v.type.tensor_type.shape.dim} == {"dim_value"}
    assert len(model.graph.value_info) > 0
    for ours, plain in zip(run(model, X[:4]), run(bridge.export(forest, X), X[:4]), strict=True):
        np.testing.assert_array_equal(ours, plain)


def test_lowered_file_takes_the_same_options(forest):
    model = bridge.lower(bridge.export(forest, X, target="cpu"), target="portable", opset=15, batch_size=2)

    assert versions(model) == (15, 8)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 12}, "opset is 12; expected 13 to"),
        ({"opset": 999}, "opset is 999"),
        ({"ir_version": 3}, "ir_version is 3; expected 7 to"),
        ({"batch_size": 0}, "batch_size is 0; expected at least 1"),
        ({"batch_size": 2, "target": "cpu"}, "for target 'portable'; found target 'cpu'"),
    ],
)
def test_wrong_option_is_refused(forest, options, message):
    with pytest.raises(InputError, match=message):
        bridge.export(forest, X, **options)


def test_operator_of_another_form_keeps_its_opset_unless_asked():
    node = onnx.helper.make_node("ReduceMax", ["X", "axes"], ["y"], name="largest", keepdims=0)
    graph = onnx.helper.make_graph(
        [node],
        "g",
        [onnx.helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, [None, 3])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [3])],
        [onnx.numpy_helper.from_array(np.array([0]), "axes")],
    )
    source = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)

    kept = bridge.lower(source, target="portable")

    assert versions(kept)[0] == 18
    assert kept.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    with pytest.raises(LoweringError, match=r"ReduceMax.*2 inputs, which is not the form of version 13"):
        bridge.lower(source, target="portable", opset=13)
