from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.passes.judge import assert_same, declined, edge_rows, element, lower, ml_model, op_types, run


def extractor(x, indices, *, constant=True):
    model = ml_model("ArrayFeatureExtractor", {"X": x, "Y": np.asarray(indices)}, [element(x)])
    if constant:
        value = onnx.numpy_helper.from_array(np.asarray(indices), "Y")
        model.graph.initializer.append(value)
        del model.graph.input[1]
    return model


@pytest.mark.parametrize("target", ["portable", "cuda", "cpu"])
def test_no_indices_give_no_columns(target):
    # onnxruntime's kernel refuses them, though the labels of a classifier are picked so, one a row.
    feeds = {"X": np.array([1.0, 2.0, 3.0], np.float32), "Y": np.zeros(0, np.int64)}
    lowered = lower(extractor(feeds["X"], feeds["Y"], constant=False), target)
    assert run(lowered, feeds)[0].shape == (1, 0)


def test_a_vector_gives_one_row(target):
    x = np.array([1.0, 2.0, 3.0], np.float32)
    model = extractor(x, [2, 1])
    lowered = lower(model, target)
    assert_same(run(lowered, {"X": x}), run(model, {"X": x}))
    assert op_types(lowered) == ["Gather", "Reshape"]


def test_the_rank_is_found_behind_a_reshape_to_a_computed_shape():
    x = edge_rows(3)
    model = extractor(x, [1])
    model.graph.input.append(helper.make_tensor_value_info("S", TensorProto.INT64, [2]))
    model.graph.node.insert(0, helper.make_node("Reshape", ["X", "S"], ["R"]))
    model.graph.node[1].input[0] = "R"
    feeds = {"X": x, "S": np.array([-1, 3])}
    assert_same(run(lower(model), feeds), run(model, feeds))


@pytest.mark.parametrize("indices", [[3], [-1]])
def test_an_index_outside_is_declined(indices):
    assert f"index {indices[0]} is outside of 0..3" in declined(extractor(edge_rows(3), indices))


def test_indices_that_are_no_whole_numbers_are_declined():
    model = extractor(edge_rows(3), np.array([1.0]), constant=False)
    assert declined(model) == "the indices of ArrayFeatureExtractor are DOUBLE, expected INT64"
