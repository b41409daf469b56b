"""Models that bridge did not export are described by what their graph says."""

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

import bridge
from bridge.errors import ArtifactError, InputError
from bridge.plain import describe_plain


def add_model(inputs, output="predict", element=TensorProto.FLOAT):
    """Return a model that concatenates its inputs and gives their sum as one column."""
    nodes = [
        helper.make_node("Concat", [name for name, _ in inputs], ["all"], axis=1),
        helper.make_node("ReduceSum", ["all", "axes"], [output], keepdims=1),
    ]
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info(name, element, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(output, element, [None, 1])],
        [onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def text_model():
    graph = helper.make_graph(
        [helper.make_node("Identity", ["town"], ["label"])],
        "echo",
        [helper.make_tensor_value_info("town", TensorProto.STRING, [None, 1])],
        [helper.make_tensor_value_info("label", TensorProto.STRING, [None, 1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_one_input_takes_a_table_by_position():
    predictor = bridge.load(add_model([("features", [None, 3])]))
    table = np.arange(6.0).reshape(2, 3)
    assert predictor.predict(table).tolist() == [3.0, 12.0]
    assert predictor.predict(table).dtype == np.float32
    assert predictor.predict(pd.DataFrame(table, columns=list("abc"))).tolist() == [3.0, 12.0]
    assert predictor.n_features_in_ == 3


@pytest.mark.parametrize("shape", [[None, None], ["rows", "columns"]])
def test_one_input_that_does_not_say_its_width_takes_any(shape):
    predictor = bridge.load(add_model([("features", shape)]))
    for width in (1, 5):
        assert predictor.predict(np.ones((2, width))).tolist() == [width, width]


def test_inputs_of_one_column_are_found_by_name():
    predictor = bridge.load(add_model([("a", [None, 1]), ("b", [None, 1])]))
    frame = pd.DataFrame({"more": [0.0], "b": [2.0], "a": [1.0]})
    assert predictor.predict(frame).tolist() == [3.0]
    assert predictor.predict(np.array([[1.0, 2.0]])).tolist() == [3.0]
    with pytest.raises(InputError, match=r"missing column\(s\): 'b'"):
        predictor.predict(frame[["a"]])


def test_inputs_of_several_columns_take_a_table_by_position():
    predictor = bridge.load(add_model([("left", [None, 2]), ("right", [None, 3])]))
    table = np.arange(10.0).reshape(2, 5)
    assert predictor.run(table)["predict"].tolist() == [[10.0], [35.0]]
    assert predictor.predict(pd.DataFrame(table)).tolist() == [10.0, 35.0]
    with pytest.raises(InputError, match="X has 4 features, but the model is expecting 5"):
        predictor.predict(table[:, :4])


def test_text_goes_in_and_out():
    predictor = bridge.load(text_model())
    found = predictor.predict(pd.DataFrame({"town": ["x", "größer"]}))
    assert found.tolist() == ["x", "größer"]
    assert found.dtype == object


def test_numbers_are_checked_against_the_input():
    predictor = bridge.load(add_model([("counts", [None, 2])], element=TensorProto.INT64))
    assert predictor.predict([[1, 2]]).tolist() == [3]
    with pytest.raises(InputError, match=r"holds 1.5 in row 0, but the model was exported for int64"):
        predictor.predict([[1.5, 2]])


@pytest.mark.parametrize("output", ["variable", "predictions", "PredictedLabel.output"])
def test_the_output_of_a_known_exporter_is_predict(output):
    assert bridge.load(add_model([("features", [None, 2])], output=output)).predict([[1, 2]]).tolist() == [3.0]


def test_model_without_a_known_output_runs_but_has_no_method(caplog):
    predictor = bridge.load(add_model([("features", [None, 2])], output="something"))
    assert predictor.methods == ()
    assert "(none; use .run)" in caplog.text
    assert predictor.run(np.ones((1, 2)))["something"].tolist() == [[2.0]]
    with pytest.raises(InputError, match="the model has no method to compare"):
        bridge.verify(None, predictor, np.ones((1, 2)))


@pytest.mark.parametrize("shape", [[None], [None, 3, 32, 32], []])
def test_input_that_is_no_table_is_refused(shape):
    model = text_model()
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("town", TensorProto.FLOAT, shape))
    with pytest.raises(
        ArtifactError, match=rf"input 'town' has {len(shape)} dimensions; bridge serves models that take tables"
    ):
        describe_plain(model)


def test_a_model_that_reads_no_table_is_lowered_for_runtimes(caplog):
    shape = [None, 3, 2]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "XY"]
    graph = helper.make_graph([helper.make_node("Abs", ["X"], ["Y"])], "g", infos[:1], infos[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)

    lowered = bridge.lower(model, target="cuda")

    assert [node.op_type for node in lowered.graph.node] == ["Abs"]
    assert "input 'X' has 3 dimensions" in caplog.text
    assert "The lowered model is for runtimes, not for bridge.load." in caplog.text
    with pytest.raises(ArtifactError, match="'X' has 3 dimensions"):
        bridge.load(lowered)


def test_input_that_is_no_tensor_is_refused():
    model = text_model()
    sequence = helper.make_tensor_sequence_value_info("town", TensorProto.FLOAT, None)
    model.graph.input[0].CopyFrom(sequence)
    with pytest.raises(ArtifactError, match="input 'town' is no tensor"):
        describe_plain(model)
