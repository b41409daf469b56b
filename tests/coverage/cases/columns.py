"""Scalers, encoders, imputers, expansions, selectors, decompositions, projections, kernel approximations."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import (
    cross_decomposition,
    decomposition,
    feature_selection,
    impute,
    isotonic,
    kernel_approximation,
    preprocessing,
    random_projection,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.tree import DecisionTreeClassifier

from tests.coverage.case import Case, Default
from tests.coverage.data import Data, of, table, with_missing

_COMPONENTS: dict[str, Any] = {"n_components": 3, "random_state": 0}
_CODER = np.random.default_rng(3).normal(size=(8, 6))
_CODER /= np.linalg.norm(_CODER, axis=1, keepdims=True)


def _kernel() -> Data:
    rows = table("blobs", "none")
    return Data(rbf_kernel(rows.X, rows.X, 0.1), None, rbf_kernel(rows.unseen, rows.X, 0.1))


def missing(target: str = "none", columns: str = "numbers") -> Data:
    return with_missing(table(columns, target))


DEFAULTS = (
    *(
        Default(kind)
        for kind in (
            preprocessing.Binarizer(threshold=0.1),
            preprocessing.MaxAbsScaler(),
            preprocessing.MinMaxScaler(),
            preprocessing.Normalizer(),
            preprocessing.PolynomialFeatures(),
            preprocessing.PowerTransformer(),
            preprocessing.QuantileTransformer(n_quantiles=40),
            preprocessing.RobustScaler(),
            preprocessing.StandardScaler(),
            preprocessing.SplineTransformer(),
            preprocessing.FunctionTransformer(),
            decomposition.FactorAnalysis(**_COMPONENTS),
            decomposition.FastICA(max_iter=500, tol=0.01, **_COMPONENTS),
            decomposition.IncrementalPCA(3),
            decomposition.PCA(**_COMPONENTS),
            decomposition.TruncatedSVD(**_COMPONENTS),
            decomposition.SparsePCA(max_iter=20, **_COMPONENTS),
            decomposition.MiniBatchSparsePCA(max_iter=20, **_COMPONENTS),
            decomposition.DictionaryLearning(5, max_iter=10, random_state=0),
            decomposition.MiniBatchDictionaryLearning(5, max_iter=10, random_state=0),
            random_projection.GaussianRandomProjection(**_COMPONENTS),
            random_projection.SparseRandomProjection(**_COMPONENTS),
            kernel_approximation.PolynomialCountSketch(n_components=16, random_state=0),
            kernel_approximation.RBFSampler(n_components=16, random_state=0),
            feature_selection.VarianceThreshold(0.5),
        )
    ),
    Default(decomposition.SparseCoder(_CODER), target="none"),
    Default(decomposition.KernelPCA(gamma=0.05, **_COMPONENTS), "blobs"),
    Default(decomposition.NMF(max_iter=100, **_COMPONENTS), "positive"),
    Default(decomposition.MiniBatchNMF(max_iter=20, **_COMPONENTS), "positive"),
    Default(decomposition.LatentDirichletAllocation(3, max_iter=5, random_state=0), "counts"),
    Default(kernel_approximation.AdditiveChi2Sampler(), "positive"),
    Default(kernel_approximation.SkewedChi2Sampler(n_components=16, random_state=0), "positive"),
    Default(kernel_approximation.Nystroem(gamma=0.05, n_components=20, random_state=0), "positive"),
    Default(preprocessing.KernelCenterer(), data=_kernel),
    Default(preprocessing.KBinsDiscretizer(quantile_method="averaged_inverted_cdf")),
    Default(preprocessing.OneHotEncoder(handle_unknown="ignore"), "categories"),
    Default(preprocessing.OrdinalEncoder(), "categories"),
    Default(preprocessing.TargetEncoder(), "categories", "real"),
    Default(impute.SimpleImputer(), data=missing),
    Default(impute.KNNImputer(), data=missing),
    Default(impute.IterativeImputer(max_iter=3, random_state=0), data=missing),
    Default(impute.MissingIndicator(), data=missing),
    Default(isotonic.IsotonicRegression(out_of_bounds="clip"), "one column", "real"),
    Default(cross_decomposition.CCA(2), target="two"),
    Default(cross_decomposition.PLSCanonical(2), target="two"),
    Default(cross_decomposition.PLSRegression(2), target="real"),
    Default(cross_decomposition.PLSSVD(2), target="two"),
    *(
        Default(kind, target="three")
        for kind in (
            feature_selection.GenericUnivariateSelect(mode="k_best", param=3),
            feature_selection.RFE(LogisticRegression(), n_features_to_select=3),
            feature_selection.RFECV(LogisticRegression(), cv=3),
            feature_selection.SelectFdr(),
            feature_selection.SelectFpr(),
            feature_selection.SelectFromModel(LogisticRegression()),
            feature_selection.SelectFwe(),
            feature_selection.SelectKBest(k=3),
            feature_selection.SelectPercentile(percentile=50),
            feature_selection.SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2),
        )
    ),
)


def _missing_text() -> Data:
    """Return text columns with NaN, fitted and unseen."""
    rows = table("categories", "real")
    rng = np.random.default_rng(4)

    def punch(X: Any) -> Any:
        return np.where(rng.random(X.shape) < 0.1, np.array(np.nan, object), X)

    return Data(punch(rows.X), rows.y, punch(rows.unseen))


def _mixed_frame(target: str = "real") -> Data:
    """Return a frame of text, pandas categories, integers and floats with NaN."""
    rows, words = table("numbers", target), table("categories", "real")

    def frame(X: Any, text: Any) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "town": text[:, 0],
                "size": pd.Categorical(text[:, 1]),
                "level": X[:, 3].astype(int),
                "x": np.where(X[:, 5] == 0, np.nan, X[:, 0]),
            }
        )

    return Data(frame(rows.X, words.X), rows.y, frame(rows.unseen, words.unseen))


def _some_unknown() -> Data:
    """Return text columns whose unseen rows hold categories that no fit has met."""
    rows = table("categories", "real")
    unseen = rows.unseen.copy()
    unseen[::5, 0] = "Atlantis"
    return Data(rows.X, rows.y, unseen)


def _sentinel(value: Any) -> Data:
    rows = missing()
    return Data(np.where(np.isnan(rows.X), value, rows.X), None, np.where(np.isnan(rows.unseen), value, rows.unseen))


def _sparse_positive() -> Data:
    rows = table("positive", "none")
    return Data(sparse.csr_matrix(rows.X), None, sparse.csr_matrix(rows.unseen))


_one_hot = partial(preprocessing.OneHotEncoder, sparse_output=False)


def _fixed_width() -> Data:
    rows = table("categories", "real")
    return Data(rows.X.astype(str), rows.y, rows.unseen.astype(str))


_ENCODERS = (
    Case(_one_hot(), _fixed_width, "of text of a fixed width"),
    Case(preprocessing.OrdinalEncoder(), _fixed_width, "of text of a fixed width"),
    Case(_one_hot(drop="first"), of("categories"), "drop first"),
    Case(_one_hot(drop="if_binary", handle_unknown="ignore"), _some_unknown, "unknown ignored, drop if binary"),
    Case(_one_hot(min_frequency=30), of("categories"), "infrequent"),
    Case(_one_hot(max_categories=3, handle_unknown="infrequent_if_exist"), _some_unknown, "most categories, unknown"),
    Case(
        _one_hot(min_frequency=30, drop="first", handle_unknown="infrequent_if_exist"),
        _some_unknown,
        "infrequent, drop first",
    ),
    Case(_one_hot(handle_unknown="ignore"), _missing_text, "NaN in text"),
    Case(_one_hot(handle_unknown="ignore"), _mixed_frame, "of a frame"),
    Case(_one_hot(handle_unknown="ignore", dtype=np.float32), of("lattice"), "of numbers, float32"),
    Case(preprocessing.OrdinalEncoder(), _missing_text, "NaN in text", issue=True),
    Case(preprocessing.OrdinalEncoder(encoded_missing_value=-1), _missing_text, "NaN encoded"),
    Case(preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-5), _some_unknown, "unknown"),
    Case(preprocessing.OrdinalEncoder(min_frequency=30), of("categories"), "infrequent", issue=True),
    Case(
        preprocessing.OrdinalEncoder(max_categories=3, handle_unknown="use_encoded_value", unknown_value=np.nan),
        _some_unknown,
        "most categories, unknown NaN",
    ),
    Case(preprocessing.OrdinalEncoder(), partial(missing, columns="lattice"), "NaN in numbers", issue=True),
    Case(preprocessing.TargetEncoder(target_type="multiclass"), of("categories", "three text"), "of three classes"),
    Case(preprocessing.TargetEncoder(), of("categories", "binary text"), "of two classes"),
    Case(preprocessing.TargetEncoder(smooth=5.0), _some_unknown, "unknown, smoothed"),
    Case(preprocessing.TargetEncoder(), _missing_text, "NaN in text"),
    Case(preprocessing.KBinsDiscretizer([2, 3, 4, 5, 6, 2], encode="ordinal", strategy="uniform"), of(), "uneven bins"),
)
_IMPUTERS = (
    Case(impute.SimpleImputer(add_indicator=True), missing, "with an indicator", issue=True),
    Case(impute.SimpleImputer(missing_values=-1.0, strategy="median"), partial(_sentinel, -1.0), "of minus one"),
    Case(impute.SimpleImputer(missing_values=0.0, strategy="most_frequent"), partial(_sentinel, 0.0), "of zero"),
    Case(impute.SimpleImputer(strategy="most_frequent"), _missing_text, "of text"),
    Case(impute.SimpleImputer(strategy="constant", fill_value="none"), _missing_text, "of text, constant"),
    Case(impute.SimpleImputer(strategy="most_frequent", missing_values="Bonn"), of("categories"), "of a word"),
    Case(impute.SimpleImputer(strategy="most_frequent"), _mixed_frame, "of a frame"),
    Case(impute.KNNImputer(weights="distance"), missing, "weights by distance"),
    Case(impute.KNNImputer(n_neighbors=3, add_indicator=True), partial(missing, columns="lattice"), "ties, indicator"),
    Case(
        impute.IterativeImputer(max_iter=3, estimator=LinearRegression(), min_value=-1, max_value=5),
        missing,
        "of regressions, within bounds",
    ),
    Case(impute.IterativeImputer(max_iter=3, n_nearest_features=3, random_state=0), missing, "nearest features"),
    Case(impute.MissingIndicator(features="all"), missing, "all"),
    Case(impute.MissingIndicator(missing_values=-1.0), partial(_sentinel, -1.0), "of minus one"),
)
_NUMERIC = (
    Case(preprocessing.Normalizer("max"), of(), "max", issue=True),
    *(
        Case(preprocessing.FunctionTransformer(f), of("positive"), f"np.{f.__name__}")
        for f in (np.log1p, np.log, np.exp, np.sqrt, np.abs, np.sin, np.square, np.sign, np.expm1, np.tanh, np.floor)
    ),
    Case(preprocessing.FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}), of(), "np.clip"),
    Case(preprocessing.PowerTransformer("box-cox"), of("positive"), "method=box-cox"),
    Case(preprocessing.QuantileTransformer(n_quantiles=40, output_distribution="normal"), of(), "normal"),
    Case(preprocessing.QuantileTransformer(n_quantiles=40), missing, "NaN"),
    Case(preprocessing.StandardScaler(), missing, "NaN"),
    Case(preprocessing.MinMaxScaler((-2, 3), clip=True), of(), "clipped"),
    Case(
        preprocessing.PolynomialFeatures(degree=(2, 3), interaction_only=True, include_bias=False), of(), "interactions"
    ),
    Case(preprocessing.SplineTransformer(4, degree=2, knots="quantile"), of("one column"), "quantiles, quadratic"),
    Case(preprocessing.SplineTransformer(extrapolation="periodic"), of("one column"), "periodic"),
    Case(preprocessing.SplineTransformer(handle_missing="zeros"), missing, "NaN"),
    Case(isotonic.IsotonicRegression(out_of_bounds="nan"), of("one column", "real"), "NaN beyond"),
    Case(isotonic.IsotonicRegression(increasing=False, out_of_bounds="clip"), of("one column", "real"), "decreasing"),
    Case(isotonic.IsotonicRegression(out_of_bounds="clip"), lambda: _flat("real"), "one dimension"),
)


def _flat(target: str) -> Data:
    rows = table("one column", target)
    return Data(rows.X[:, 0], rows.y, rows.unseen[:, 0])


_CODERS = tuple(
    Case(
        decomposition.SparseCoder(_CODER, transform_algorithm=name, split_sign=split, positive_code=positive),
        of(),
        f"{name}, split={split}, positive={positive}",
    )
    for name in ("lasso_lars", "lasso_cd", "lars", "omp", "threshold")
    for split, positive in ((True, False), (False, name in {"lasso_lars", "lasso_cd", "threshold"}))
    if split or positive
)
_DECOMPOSITIONS = (
    *_CODERS,
    *(
        Case(
            kind(
                5, max_iter=10, fit_algorithm="cd", transform_algorithm="lasso_cd", positive_code=True, random_state=0
            ),
            of(),
            "positive codes",
        )
        for kind in (decomposition.DictionaryLearning, decomposition.MiniBatchDictionaryLearning)
    ),
    Case(decomposition.KernelPCA(3, kernel="precomputed"), _kernel, "kernel=precomputed"),
    Case(kernel_approximation.Nystroem(kernel="precomputed", n_components=160), _kernel, "kernel=precomputed"),
    Case(
        decomposition.NMF(3, solver="mu", beta_loss="kullback-leibler", max_iter=100, random_state=0),
        of("positive"),
        "mu, Kullback-Leibler",
    ),
    Case(
        decomposition.NMF(3, solver="mu", beta_loss="itakura-saito", max_iter=100, random_state=0, init="nndsvda"),
        of("positive"),
        "beta_loss=itakura-saito",
    ),
    Case(decomposition.NMF(3, alpha_W=0.1, l1_ratio=0.5, max_iter=100, random_state=0), of("positive"), "penalised"),
    Case(decomposition.NMF(3, max_iter=100, random_state=0), _sparse_positive, "of a sparse matrix"),
    Case(decomposition.PCA(0.9, whiten=True), of(), "whitened share"),
    Case(decomposition.PCA("mle"), of(), "n_components=mle"),
    Case(decomposition.PCA(), of(), "all components"),
    Case(decomposition.FactorAnalysis(2, rotation="varimax"), of(), "varimax"),
    Case(
        decomposition.LatentDirichletAllocation(3, max_iter=5, random_state=0, doc_topic_prior=0.2),
        of("counts"),
        "prior",
    ),
    Case(
        kernel_approximation.PolynomialCountSketch(degree=3, coef0=1, n_components=16, random_state=0),
        of(),
        "degree 3, coef0",
    ),
    Case(kernel_approximation.AdditiveChi2Sampler(sample_steps=3), of("counts"), "three steps, zeros"),
    Case(random_projection.SparseRandomProjection(3, dense_output=True, random_state=0), of(), "dense"),
    Case(cross_decomposition.PLSRegression(2), of(target="two"), "two targets"),
    Case(cross_decomposition.PLSRegression(2, scale=False), of(target="column"), "column, unscaled"),
    Case(
        feature_selection.SelectFromModel(DecisionTreeClassifier(random_state=0), threshold="mean"),
        of(target="three"),
        "of a tree",
    ),
    Case(feature_selection.SelectFromModel(Lasso(0.1)), of(target="real"), "of a lasso"),
    Case(feature_selection.SelectKBest(feature_selection.chi2, k=3), of("counts", "three"), "chi2"),
    Case(feature_selection.VarianceThreshold(), missing, "NaN"),
)
NAMED = (*_ENCODERS, *_IMPUTERS, *_NUMERIC, *_DECOMPOSITIONS)
