"""A model that differs from its estimator is found out, however small the difference and wherever it is."""

from unittest import mock

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from skl2onnx import to_onnx
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import bridge
from bridge.artifact import get_metadata
from bridge.errors import InputError, ParityError
from bridge.verify import check
from bridge.verify.check import check_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = np.where(X[:, 0] + X[:, 1] > 0, "late", "early")


def changed(model, change):
    """Return a copy of the model in which `change` was applied to every float constant and tensor attribute."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    tensors = list(copy.graph.initializer)
    tensors += [a.t for node in copy.graph.node for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
    for tensor in tensors:
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f":
            tensor.CopyFrom(numpy_helper.from_array(change(array).astype(array.dtype), tensor.name))
    return copy


@pytest.fixture(scope="module")
def tree():
    return DecisionTreeClassifier(max_depth=5, random_state=0).fit(X, Y)


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_model_that_is_right_passes_and_its_figures_are_in_the_file(tree, target):
    model = bridge.export(tree, X, target=target)
    figures = get_metadata(model).parity
    assert {"predict", "predict, on thresholds", "predict, special values", "predict_proba"} <= set(figures)
    assert all(f["labels_differing"] == 0 for name, f in figures.items() if name.startswith("predict"))
    assert check_model(tree, model, X).ok


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_threshold_that_is_one_number_off_is_found(target):
    tree = DecisionTreeClassifier(random_state=0).fit(X, Y)  # whose leaves are 0 and 1
    model = bridge.export(tree, X, target=target, check=False)
    for direction in (-np.inf, np.inf):
        # By one float32: the tree looks at nothing finer.
        moved = changed(
            model, lambda a, to=direction: np.where(a % 1 == 0, a, np.nextafter(a.astype(np.float32), np.float32(to)))
        )
        assert not check_model(tree, moved, X).ok
        assert bridge.verify(tree, moved, X).ok  # the data alone does not show it


@pytest.mark.parametrize("share", [1e-9, 1e-3])
def test_leaf_that_is_a_little_off_is_found(share):
    estimator = RandomForestRegressor(3, max_depth=4, random_state=0).fit(X, X[:, 0])
    model = bridge.export(estimator, X, target="cpu", check=False)
    report = check_model(estimator, changed(model, lambda a: a * (1 + share)), X)
    assert not report.ok


def test_report_names_the_method_and_its_worst_rows(tree):
    model = bridge.export(tree, X, target="cpu", check=False)
    other = DecisionTreeClassifier(max_depth=2, random_state=1).fit(X, Y[::-1])
    report = bridge.verify(other, model, X)
    assert not report.ok
    predict = report.methods[0]
    differing = np.flatnonzero(other.predict(X) != tree.predict(X))
    assert predict.labels_differing == len(differing)
    assert set(predict.worst_rows) <= set(differing)
    assert len(predict.worst_rows) == 5


@pytest.mark.parametrize("source", ["model", "path", "predictor"])
def test_verify_takes_models_files_and_predictors(tree, tmp_path, source):
    path = tmp_path / "model.onnx"
    model = bridge.export(tree, X, path, target="cpu", check=False)
    given = {"model": model, "path": path, "predictor": bridge.load(model)}[source]
    report = bridge.verify(tree, given, X)
    assert report.ok
    assert [m.name for m in report.methods] == ["predict", "predict_proba", "predict_log_proba"]
    assert [m.rows for m in report.methods] == [300] * 3


def test_verify_of_another_exporter_s_file(tree):
    plain = to_onnx(tree, X[:1].astype(np.float32), options={"zipmap": False}, target_opset=17)
    rows = X.astype(np.float32).astype(np.float64)
    report = bridge.verify(tree, plain, rows)
    assert report.ok, str(report)
    assert [m.name for m in report.methods] == ["predict", "predict_proba"]
    regressor = RandomForestRegressor(3, random_state=0).fit(X, X[:, 0])
    report = bridge.verify(regressor, to_onnx(regressor, X[:1].astype(np.float32), target_opset=17), rows)
    assert report.ok, str(report)


def test_data_that_the_estimator_refuses_is_refused_in_its_words(tree):
    model = bridge.export(tree, X, check=False)
    with pytest.raises(InputError, match=r"DecisionTreeClassifier\.predict itself refuses this data: X has 2 features"):
        bridge.verify(tree, model, X[:, :2])
    with pytest.raises(InputError, match=r"refuses this data: Found array with 0 sample"):
        bridge.verify(tree, model, X[:0])


def test_several_targets_are_compared_one_by_one():
    targets = np.column_stack([Y == "late", np.digitize(X[:, 2], [-0.5, 0.5])])
    estimator = RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, targets)
    model = bridge.export(estimator, X, target="cpu")
    assert bridge.verify(estimator, model, X).ok
    other = RandomForestClassifier(3, max_depth=3, random_state=1).fit(X, targets)
    report = bridge.verify(other, model, X)
    assert not report.ok
    assert report.methods[1].max_scaled > 0.01


def test_estimator_with_other_classes_or_shapes_is_no_match():
    model = bridge.export(RandomForestRegressor(2).fit(X, X[:, 0]), X, target="cpu", check=False)
    two = RandomForestRegressor(2).fit(X, X[:, :2])
    report = bridge.verify(two, model, X)
    assert not report.ok
    assert report.methods[0].problem == "shape (300,) float64 instead of (300, 2) float64"
    assert "instead of" in str(report)


def test_without_onnxruntime_the_reference_evaluator_checks_and_the_report_says_so(monkeypatch):
    monkeypatch.setattr(check, "find_spec", lambda name: None if name == "onnxruntime" else object())
    estimator = StandardScaler().fit(X)
    model = bridge.export(estimator, X, target="portable", check=False)
    report = check_model(estimator, model, X)
    assert report.ok
    assert report.methods[0].rows == check.REFERENCE_ROWS
    assert "checked in onnx.reference, because no onnxruntime is installed" in str(report)


def test_estimator_that_takes_only_some_numbers_is_checked_on_those():
    positive = np.abs(X) + 0.1
    estimator = PowerTransformer(method="box-cox").fit(positive)
    model = bridge.export(estimator, positive, target="cpu")
    figures = get_metadata(model).parity
    assert 0 < figures["transform, special values"]["rows"] < 64


def test_large_sample_is_checked_on_rows_spread_over_all_of_it():
    sample = np.tile(X, (50, 1))
    estimator = StandardScaler().fit(sample)
    report = check_model(estimator, bridge.export(estimator, sample, check=False), sample)
    assert report.methods[0].rows == check.CHECK_ROWS


@pytest.mark.parametrize("branch", ["few_rows", "many_rows"])
def test_either_form_of_a_graph_that_chooses_by_rows_is_checked(branch):
    estimator = RandomForestRegressor(100, max_depth=4, random_state=0).fit(X, X[:, 0])
    model = bridge.export(estimator, X, target="cpu")
    (choice,) = [node for node in model.graph.node if node.op_type == "If"]
    (ensemble,) = [n for a in choice.attribute for n in a.g.node if n.op_type == "TreeEnsemble"]
    assert check_model(estimator, model, X).ok
    scores = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.DOUBLE and len(t.dims) == 2]
    if branch == "few_rows":
        scores = [a.t for a in ensemble.attribute if a.name == "leaf_weights"]

    for tensor in scores:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * (1 + 1e-8), tensor.name))

    assert scores
    assert not check_model(estimator, model, X).ok


def test_estimators_that_sum_in_float32_are_held_to_float32_and_others_are_not():
    table = X.astype(np.float32)
    model = bridge.export(QuadraticDiscriminantAnalysis().fit(table, Y), table, target="cpu")
    assert get_metadata(model).sums_float32
    scaled_tree = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=5, random_state=0)).fit(table, Y)
    assert not get_metadata(bridge.export(scaled_tree, table, target="cpu")).sums_float32
    wide = bridge.export(QuadraticDiscriminantAnalysis().fit(X, Y), X, target="cpu")
    assert not get_metadata(wide).sums_float32


def test_report_that_is_not_ok_says_what_can_be_exported():
    model = BayesianRidge().fit(X, X[:, 0] + RNG.normal(size=300))
    wrong = _with_wrong_deviations(type(model).predict)
    with (
        mock.patch.object(type(model), "predict", wrong),
        pytest.raises(ParityError, match=r"The rest alone can be exported with methods=\['predict'\]"),
    ):
        bridge.export(model, X, target="cpu")


def _with_wrong_deviations(predict):
    def wrong(self, X, *, return_std=False):
        mean, deviation = predict(self, X, return_std=True)
        return (mean, deviation * 1.001) if return_std else mean

    return wrong
