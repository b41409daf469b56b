"""A file with a fixed number of rows answers any number of rows, as one without it does."""

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from bridge.runtime.blocks import Blocks
from tests.runtime.test_plain import add_model

BATCH = 4
X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
Y = np.array(["a", "b", "c"])[(X[:, 0] > 0) + 1 * (X[:, 1] > 0)]


@pytest.fixture(scope="module")
def models():
    """Return a predictor with a fixed number of rows, and one without, for the same estimator."""
    pipe = make_pipeline(StandardScaler(), RandomForestClassifier(5, max_depth=4, random_state=0)).fit(X, Y)
    return tuple(bridge.load(bridge.export(pipe, X, batch_size=size), device="cpu") for size in (BATCH, None))


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5, 8, 50])
def test_any_number_of_rows_gets_the_same_answers(models, rows):
    fixed, free = models
    for method in ("predict", "predict_proba"):
        found, expected = (getattr(model, method)(X[:rows]) for model in (fixed, free))
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    raw, expected = fixed.run(X[:rows]), free.run(X[:rows])
    for name, values in expected.items():
        # onnxruntime's logarithm depends by a unit on how many numbers stand beside one.
        np.testing.assert_allclose(raw[name], values, rtol=2.0**-22)


def test_a_fixed_file_is_verified_like_any_other(models):
    pipe = make_pipeline(StandardScaler(), RandomForestClassifier(5, max_depth=4, random_state=0)).fit(X, Y)
    assert bridge.verify(pipe, models[0], X[:7]).ok


def test_text_is_filled_up_too():
    graph = helper.make_graph(
        [helper.make_node("Identity", ["town"], ["label"])],
        "echo",
        [helper.make_tensor_value_info("town", TensorProto.STRING, [BATCH, 1])],
        [helper.make_tensor_value_info("label", TensorProto.STRING, [BATCH, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    predictor = bridge.load(model)

    assert predictor.predict(pd.DataFrame({"town": list("abcde")})).tolist() == list("abcde")
    assert predictor.run(pd.DataFrame({"town": np.array([], object)}))["label"].shape == (0, 1)


def test_a_plain_model_of_one_row_a_run_takes_many():
    model = add_model([("features", [1, 2])])
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.checker.check_model(model)

    assert bridge.load(model).predict(np.arange(6.0).reshape(3, 2)).tolist() == [1.0, 5.0, 9.0]


@pytest.mark.parametrize(
    ("blocks", "count", "sizes"),
    [
        (Blocks(None), 9, [9]),
        (Blocks(4), 4, [4]),
        (Blocks(4), 9, [4, 4, 1]),
        (Blocks(4), 0, [0]),
        (Blocks(4, is_fixed=True), 9, [4, 4, 4]),
        (Blocks(4, is_fixed=True), 0, [4]),
    ],
)
def test_rows_are_run_in_blocks(blocks, count, sizes):
    seen = []

    def run(feeds):
        seen.append(len(feeds["x"]))
        return [feeds["x"] * 2]

    (found,) = blocks.run(run, {"x": np.arange(count)}, count)

    assert found.tolist() == [2 * i for i in range(count)]
    assert seen == sizes
