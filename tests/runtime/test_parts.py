"""A method whose part of the graph is the lesser one runs it alone, and answers as before."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

import bridge
from bridge.method import Method
from bridge.runtime.parts import open_parts
from bridge.runtime.session import open_session

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 3))
Y = np.sin(X).sum(axis=1)


def opened_parts(model, methods):
    """Return the models that are opened beside the whole one, by their outputs."""
    parts = {}

    def open_part(data):
        part = onnx.ModelProto.FromString(data)
        parts[tuple(o.name for o in part.graph.output)] = part
        return open_session(data, device="cpu")

    whole = open_session(model.SerializeToString(), device="cpu")
    return parts, open_parts(model, [m.outputs for m in methods], whole, open_part)


def test_mean_of_a_gaussian_process_runs_without_what_its_deviation_needs():
    process = GaussianProcessRegressor(RBF() + WhiteKernel(), optimizer=None).fit(X, Y)
    model = bridge.export(process, X, target="cpu")
    parts, _ = opened_parts(model, bridge.load(model).methods)
    assert list(parts) == [("predict",)]
    assert max(len(i.raw_data) for i in parts["predict",].graph.initializer) < 150 * 150 * 8
    predictor = bridge.load(model)
    mean, deviation = process.predict(X, return_std=True)
    np.testing.assert_allclose(predictor.predict(X), mean, rtol=1e-10)
    np.testing.assert_allclose(predictor.predict(X, return_std=True)[1], deviation, rtol=1e-10)
    assert set(predictor.run(X)) == {"predict", "predict_std"}


def test_classifier_of_a_gaussian_process_answers_both_ways():
    process = GaussianProcessClassifier(RBF(), optimizer=None).fit(X, Y > 0)
    predictor = bridge.load(bridge.export(process, X, target="cpu"))
    np.testing.assert_array_equal(predictor.predict(X), process.predict(X))
    np.testing.assert_allclose(predictor.predict_proba(X), process.predict_proba(X), rtol=1e-10)


def test_methods_that_share_their_constants_share_a_session():
    forest = RandomForestClassifier(30, random_state=0).fit(X, np.digitize(Y, [-1, 0, 1]))
    model = bridge.export(forest, X, target="portable", check=False)
    parts, session = opened_parts(model, bridge.load(model).methods)
    assert not parts
    assert set(session.outputs) >= {"predict", "predict_proba"}


@pytest.mark.parametrize("flag", [True, False])
def test_values_that_only_a_branch_reads_come_along(flag):
    branches = [
        helper.make_graph(
            [helper.make_node("Mul", ["x", "small"] if i else ["x", "two"], [f"in_{i}"])],
            f"branch_{i}",
            [],
            [helper.make_tensor_value_info(f"in_{i}", TensorProto.FLOAT, None)],
        )
        for i in range(2)
    ]
    constants = {
        "big": np.ones((3, 10_000), np.float32),
        "small": np.float32([[3.0]]),
        "two": np.float32([[2.0]]),
        "flag": np.array(flag),
    }
    graph = helper.make_graph(
        [
            helper.make_node("If", ["flag"], ["predict"], then_branch=branches[0], else_branch=branches[1]),
            helper.make_node("MatMul", ["x", "big"], ["transform"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])],
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, ["rows", w])
            for n, w in (("predict", 3), ("transform", 10_000))
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    methods = [
        Method("predict", ("predict",), "float32", (3,)),
        Method("transform", ("transform",), "float32", (10_000,)),
    ]
    parts, session = opened_parts(model, methods)
    assert list(parts) == [("predict",)]
    assert {i.name for i in parts["predict",].graph.initializer} == {"small", "two", "flag"}
    rows = X.astype(np.float32)
    np.testing.assert_array_equal(session.run(["predict"], {"x": rows})[0], rows * (2 if flag else 3))
