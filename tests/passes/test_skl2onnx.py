"""Graphs of skl2onnx give the same answers lowered as they are; whether skl2onnx was right is not asked here."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from skl2onnx import to_onnx
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import compose, ensemble, gaussian_process, linear_model, pipeline, preprocessing

from bridge.passes.text_inputs import TEXT_INPUTS_KEY
from tests.passes.estimators import CASES, CDIST, CLASSIFIERS, FEW, NOT_HERE, Case, converted
from tests.passes.judge import codes, labels_as_text, lower, maps_as_matrix, metadata, op_types, run

# Scores of boosters, kernels and distances are sums of tens of terms in float32 on both sides.
BOUND = 2e-5


@cache
def answered(name, **options):
    """Return the graph, rows that it was not fitted on, and its answers."""
    graph, rows = converted(CASES[name], **options)
    return graph, rows, run(graph, rows)


def assert_answers(lowered, found, expected, bound=BOUND):
    for info, ours, theirs in zip(lowered.graph.output, found, expected, strict=True):
        if isinstance(ours, list):
            assert all(np.allclose(a, b, rtol=bound, atol=bound) for a, b in zip(ours, theirs, strict=True))
            continue
        answers, wanted = labels_as_text(lowered, info.name, ours), maps_as_matrix(lowered, info.name, theirs)
        assert answers.shape == wanted.shape
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(answers, wanted, rtol=bound, atol=bound)
        else:
            np.testing.assert_array_equal(answers, wanted)


def test_every_class_that_skl2onnx_converts_is_here():
    here = {type(case.estimator) for case in CASES.values()}
    names = {cls.__name__ for cls in set(sklearn_operator_name_map) - here}
    assert names == set(NOT_HERE)


@pytest.mark.parametrize("case", CASES)
def test_lowered_graphs_answer_the_same(target, case):
    graph, rows, expected = answered(case)
    lowered = lower(graph, target)
    assert_answers(lowered, run(lowered, rows), expected)


WITHOUT_MAPS = [name for name, c in CLASSIFIERS.items() if "zipmap" not in c.options and "linear svc" not in name]


@pytest.mark.parametrize("case", WITHOUT_MAPS)
def test_scores_as_a_matrix_answer_the_same(case):
    graph, rows, expected = answered(case, zipmap=False)
    lowered = lower(graph, "portable")
    assert_answers(lowered, run(lowered, rows), expected)


@pytest.mark.parametrize("case", CDIST)
def test_distances_by_cdist_are_those_of_the_loop(target, case):
    """CDist's kernel subtracts large squares, which moves neighbours of close rows: the loop is the judge here."""
    _, rows, expected = answered(case)
    graph, _ = converted(CASES[case], optim="cdist")
    assert "CDist" in op_types(graph)
    lowered = lower(graph, target)
    assert_answers(lowered, run(lowered, rows), expected)


class Solve(OpRun):
    """com.microsoft's operator as skl2onnx means it."""

    op_domain = "com.microsoft"

    def _run(self, matrix, right, **_attributes):
        return (np.linalg.solve(matrix, right).astype(right.dtype),)


def test_gaussian_process_classifier_answers_as_the_reference_evaluator(target):
    case = Case(gaussian_process.GaussianProcessClassifier(), "two", options={"zipmap": False})
    graph, rows = converted(case)
    assert "Solve" in op_types(graph)
    expected = ReferenceEvaluator(graph, new_ops=[Solve]).run(None, rows)
    lowered = lower(graph, target)
    # The probability is a sum in float32 whose weights cancel: each is rounded, and what it weighs.
    bound = 2 * 2.0**-24 * abs(gaussian_process._gpc.COEFS).sum()
    assert_answers(lowered, run(lowered, rows), expected, bound)


def test_functions_of_the_neighbours_imputer_are_inlined(target):
    graph, _, _ = answered("neighbours' imputer")
    functions = {f.name: f for f in graph.functions}
    assert {v.version for f in functions.values() for v in f.opset_import if not v.domain} == {14, 16, 18}
    assert "knn_imputer_column_all_nan" in {n.op_type for n in branches(functions["knn_imputer_column_nan_found"].node)}
    lowered = lower(graph, target)
    assert not lowered.functions
    assert {n.domain for n in branches(lowered.graph.node)} == {""}


def branches(nodes):
    """Yield all nodes, those of branches too."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from branches(attribute.g.node)


@pytest.mark.parametrize("handle_unknown", ["ignore", "error"])
@pytest.mark.parametrize("names", [False, True])
def test_columns_of_text_become_codes(target, handle_unknown, names):
    rng = np.random.default_rng(0)
    table = {
        "a": rng.choice(["x", "y", "é"], (60, 1)).astype(object),
        "b": rng.choice(["p", "q"], (60, 1)).astype(object),
        "n": rng.normal(size=(60, 1)).astype(np.float32),
    }
    encoder = preprocessing.OneHotEncoder(handle_unknown=handle_unknown, sparse_output=False)
    model = pipeline.make_pipeline(
        compose.ColumnTransformer([("o", encoder, [0, 1]), ("s", preprocessing.StandardScaler(), [2])]),
        ensemble.RandomForestClassifier(**FEW) if names else linear_model.LogisticRegression(),
    )
    model.fit(
        np.concatenate(list(table.values()), axis=1),
        rng.choice(["no", "yes"], 60) if names else table["b"][:, 0] == "p",
    )
    types = [(c, FloatTensorType([None, 1]) if c == "n" else StringTensorType([None, 1])) for c in table]
    graph = to_onnx(model, initial_types=types, target_opset={"": 13, "ai.onnx.ml": 3})
    lowered = lower(graph, target)
    assert metadata(lowered, TEXT_INPUTS_KEY) == {"a": ["x", "y", "é"], "b": ["p", "q"]}
    assert_answers(lowered, run(lowered, codes(lowered, table)), run(graph, table))
    assert op_types(lowered)[:3] == ["Reshape", "Equal", "Cast"]
