"""One table of small estimators, every class that skl2onnx converts or why it is not here, and their graphs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common import _container
from skl2onnx.sklapi import CastRegressor, CastTransformer, ReplaceTransformer
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from sklearn.datasets import load_iris

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from sklearn.base import BaseEstimator

SEED = {"random_state": 0}
FEW = {"n_estimators": 4, "random_state": 0}
kernels = gaussian_process.kernels


@dataclass(frozen=True)
class Case:
    """An estimator and what it is fitted on.

    Attributes
    ----------
    learns
        A key of `targets`.
    reads
        A key of `inputs`.
    options
        skl2onnx's options for this estimator.
    opset
        The version of `ai.onnx` to convert for.
    """

    estimator: BaseEstimator
    learns: str | None = None
    reads: str = "numbers"
    options: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 13


def _logistic() -> linear_model.LogisticRegression:
    return linear_model.LogisticRegression(max_iter=300)


def _tree() -> tree.DecisionTreeClassifier:
    return tree.DecisionTreeClassifier(max_depth=3, **SEED)


def _leaving(cls: type[BaseEstimator]) -> BaseEstimator:
    """Return an estimator of a class that scikit-learn has announced the end of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return cls(**SEED)


CLASSIFIERS = {
    "logistic": Case(_logistic(), "species"),
    "logistic, two classes": Case(_logistic(), "two"),
    "logistic, names": Case(_logistic(), "names"),
    "logistic, two names": Case(_logistic(), "two names"),
    "logistic, raw scores": Case(_logistic(), "species", options={"raw_scores": True}),
    "logistic, cross-validated": Case(
        linear_model.LogisticRegressionCV(Cs=2, cv=2, use_legacy_attributes=True, max_iter=300), "species"
    ),
    "ridge classifier": Case(linear_model.RidgeClassifier(), "species"),
    "ridge classifier, two classes": Case(linear_model.RidgeClassifier(), "two"),
    "ridge classifier, cross-validated": Case(linear_model.RidgeClassifierCV(), "names"),
    "sgd": Case(linear_model.SGDClassifier(**SEED), "species"),
    "sgd, probabilities": Case(linear_model.SGDClassifier(loss="log_loss", **SEED), "two"),
    "sgd, huber": Case(linear_model.SGDClassifier(loss="modified_huber", **SEED), "species"),
    "passive aggressive": Case(_leaving(linear_model.PassiveAggressiveClassifier), "species"),
    "perceptron": Case(linear_model.Perceptron(), "species"),
    "perceptron, two names": Case(linear_model.Perceptron(), "two names"),
    "linear svc": Case(svm.LinearSVC(), "species"),
    "linear svc, two classes": Case(svm.LinearSVC(), "two"),
    "svc": Case(svm.SVC(), "species"),
    "svc, two classes": Case(svm.SVC(kernel="sigmoid"), "two"),
    "svc, names": Case(svm.SVC(gamma=0.5), "names"),
    "svc, polynomial": Case(svm.SVC(kernel="poly", degree=2, gamma=0.1), "species"),
    "svc, one against one": Case(svm.SVC(decision_function_shape="ovo"), "species"),
    "nu-svc": Case(svm.NuSVC(), "species"),
    "tree": Case(tree.DecisionTreeClassifier(**SEED), "species"),
    "tree, two classes": Case(tree.DecisionTreeClassifier(**SEED), "two"),
    "tree, names": Case(_tree(), "names"),
    "tree, two outputs": Case(_tree(), "flags", options={"zipmap": False}),
    "tree, paths and leaves": Case(
        _tree(), "species", options={"decision_path": True, "decision_leaf": True, "zipmap": False}
    ),
    "extra tree": Case(tree.ExtraTreeClassifier(**SEED), "species"),
    "forest": Case(ensemble.RandomForestClassifier(**FEW), "species"),
    "forest, two classes": Case(ensemble.RandomForestClassifier(**FEW), "two"),
    "forest, two names": Case(ensemble.RandomForestClassifier(**FEW), "two names"),
    "forest, paths and leaves": Case(
        ensemble.RandomForestClassifier(max_depth=2, **FEW),
        "species",
        options={"decision_path": True, "decision_leaf": True, "zipmap": False},
    ),
    "extra trees": Case(ensemble.ExtraTreesClassifier(**FEW), "names"),
    "boosting": Case(ensemble.GradientBoostingClassifier(**FEW), "species"),
    "boosting, two classes": Case(ensemble.GradientBoostingClassifier(**FEW), "two"),
    "histogram boosting": Case(ensemble.HistGradientBoostingClassifier(max_iter=3, **SEED), "species"),
    "histogram boosting, two classes": Case(ensemble.HistGradientBoostingClassifier(max_iter=3, **SEED), "two"),
    "ada boost": Case(ensemble.AdaBoostClassifier(n_estimators=3, **SEED), "species"),
    "ada boost, two classes": Case(ensemble.AdaBoostClassifier(n_estimators=3, **SEED), "two"),
    "bagging": Case(ensemble.BaggingClassifier(n_estimators=3, **SEED), "species"),
    "bagging of svc": Case(ensemble.BaggingClassifier(svm.LinearSVC(), n_estimators=3, **SEED), "species"),
    "voting, soft": Case(
        ensemble.VotingClassifier([("a", _logistic()), ("b", _tree())], voting="soft", flatten_transform=False),
        "species",
    ),
    "voting, hard": Case(
        ensemble.VotingClassifier([("a", _logistic()), ("b", _tree())], flatten_transform=False), "names"
    ),
    "stacking": Case(ensemble.StackingClassifier([("a", _logistic()), ("b", _tree())], cv=2), "species"),
    "stacking, two classes": Case(ensemble.StackingClassifier([("a", _logistic()), ("b", _tree())], cv=2), "two"),
    "gaussian naive bayes": Case(naive_bayes.GaussianNB(), "species"),
    "bernoulli naive bayes": Case(naive_bayes.BernoulliNB(binarize=1.0), "species"),
    "multinomial naive bayes": Case(naive_bayes.MultinomialNB(), "names"),
    "complement naive bayes": Case(naive_bayes.ComplementNB(), "species"),
    "categorical naive bayes": Case(naive_bayes.CategoricalNB(), "species", "codes"),
    "perceptron of layers": Case(neural_network.MLPClassifier((4,), max_iter=50, **SEED), "species"),
    "perceptron of layers, two classes": Case(
        neural_network.MLPClassifier((4,), max_iter=50, activation="tanh", **SEED), "two"
    ),
    "perceptron of layers, two outputs": Case(
        neural_network.MLPClassifier((4,), max_iter=50, activation="logistic", **SEED),
        "flags",
        options={"zipmap": False},
    ),
    "neighbours": Case(neighbors.KNeighborsClassifier(3), "species"),
    "neighbours, names": Case(neighbors.KNeighborsClassifier(4, weights="distance"), "names"),
    "neighbours, two outputs": Case(neighbors.KNeighborsClassifier(3), "flags", options={"zipmap": False}),
    "neighbours, Manhattan": Case(neighbors.KNeighborsClassifier(3, metric="manhattan"), "species"),
    "neighbours, Minkowski": Case(neighbors.KNeighborsClassifier(3, p=3), "species"),
    "neighbours, cosine": Case(neighbors.KNeighborsClassifier(3, metric="cosine"), "species"),
    "neighbours in a radius": Case(neighbors.RadiusNeighborsClassifier(100.0), "species"),
    "linear discriminant": Case(discriminant_analysis.LinearDiscriminantAnalysis(), "species"),
    "quadratic discriminant": Case(discriminant_analysis.QuadraticDiscriminantAnalysis(), "species"),
    "calibrated": Case(calibration.CalibratedClassifierCV(_logistic(), cv=2), "two"),
    "calibrated, isotonic": Case(calibration.CalibratedClassifierCV(_tree(), cv=2, method="isotonic"), "species"),
    "one against the rest": Case(multiclass.OneVsRestClassifier(_logistic()), "species"),
    "one against the rest, flags": Case(multiclass.OneVsRestClassifier(_logistic()), "flags"),
    "one against the rest, constant": Case(multiclass.OneVsRestClassifier(_logistic()), "constant flag"),
    "one against one": Case(multiclass.OneVsOneClassifier(_logistic()), "species"),
    "two classifiers": Case(multioutput.MultiOutputClassifier(_logistic()), "two species"),
    "moved threshold": Case(model_selection.TunedThresholdClassifierCV(_logistic(), cv=2), "two"),
    "searched": Case(model_selection.GridSearchCV(_logistic(), {"C": [1.0]}, cv=2), "species"),
    "scaled forest": Case(
        pipeline.make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(**FEW)), "names"
    ),
    "imputed, scaled svc": Case(
        pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.MinMaxScaler(), svm.SVC()), "species"
    ),
}
REGRESSORS = {
    "linear regression": Case(linear_model.LinearRegression(), "number"),
    "linear regression, two numbers": Case(linear_model.LinearRegression(), "numbers"),
    "lasso": Case(linear_model.Lasso(alpha=0.1), "number"),
    "lasso, cross-validated": Case(linear_model.LassoCV(alphas=2, cv=2), "number"),
    "lasso, angles": Case(linear_model.LassoLars(alpha=0.1), "number"),
    "lasso, angles, cross-validated": Case(linear_model.LassoLarsCV(cv=2), "number"),
    "lasso, angles, criterion": Case(linear_model.LassoLarsIC(), "number"),
    "angles": Case(linear_model.Lars(), "number"),
    "angles, cross-validated": Case(linear_model.LarsCV(cv=2), "number"),
    "elastic net": Case(linear_model.ElasticNet(), "number"),
    "elastic net, cross-validated": Case(linear_model.ElasticNetCV(alphas=2, cv=2), "number"),
    "several lassos": Case(linear_model.MultiTaskLasso(), "numbers"),
    "several lassos, cross-validated": Case(linear_model.MultiTaskLassoCV(alphas=2, cv=2), "numbers"),
    "several elastic nets": Case(linear_model.MultiTaskElasticNet(), "numbers"),
    "several elastic nets, cross-validated": Case(linear_model.MultiTaskElasticNetCV(alphas=2, cv=2), "numbers"),
    "matching pursuit": Case(linear_model.OrthogonalMatchingPursuit(), "number"),
    "matching pursuit, cross-validated": Case(linear_model.OrthogonalMatchingPursuitCV(cv=2), "number"),
    "ridge": Case(linear_model.Ridge(), "number"),
    "ridge, cross-validated": Case(linear_model.RidgeCV(), "numbers"),
    "bayesian ridge": Case(linear_model.BayesianRidge(), "number"),
    "bayesian ridge, deviations": Case(linear_model.BayesianRidge(), "number", options={"return_std": True}),
    "relevance determination": Case(linear_model.ARDRegression(), "number"),
    "huber": Case(linear_model.HuberRegressor(), "number"),
    "consensus": Case(linear_model.RANSACRegressor(**SEED), "number"),
    "medians": Case(linear_model.TheilSenRegressor(max_subpopulation=50, **SEED), "number"),
    "quantile": Case(linear_model.QuantileRegressor(), "number"),
    "passive aggressive regressor": Case(_leaving(linear_model.PassiveAggressiveRegressor), "number"),
    "sgd regressor": Case(linear_model.SGDRegressor(**SEED), "number"),
    "gamma": Case(linear_model.GammaRegressor(), "number"),
    "poisson": Case(linear_model.PoissonRegressor(), "number"),
    "tweedie": Case(linear_model.TweedieRegressor(power=1.5), "number"),
    "tweedie, identity": Case(linear_model.TweedieRegressor(), "number"),
    "svr": Case(svm.SVR(), "number"),
    "svr, linear": Case(svm.SVR(kernel="linear"), "number"),
    "nu-svr": Case(svm.NuSVR(), "number"),
    "linear svr": Case(svm.LinearSVR(), "number"),
    "tree regressor": Case(tree.DecisionTreeRegressor(**SEED), "number"),
    "tree regressor, two numbers": Case(tree.DecisionTreeRegressor(**SEED), "numbers"),
    "extra tree regressor": Case(tree.ExtraTreeRegressor(**SEED), "number"),
    "forest regressor": Case(ensemble.RandomForestRegressor(**FEW), "number"),
    "forest regressor, two numbers": Case(ensemble.RandomForestRegressor(**FEW), "numbers"),
    "extra trees regressor": Case(ensemble.ExtraTreesRegressor(**FEW), "number"),
    "boosting regressor": Case(ensemble.GradientBoostingRegressor(**FEW), "number"),
    "histogram boosting regressor": Case(ensemble.HistGradientBoostingRegressor(max_iter=3, **SEED), "number"),
    "ada boost regressor": Case(ensemble.AdaBoostRegressor(n_estimators=3, **SEED), "number"),
    "bagging regressor": Case(ensemble.BaggingRegressor(n_estimators=3, **SEED), "number"),
    "voting regressor": Case(
        ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(**SEED))]), "number"
    ),
    "stacking regressor": Case(
        ensemble.StackingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(**SEED))], cv=2),
        "number",
    ),
    "perceptron of layers, number": Case(
        neural_network.MLPRegressor(hidden_layer_sizes=(4,), max_iter=50, **SEED), "number"
    ),
    "two regressors": Case(multioutput.MultiOutputRegressor(linear_model.Ridge()), "numbers"),
    "partial least squares": Case(cross_decomposition.PLSRegression(2), "numbers"),
    "neighbours, number": Case(neighbors.KNeighborsRegressor(3), "number"),
    "neighbours, number by distance": Case(neighbors.KNeighborsRegressor(3, weights="distance"), "number"),
    "neighbours, two numbers": Case(neighbors.KNeighborsRegressor(3, weights="distance"), "numbers"),
    "neighbours in a radius, number": Case(neighbors.RadiusNeighborsRegressor(100.0), "number"),
    "neighbours in a radius, number by distance": Case(
        neighbors.RadiusNeighborsRegressor(100.0, weights="distance"), "number"
    ),
    "gaussian process": Case(gaussian_process.GaussianProcessRegressor(), "number"),
    "gaussian process, deviations": Case(
        gaussian_process.GaussianProcessRegressor(kernels.RBF() + kernels.WhiteKernel()),
        "number",
        options={"return_std": True},
    ),
    "gaussian process, products": Case(
        gaussian_process.GaussianProcessRegressor(
            kernels.ConstantKernel() * kernels.DotProduct() + kernels.WhiteKernel()
        ),
        "number",
    ),
    "gaussian process, quadratic": Case(
        gaussian_process.GaussianProcessRegressor(kernels.RationalQuadratic() + kernels.WhiteKernel()), "number"
    ),
    "gaussian process, Matern": Case(
        gaussian_process.GaussianProcessRegressor(kernels.Matern(nu=1.5) + kernels.WhiteKernel()), "number"
    ),
    "gaussian process, periodic": Case(
        gaussian_process.GaussianProcessRegressor(
            kernels.ExpSineSquared() + kernels.WhiteKernel(), alpha=20.0, optimizer=None
        ),
        "number",
    ),
    "cast prediction": Case(CastRegressor(linear_model.Ridge(), dtype=np.float64), "number"),
}
OTHERS = {
    "isolation forest": Case(ensemble.IsolationForest(**FEW)),
    "local outliers": Case(neighbors.LocalOutlierFactor(5, novelty=True), options={"score_samples": True}),
    "one-class svm": Case(svm.OneClassSVM()),
    "one-class sgd": Case(linear_model.SGDOneClassSVM(**SEED)),
    "k-means": Case(cluster.KMeans(3, n_init=1, **SEED)),
    "k-means in batches": Case(cluster.MiniBatchKMeans(3, n_init=1, **SEED)),
    "mixture": Case(mixture.GaussianMixture(2, **SEED)),
    "mixture, scores": Case(
        mixture.GaussianMixture(2, covariance_type="diag", **SEED), options={"score_samples": True}
    ),
    "bayesian mixture": Case(mixture.BayesianGaussianMixture(n_components=2, **SEED)),
    "nearest rows": Case(neighbors.NearestNeighbors(n_neighbors=3, radius=None)),
    "nearest rows, graph": Case(neighbors.KNeighborsTransformer(n_neighbors=3)),
    "nearest rows, connections": Case(neighbors.KNeighborsTransformer(mode="connectivity", n_neighbors=3)),
    "neighbourhood components": Case(neighbors.NeighborhoodComponentsAnalysis(2, **SEED), "species"),
    "neighbours' imputer": Case(impute.KNNImputer(n_neighbors=3), reads="missing", opset=18),
    "imputer": Case(impute.SimpleImputer(), reads="missing"),
    "imputer of a number": Case(impute.SimpleImputer(missing_values=0.20000000298023224, strategy="most_frequent")),
    "standard scaler": Case(preprocessing.StandardScaler()),
    "standard scaler, whole numbers": Case(preprocessing.StandardScaler(), reads="codes"),
    "robust scaler": Case(preprocessing.RobustScaler()),
    "least and largest scaler": Case(preprocessing.MinMaxScaler(clip=True)),
    "largest scaler": Case(preprocessing.MaxAbsScaler()),
    "normalizer, l1": Case(preprocessing.Normalizer("l1")),
    "normalizer, l2": Case(preprocessing.Normalizer("l2")),
    "normalizer, max": Case(preprocessing.Normalizer("max")),
    "binarizer": Case(preprocessing.Binarizer(threshold=1.0)),
    "bins": Case(preprocessing.KBinsDiscretizer(3, encode="onehot-dense", quantile_method="linear")),
    "bins, numbers": Case(preprocessing.KBinsDiscretizer(3, encode="ordinal", strategy="uniform")),
    "polynomial": Case(preprocessing.PolynomialFeatures()),
    "power": Case(preprocessing.PowerTransformer()),
    "power, Box-Cox": Case(preprocessing.PowerTransformer("box-cox")),
    "quantiles": Case(preprocessing.QuantileTransformer(n_quantiles=5)),
    "function": Case(preprocessing.FunctionTransformer()),
    "one-hot": Case(preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore"), reads="codes"),
    "ordinal": Case(preprocessing.OrdinalEncoder(), reads="codes"),
    "target": Case(preprocessing.TargetEncoder(cv=2, **SEED), "two", "codes"),
    "labels": Case(preprocessing.LabelEncoder(), reads="labels"),
    "label flags": Case(preprocessing.LabelBinarizer(), reads="labels"),
    "centred kernel": Case(preprocessing.KernelCenterer(), reads="square"),
    "principal components": Case(decomposition.PCA(2)),
    "principal components, white": Case(decomposition.PCA(2, whiten=True)),
    "principal components in batches": Case(decomposition.IncrementalPCA(2)),
    "principal components of a kernel": Case(decomposition.KernelPCA(2, kernel="rbf")),
    "truncated singular values": Case(decomposition.TruncatedSVD(2, **SEED)),
    "random projection": Case(random_projection.GaussianRandomProjection(2, **SEED)),
    "embedding by trees": Case(ensemble.RandomTreesEmbedding(n_estimators=2, max_depth=2, sparse_output=False, **SEED)),
    "tf-idf of counts": Case(feature_extraction.text.TfidfTransformer(), reads="counts"),
    "columns, best": Case(feature_selection.SelectKBest(k=2), "species"),
    "columns, percentile": Case(feature_selection.SelectPercentile(percentile=50), "species"),
    "columns, false discoveries": Case(feature_selection.SelectFdr(), "species"),
    "columns, false positives": Case(feature_selection.SelectFpr(), "species"),
    "columns, family of errors": Case(feature_selection.SelectFwe(), "species"),
    "columns, any test": Case(feature_selection.GenericUnivariateSelect(param=50), "species"),
    "columns, model": Case(feature_selection.SelectFromModel(_tree()), "species"),
    "columns, elimination": Case(feature_selection.RFE(_tree(), n_features_to_select=2), "species"),
    "columns, elimination, cross-validated": Case(feature_selection.RFECV(_tree(), cv=2), "species"),
    "columns, variance": Case(feature_selection.VarianceThreshold(0.2)),
    "columns, each its own": Case(
        compose.ColumnTransformer([("a", preprocessing.StandardScaler(), [0, 1]), ("b", "passthrough", [3])])
    ),
    "columns side by side": Case(pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2))),
    "pipeline": Case(pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(2))),
    "cast": Case(CastTransformer(dtype=np.float64)),
    "replaced": Case(ReplaceTransformer(from_value=0.2, to_value=-1.0)),
}
CDIST = (
    "neighbours",
    "neighbours in a radius",
    "neighbours, number",
    "nearest rows",
    "nearest rows, graph",
    "local outliers",
    "gaussian process",
    "gaussian process, quadratic",
    "gaussian process, Matern",
    "gaussian process, periodic",
)
"""The cases that skl2onnx can write with com.microsoft's CDist in the place of a loop."""

NOT_HERE = {
    "CountVectorizer": "reads text",
    "TfidfVectorizer": "reads text",
    "FeatureHasher": "hashes text",
    "DictVectorizer": "reads a map: see test_map_types.py",
    "GaussianProcessClassifier": "com.microsoft's Solve, which onnxruntime cannot run: a test of its own",
    "_ConstantPredictor": "stands inside 'one against the rest, constant'",
}
"""The classes that have no case, with the reason."""

CASES = {**CLASSIFIERS, **REGRESSORS, **OTHERS}


@cache
def inputs() -> dict[str, np.ndarray]:
    """Return what estimators read: one array by name, 150 rows each."""
    x, _ = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    missing = np.where(rng.random(x.shape) < 0.2, np.nan, x)
    codes = rng.integers(0, 3, (150, 3))
    return {
        "numbers": x.astype(np.float32),
        "missing": missing.astype(np.float32),
        "codes": codes,
        "labels": codes[:, 0],
        "counts": rng.integers(0, 5, (150, 6)).astype(np.float32),
        "square": (x @ x[::2].T).astype(np.float32),
    }


@cache
def targets() -> dict[str | None, np.ndarray | None]:
    """Return what estimators learn, by name."""
    x, y = load_iris(return_X_y=True)
    number = x[:, 0] * 2 + x[:, 1]
    wide = x[:, 2] > 4
    return {
        "species": y,
        "two": (y == 1).astype(int),
        "names": np.array(["setosa", "versicolor", "virginica"])[y],
        "two names": np.where(y == 1, "yes", "no"),
        "two species": np.stack([y, wide], axis=1).astype(int),
        "flags": np.stack([y == 1, wide], axis=1).astype(int),
        "constant flag": np.stack([y == 1, np.ones(len(y))], axis=1).astype(int),
        "number": number,
        "numbers": np.stack([number, x[:, 2]], axis=1),
        None: None,
    }


def converted(case: Case, **more: Any) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Return skl2onnx's graph of a case, with more options, and rows that the estimator was not fitted on."""
    x, learnt = inputs()[case.reads], targets()[case.learns]
    options = {**case.options, **more}
    with warnings.catch_warnings(), mock.patch.object(_container, "make_node", _make_node):
        warnings.simplefilter("ignore")
        case.estimator.fit(x[::2], *([] if learnt is None else [learnt[::2]]))
        graph = to_onnx(
            case.estimator,
            x[:1],
            options={id(case.estimator): options} if options else None,
            target_opset={"": case.opset, "ai.onnx.ml": 3},
        )
    return graph, {graph.graph.input[0].name: x[1::2]}


_make_any_node = _container.make_node


def _make_node(*arguments: Any, **attributes: Any) -> onnx.NodeProto:
    """Make a node of skl2onnx 1.20, whose histogram boosting gives bools and NumPy's numbers: protobuf 7.34 refuses."""
    plain = {k: list(map(_plain, value)) if isinstance(value, list) else value for k, value in attributes.items()}
    return _make_any_node(*arguments, **plain)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, (np.integer, np.bool_, bool)) else value
