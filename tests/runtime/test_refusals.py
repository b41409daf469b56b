"""Rows that the estimator raises for are refused, wherever its step stands, and no others."""

import warnings

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import NMF, PCA, LatentDirichletAllocation, MiniBatchNMF
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import IterativeImputer, MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import AdditiveChi2Sampler, Nystroem, SkewedChi2Sampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.naive_bayes import CategoricalNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    LabelBinarizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
)

import bridge
from bridge.artifact import get_metadata
from bridge.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.uniform(0.1, 3, (60, 4))
Y = (X[:, 0] > 1.5).astype(int)
COUNTS = RNG.integers(0, 4, (60, 4)).astype(float)
HOLES = np.where(np.arange(240).reshape(60, 4) % 29 == 1, np.nan, X)[:, [1, 0]]
HOLES[:, 1] = X[:, 0]
VALUES = (-3.0, -1.0, -0.99, -0.5, -0.0, 5e-324, 0.05, 0.5, 2.9, 3.5, 4.0, 50.0, 800.0, np.nan, np.inf)
TARGETS = ("cpu", "cuda", "portable")
LOG = FunctionTransformer(np.log)
SPLINE = SplineTransformer(extrapolation="error")

CASES = {
    "isotonic": (IsotonicRegression(out_of_bounds="raise"), X[:, :1]),
    "isotonic of one value": (IsotonicRegression(out_of_bounds="raise"), np.ones((60, 1))),
    "spline": (SPLINE, X),
    "spline behind a scaler": (make_pipeline(StandardScaler(), SPLINE, LogisticRegression()), X),
    "spline behind a projection": (make_pipeline(PCA(2), SPLINE, LogisticRegression()), X),
    "spline in a column transformer": (ColumnTransformer([("s", SPLINE, [1])], remainder="passthrough"), X),
    "isotonic behind a projection": (make_pipeline(PCA(1), IsotonicRegression(out_of_bounds="raise")), X),
    "Box-Cox": (make_pipeline(PowerTransformer("box-cox"), LogisticRegression()), X),
    "NMF": (NMF(2, max_iter=2000), X),
    "NMF of ratios": (NMF(2, solver="mu", beta_loss="itakura-saito", max_iter=1000), X),
    "NMF behind a scaler": (make_pipeline(MinMaxScaler(), NMF(2, max_iter=2000)), X),
    "NMF of batches": (MiniBatchNMF(2), X),
    "NMF of batches, of ratios": (MiniBatchNMF(2, beta_loss="itakura-saito"), X),
    "topics": (make_pipeline(MinMaxScaler(), LatentDirichletAllocation(2, random_state=0)), X),
    "skewed chi2": (SkewedChi2Sampler(skewedness=1.0, random_state=0), X),
    "additive chi2": (AdditiveChi2Sampler(), X),
    "chi2 of some rows": (make_pipeline(MinMaxScaler(), Nystroem(kernel="chi2", n_components=10, gamma=1.0)), X),
    "chi2 of all rows": (KernelRidge(kernel="chi2", gamma=1.0), X),
    "whole column": (MissingIndicator(), HOLES),
    "whole column in a union": (make_union(MissingIndicator(), SplineTransformer(handle_missing="zeros")), HOLES),
    "any column": (MissingIndicator(error_on_new=False), HOLES),
    "imputed by a regression": (IterativeImputer(make_pipeline(SPLINE, KernelRidge()), max_iter=2), HOLES),
    "categories": (CategoricalNB(), COUNTS),
    "whole categories": (CategoricalNB(), COUNTS.astype(np.int32)),
    "categories behind a step": (make_pipeline(FunctionTransformer(np.round), OneHotEncoder()), COUNTS),
    "categories and NaN behind a step": (make_pipeline(FunctionTransformer(np.floor), OrdinalEncoder()), HOLES.round()),
    "categories of bins": (make_pipeline(KBinsDiscretizer(3, encode="ordinal"), OneHotEncoder()), X),
    "logarithms before a regression": (make_pipeline(LOG, LogisticRegression()), X),
    "logarithms before boosting": (make_pipeline(LOG, HistGradientBoostingClassifier(max_iter=2)), X),
    "logarithms before a scaler": (make_pipeline(LOG, StandardScaler(), RandomForestClassifier(3, random_state=0)), X),
    "logarithms before an imputer": (make_pipeline(LOG, SimpleImputer(), LogisticRegression()), X),
    "logarithms of some columns": (make_pipeline(ColumnTransformer([("log", LOG, [0])]), LogisticRegression()), X),
    "logarithms before columns": (
        make_pipeline(LOG, ColumnTransformer([("a", StandardScaler(), [0]), ("b", SimpleImputer(), [1])])),
        X,
    ),
    "logarithms before some columns each": (
        make_pipeline(LOG, BaggingClassifier(LogisticRegression(), 1, max_features=2, random_state=0)),
        X,
    ),
    "logarithms of logarithms": (make_pipeline(LOG, LOG), X),
    "exponentials before trees": (
        make_pipeline(FunctionTransformer(np.exp), RandomForestClassifier(3, random_state=0)),
        X,
    ),
    "roots before both": (
        make_pipeline(
            FunctionTransformer(np.sqrt),
            VotingClassifier([("a", LogisticRegression()), ("b", HistGradientBoostingClassifier(max_iter=2))]),
        ),
        X,
    ),
    "unknown categories as NaN": (
        make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), LogisticRegression()),
        COUNTS,
    ),
    "powers": (PowerTransformer(), X**-9),
    "negative distances": (KNeighborsClassifier(3, metric="precomputed"), pairwise_distances(X)),
    "negative distances of the nearest": (NearestNeighbors(n_neighbors=3, metric="precomputed"), pairwise_distances(X)),
    "negative counts": (MultinomialNB(), X),
}


def fitted(estimator, sample):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(estimator).fit(sample, X[:, 1] if sample.shape[1] == 1 else Y)


def takes(model, method, row):
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            getattr(model, method)(row)
    except (ValueError, IndexError):
        return False
    return True


def rows_of(sample):
    """Return for each special value and column a row in which it stands there, and the sample's own."""
    dtype = sample.dtype
    values = [v for v in VALUES if dtype.kind == "f" or (np.isfinite(v) and v == int(v))]
    special = np.repeat(sample[:1], len(values) * sample.shape[1], axis=0)
    special[np.arange(len(special)), np.arange(len(special)) // len(values)] = np.tile(values, sample.shape[1])
    return np.concatenate([special, sample])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_just_the_rows_are_refused_that_the_estimator_refuses(name, target):
    estimator, sample = CASES[name]
    estimator = fitted(estimator, sample)
    model = bridge.load(bridge.export(estimator, sample, target=target), device="cpu")
    rows = rows_of(sample)
    if target == "portable":
        rows = rows[(rows != 5e-324).all(axis=1)]  # 0 in float32
    for method in (m.name for m in model.methods):
        expected = [takes(estimator, method, row) for row in rows[:, np.newaxis]]
        found = [takes(model, method, row) for row in rows[:, np.newaxis]]
        differing = rows[np.array(expected) != np.array(found)]
        assert differing.tolist() == []


@pytest.mark.parametrize("target", TARGETS)
def test_labels_with_a_fraction_are_refused(target):
    labels = np.array([1.0, 2.0, 3.0])
    binarizer = LabelBinarizer().fit(labels)
    model = bridge.load(bridge.export(binarizer, labels, target=target), device="cpu")
    np.testing.assert_array_equal(model.transform([2.0, 4.0]), binarizer.transform([2.0, 4.0]))
    with pytest.raises(InputError, match="row 1 is refused: LabelBinarizer takes no labels with a fraction"):
        model.transform([2.0, 2.5])


@pytest.mark.parametrize("target", TARGETS)
def test_text_that_only_another_encoder_knows_is_refused(target):
    table = pd.DataFrame({"town": list("xyxyxy")})
    few = OneHotEncoder(categories=[["x", "y"]], sparse_output=False)
    columns = ColumnTransformer([("few", few, ["town"]), ("all", OrdinalEncoder(categories=[list("xyz")]), ["town"])])
    model = bridge.load(bridge.export(columns.fit(table), table, target=target), device="cpu")
    np.testing.assert_array_equal(model.transform(table), columns.transform(table))
    with pytest.raises(InputError, match="row 3 is refused: its encoder takes no category"):
        model.transform(pd.DataFrame({"town": list("xyxz")}))
    with pytest.raises(InputError, match="unknown categories: 'w'"):
        model.transform(pd.DataFrame({"town": list("xyw")}))


@pytest.fixture(scope="module")
def splines():
    return fitted(make_pipeline(StandardScaler(), SPLINE, LogisticRegression()), X)


def with_a_row_beyond(position, rows=X):
    table = rows.copy()
    table[position, 1] = 1e3
    return table


def test_error_names_the_row_and_the_cause(splines):
    model = bridge.compile(splines, X, device="cpu")
    with pytest.raises(InputError, match=r"row 7 is refused: SplineTransformer\(extrapolation='error'\).*\nDrop"):
        model.predict(with_a_row_beyond([7, 9]))


@pytest.mark.parametrize("rows", [1, 7])
def test_row_is_counted_from_the_first_batch(splines, rows):
    model = bridge.compile(splines, X, device="cpu").in_blocks(rows)
    with pytest.raises(InputError, match="row 30 is refused"):
        model.predict_proba(with_a_row_beyond(30))


def test_rows_that_fill_up_a_fixed_batch_are_not_judged(splines):
    model = bridge.load(bridge.export(splines, X, batch_size=8), device="cpu")
    np.testing.assert_array_equal(model.predict(X[:5]), splines.predict(X[:5]))
    with pytest.raises(InputError, match="row 4 is refused"):
        model.predict(with_a_row_beyond(4, X[:5]))
    assert model.predict(X[:0]).shape == (0,)


def test_one_method_alone_refuses_too(splines):
    model = bridge.load(bridge.export(splines, X, methods=["predict_proba"]), device="cpu")
    with pytest.raises(InputError, match="row 2 is refused"):
        model.predict_proba(with_a_row_beyond(2))


def test_lowered_file_refuses_too(splines):
    lowered = bridge.lower(bridge.export(splines, X, target="cpu"), target="cuda")
    with pytest.raises(InputError, match="row 3 is refused"):
        bridge.load(lowered, device="cpu").predict(with_a_row_beyond(3))


def test_method_with_a_session_of_its_own_refuses_too():
    """A Gaussian process keeps its deviation's constants apart, and has a second answer."""
    process = GaussianProcessRegressor(RBF() + WhiteKernel(), optimizer=None)
    estimator = fitted(make_pipeline(SPLINE, process), np.concatenate([X] * 4)[:60])
    model = bridge.load(bridge.export(estimator, X, target="cpu"), device="cpu")
    for options in ({}, {"return_std": True}):
        with pytest.raises(InputError, match="row 1 is refused"):
            model.predict(with_a_row_beyond(1), **options)


def test_run_gives_the_codes_and_other_runtimes_too(splines):
    model = bridge.compile(splines, X, device="cpu")
    codes = model.run(with_a_row_beyond([2, 5]))[model.metadata.refused]
    assert codes.dtype == np.int64
    assert np.flatnonzero(codes).tolist() == [2, 5]
    assert codes.max() == len(model.metadata.reasons) == 1


def test_estimator_that_refuses_no_row_has_no_such_output():
    model = bridge.export(RandomForestClassifier(3, random_state=0).fit(X, Y), X)
    assert get_metadata(model).refused == ""
    assert [o.name for o in model.graph.output] == ["predict", "predict_proba", "predict_log_proba"]


def test_file_whose_output_of_refusals_is_gone_is_refused(splines):
    model = bridge.export(splines, X)
    del model.graph.output[[o.name for o in model.graph.output].index("refused")]
    with pytest.raises(bridge.errors.ArtifactError, match="no output 'refused'"):
        bridge.load(onnx.ModelProto.FromString(model.SerializeToString()), device="cpu")
