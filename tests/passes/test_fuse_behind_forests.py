"""Forests take in what the graph makes of their sums: the node that results, and its answers."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper
from sklearn import ensemble, multioutput, tree

import bridge
from tests.passes.judge import run

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5)).astype(np.float32)
TWO, THREE = (X[:, 0] > 0).astype(int), np.digitize(X[:, 0] + X[:, 1], [-1, 1])
NUMBER = 2 * X[:, 0] + X[:, 1]
COUNT = np.abs(NUMBER).round()
FEW = {"n_estimators": 4, "random_state": 0}
ITER = {"max_iter": 4, "random_state": 0}

WHOLE = {
    "forest": (
        ensemble.RandomForestClassifier(**FEW).fit(X, THREE),
        {"aggregate": "mean"},
        ["predict_proba", "", "predict", "predict_log_proba"],
    ),
    "tree": (
        tree.DecisionTreeClassifier(max_depth=4).fit(X, TWO),
        {},
        ["predict_proba", "", "predict", "predict_log_proba"],
    ),
    "forest of numbers": (
        ensemble.ExtraTreesRegressor(**FEW).fit(X, NUMBER),
        {"aggregate": "mean", "squeeze": 1},
        ["predict"],
    ),
    "forest of two numbers": (
        ensemble.RandomForestRegressor(**FEW).fit(X, np.column_stack([NUMBER, COUNT])),
        {"aggregate": "mean"},
        ["predict"],
    ),
    "boosting": (
        ensemble.GradientBoostingClassifier(**FEW).fit(X, TWO),
        {"link": "sigmoid_both", "label": "nonnegative", "squeeze": 1},
        ["predict_proba", "decision_function", "predict", "predict_log_proba"],
    ),
    "boosting of three": (
        ensemble.GradientBoostingClassifier(**FEW).fit(X, THREE),
        {"link": "softmax", "label": "argmax_total"},
        ["predict_proba", "decision_function", "predict", "predict_log_proba"],
    ),
    "boosting of numbers": (ensemble.GradientBoostingRegressor(**FEW).fit(X, NUMBER), {"squeeze": 1}, ["predict"]),
    "histogram": (
        ensemble.HistGradientBoostingClassifier(**ITER).fit(X, TWO),
        {"link": "sigmoid_both", "label": "positive", "squeeze": 1},
        ["predict_proba", "decision_function", "predict"],
    ),
    "histogram of counts": (
        ensemble.HistGradientBoostingRegressor(loss="poisson", **ITER).fit(X, COUNT),
        {"link": "exp", "squeeze": 1},
        ["predict"],
    ),
}
PARTLY = {
    "labels of other numbers": (
        ensemble.RandomForestClassifier(**FEW).fit(X, THREE + 5),
        ["Forest", "Gather"],
    ),
    "two targets": (
        ensemble.RandomForestClassifier(**FEW).fit(X, np.column_stack([TWO, THREE])),
        ["Forest", "Gather", "Gather", "ArgMax", "ArgMax", "Log", "Log", "Gather", "Gather"],
    ),
    "forests that agree": (
        multioutput.MultiOutputClassifier(ensemble.RandomForestClassifier(**FEW)).fit(X, np.column_stack([TWO, THREE])),
        ["Forest", "Forest"],
    ),
}


def exported(model, target="cpu", **options):
    return bridge.export(model, X, target=target, strategy="forest", **options)


def node_of(graph):
    (node,) = [n for n in graph.graph.node if n.op_type == "Forest"]
    said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in said.items()}, list(node.output)


def answers(graph, rows=X):
    return dict(zip([o.name for o in graph.graph.output], run(graph, {"X": rows}), strict=True))


def assert_same_answers(a, b):
    assert a.keys() == b.keys()
    for name, answer in a.items():
        assert (answer.dtype, answer.shape) == (b[name].dtype, b[name].shape)
        np.testing.assert_array_equal(answer, b[name])


@pytest.mark.parametrize(("model", "attributes", "outputs"), WHOLE.values(), ids=WHOLE)
def test_one_node_is_left(model, attributes, outputs):
    graph = exported(model)

    assert [n.op_type for n in graph.graph.node] == ["Forest"]
    assert node_of(graph) == (attributes, outputs)


@pytest.mark.parametrize("model", [m for m, *_ in (*WHOLE.values(), *PARTLY.values())], ids=[*WHOLE, *PARTLY])
def test_answers_keep_their_bits_by_the_function(model):
    for rows in (X, X[:1], X[:0]):
        assert_same_answers(answers(exported(model), rows), answers(exported(model, "cuda"), rows))


@pytest.mark.parametrize(("model", "operators"), PARTLY.values(), ids=PARTLY)
def test_nodes_that_stay(model, operators):
    assert [n.op_type for n in exported(model).graph.node] == operators


@pytest.mark.parametrize("model", [m for m, *_ in WHOLE.values()], ids=WHOLE)
def test_graph_for_cuda_keeps_its_nodes(model):
    attributes, outputs = node_of(exported(model, "cuda"))

    assert not attributes
    assert len(outputs) == 1


@pytest.mark.parametrize("strategy", ["auto", "traverse", "forest"])
@pytest.mark.parametrize("model", [m for m, *_ in WHOLE.values()], ids=WHOLE)
def test_file_is_lowered_again(model, strategy):
    file = exported(model)

    graph = bridge.lower(file, target="cpu", strategy=strategy)

    assert bool(graph.functions) == (strategy == "forest")
    found, wanted = answers(graph), answers(file)
    for name, answer in wanted.items():
        np.testing.assert_allclose(found[name], answer, rtol=1e-13)


def test_file_fused_twice_is_the_same():
    file = exported(WHOLE["boosting"][0])

    again = bridge.lower(file, target="cpu", strategy="forest")

    assert node_of(again) == node_of(file)
    assert again.functions[0] == file.functions[0]


def test_forests_that_differ_stay_as_they_are():
    both = ensemble.VotingClassifier(
        [("a", ensemble.RandomForestClassifier(**FEW)), ("b", ensemble.GradientBoostingClassifier(**FEW))],
        voting="soft",
    )
    graph = exported(both.fit(X, TWO))

    forests = [n for n in graph.graph.node if n.op_type == "Forest"]
    assert [(len(n.attribute), len(n.output), len(n.input)) for n in forests] == [(0, 1, 12)] * 2


def test_only_the_label_is_asked_for():
    model = WHOLE["boosting"][0]

    graph = exported(model, methods=["predict"])

    assert [n.op_type for n in graph.graph.node] == ["Forest"]
    np.testing.assert_array_equal(answers(graph)["predict"], model.predict(X))


def test_float32_answers_are_made_from_rounded_sums():
    model = WHOLE["boosting"][0]

    graph = exported(model, precision="float32")

    assert not node_of(graph)[0]
    np.testing.assert_allclose(answers(graph)["predict_proba"], model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(("unused", "operators"), [(40, ["Forest"]), (70, ["Gather", "Forest"])])
def test_forest_takes_its_columns_itself_from_narrow_rows(unused, operators):
    wide = np.column_stack([np.zeros((len(X), unused // 2)), X, np.zeros((len(X), unused // 2))]).astype(np.float32)
    model = ensemble.HistGradientBoostingRegressor(**ITER).fit(wide, NUMBER)

    graph = bridge.export(model, wide, target="cpu", strategy="forest")

    assert [n.op_type for n in graph.graph.node] == operators
    np.testing.assert_allclose(run(graph, {"X": wide})[0], model.predict(wide), rtol=1e-12)
