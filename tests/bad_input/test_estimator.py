"""What is no fitted estimator, or has no converter, is refused in its own name."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.cluster import DBSCAN
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from bridge.errors import BridgeError, InputError, InputTypeError, NotFittedError, ParityError, UnsupportedError
from tests.bad_input.cases import ARRAY, LABELS, NAMED, fitted, forest


class Doubler(TransformerMixin, BaseEstimator):
    """A transformer that bridge knows nothing of."""

    def fit(self, X, _labels=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X) * 2

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")


class Tripler(Doubler):
    """Another one, whose class no test registers."""

    def transform(self, X):
        return np.asarray(X) * 3


class OddClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that bridge knows nothing of."""

    def fit(self, _table, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]


@pytest.fixture
def converters():
    """Leave the registry as it was."""
    from bridge.export import registry

    registry._load_converters()
    before = dict(registry._CONVERTERS)
    yield
    registry._CONVERTERS.clear()
    registry._CONVERTERS.update(before)


def test_every_error_is_also_the_builtin_that_a_caller_expects():
    assert issubclass(InputError, (BridgeError, ValueError))
    for error, builtin in (
        (NotFittedError, ValueError),
        (NotFittedError, AttributeError),
        (UnsupportedError, NotImplementedError),
        (InputError, ValueError),
        (InputTypeError, TypeError),
        (ParityError, ValueError),
    ):
        assert issubclass(error, BridgeError)
        assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (forest(), "RandomForestClassifier"),
        (StandardScaler(), "StandardScaler"),
        (make_pipeline(StandardScaler(), forest()), "Pipeline"),
        (ColumnTransformer([("all", StandardScaler(), [0])]), "ColumnTransformer"),
        (GridSearchCV(forest(), {"max_depth": [1]}), "GridSearchCV"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_unfitted_estimator_is_refused(estimator, name):
    with pytest.raises(NotFittedError, match=rf"{name} is not fitted\. Call fit before export"):
        bridge.export(estimator, ARRAY)


def test_unfitted_step_is_refused():
    estimator = make_pipeline(StandardScaler(), forest()).fit(ARRAY, LABELS)
    estimator.steps[0] = ("standardscaler", StandardScaler())
    with pytest.raises(NotFittedError, match=r"a part of Pipeline is not fitted: This StandardScaler .*\nCall fit"):
        bridge.export(estimator, ARRAY)


@pytest.mark.parametrize("estimator", [RandomForestClassifier, StandardScaler, make_pipeline])
def test_class_in_place_of_an_instance_is_refused(estimator):
    message = f"the class {estimator.__name__} itself" if isinstance(estimator, type) else "found builtins.function"
    with pytest.raises(InputTypeError, match=message):
        bridge.export(estimator, ARRAY)


@pytest.mark.parametrize(
    "estimator", [None, 3, "model.pkl", np.ones(3), {"fit": 1}, object()], ids=lambda v: type(v).__name__
)
def test_what_is_no_estimator_is_refused(estimator):
    cls = type(estimator)
    with pytest.raises(
        InputTypeError, match=f"expected a fitted scikit-learn estimator, found {cls.__module__}.{cls.__name__}"
    ):
        bridge.export(estimator, ARRAY)


def test_estimator_that_cannot_answer_new_rows_is_refused():
    with pytest.raises(UnsupportedError, match="DBSCAN has no inference method; expected one of predict, "):
        bridge.export(DBSCAN().fit(ARRAY), ARRAY)


def test_estimator_without_a_converter_is_refused_with_its_step_and_the_way_out():
    estimator = make_pipeline(Tripler(), forest()).fit(ARRAY, LABELS)
    message = (
        r"step 'tripler' \(Tripler\): no converter for .*Tripler\.\nRegister one with bridge.register_converter\(Trip"
    )
    with pytest.raises(UnsupportedError, match=message):
        bridge.export(estimator, ARRAY)


def test_step_of_a_column_transformer_is_named_through_the_steps_around_it():
    columns = ColumnTransformer([("mine", Tripler(), ["dist"])])
    estimator = make_pipeline(columns, forest()).fit(NAMED, LABELS)
    message = r"step 'columntransformer' \(ColumnTransformer\): step 'mine' \(Tripler\): no converter"
    with pytest.raises(UnsupportedError, match=message):
        bridge.export(estimator, NAMED)


@pytest.mark.usefixtures("converters")
def test_registered_converter_makes_the_export_work():
    bridge.register_converter(
        Doubler, lambda b, _, x: {"transform": x.of(b.mul(x.floats(), b.like(2, x.floats())), x.width)}
    )
    estimator = make_pipeline(Doubler(), forest()).fit(ARRAY, LABELS)
    for target in ("cpu", "portable"):
        predictor = bridge.load(bridge.export(estimator, ARRAY, target=target))
        np.testing.assert_array_equal(predictor.predict(ARRAY), estimator.predict(ARRAY))


@pytest.mark.usefixtures("converters")
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_wrong_converter_is_caught_and_no_file_is_written(tmp_path, target):
    bridge.register_converter(
        Doubler, lambda b, _, x: {"transform": x.of(b.mul(x.floats(), b.like(2.001, x.floats())), x.width)}
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ParityError, match="differs from the estimator, so it was not handed out") as caught:
        bridge.export(Doubler().fit(ARRAY), ARRAY, path, target=target)
    assert path.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["model.onnx"]
    report = caught.value.report
    assert not report.ok
    assert report.methods[0].name == "transform"
    assert report.methods[0].loose_rows == len(ARRAY)
    assert "NOT equal" in str(caught.value)


@pytest.mark.usefixtures("converters")
def test_converter_that_swaps_labels_is_caught():
    def swapped(b, estimator, x):
        positive = b.op("Greater", b.take_columns(x.matrix(), [0]), b.like(0, x.matrix()))
        from bridge.export.registry import Labels

        return {"predict": Labels(b.flatten_column(b.cast(b.op("Not", positive), np.int64)), estimator.classes_)}

    bridge.register_converter(OddClassifier, swapped)
    with pytest.raises(ParityError) as caught:
        bridge.export(OddClassifier().fit(ARRAY, LABELS), ARRAY, target="cpu")
    assert caught.value.report.methods[0].labels_differing == len(ARRAY)


@pytest.mark.usefixtures("converters")
def test_converter_with_another_shape_is_caught():
    bridge.register_converter(Doubler, lambda b, _, x: {"transform": x.of(b.take_columns(x.matrix(), [0, 1]), 2)})
    with pytest.raises(BridgeError, match=r"shape \(200, 2\)"):
        bridge.export(Doubler().fit(ARRAY), ARRAY, target="cpu")


@pytest.mark.usefixtures("converters")
def test_converter_that_rounds_is_caught():
    bridge.register_converter(Doubler, lambda b, _, x: {"transform": x.of(b.cast(x.matrix(), np.int64), x.width)})
    with pytest.raises(ParityError):
        bridge.export(Doubler().fit(ARRAY), ARRAY, target="cpu")


def test_method_that_the_estimator_lacks_is_refused_with_those_it_has():
    estimator, sample = fitted("forest")
    message = "RandomForestClassifier has no method transform; it has predict, predict_proba, predict_log_proba"
    with pytest.raises(InputError, match=message):
        bridge.export(estimator, sample, methods=["predict", "transform"])


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [(np.array([b"a", b"b"]), r"\|S1"), (np.array(["2020-01-01", "2021-01-01"], "M8[D]"), "datetime64")],
)
def test_labels_that_no_file_can_hold_are_refused(labels, dtype):
    estimator = forest().fit(ARRAY, labels[(ARRAY[:, 0] > 0).astype(int)])
    with pytest.raises(
        UnsupportedError, match=rf"RandomForestClassifier has labels of dtype {dtype}.*\nFit with such labels"
    ):
        bridge.export(estimator, ARRAY)
