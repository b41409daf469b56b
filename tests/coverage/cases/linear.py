"""Linear models, discriminants, linear and kernel support vectors, Gaussian processes, kernel ridge."""

from __future__ import annotations

import numpy as np
from sklearn import discriminant_analysis, gaussian_process, kernel_ridge, linear_model, svm
from sklearn.gaussian_process import kernels
from sklearn.metrics.pairwise import rbf_kernel

from tests.coverage.case import Case, Default
from tests.coverage.data import Data, of, table

_REGRESSORS = (
    linear_model.ARDRegression(),
    linear_model.BayesianRidge(),
    linear_model.ElasticNet(alpha=0.1),
    linear_model.ElasticNetCV(cv=3, alphas=5),
    linear_model.HuberRegressor(),
    linear_model.Lars(),
    linear_model.LarsCV(cv=3),
    linear_model.Lasso(alpha=0.1),
    linear_model.LassoCV(cv=3, alphas=5),
    linear_model.LassoLars(alpha=0.01),
    linear_model.LassoLarsCV(cv=3),
    linear_model.LassoLarsIC(),
    linear_model.LinearRegression(),
    linear_model.OrthogonalMatchingPursuit(),
    linear_model.OrthogonalMatchingPursuitCV(cv=3),
    linear_model.PassiveAggressiveRegressor(random_state=0),
    linear_model.QuantileRegressor(alpha=0.01),
    linear_model.RANSACRegressor(random_state=0),
    linear_model.Ridge(),
    linear_model.RidgeCV(),
    linear_model.SGDRegressor(random_state=0, eta0=1e-4),
    linear_model.TheilSenRegressor(random_state=0, max_subpopulation=100),
    svm.LinearSVR(random_state=0),
    svm.NuSVR(),
    svm.SVR(),
)
_MULTI_TASK = (
    linear_model.MultiTaskElasticNet(alpha=0.1),
    linear_model.MultiTaskElasticNetCV(cv=3, alphas=5),
    linear_model.MultiTaskLasso(alpha=0.1),
    linear_model.MultiTaskLassoCV(cv=3, alphas=5),
)
_ABOVE_ZERO = (
    linear_model.GammaRegressor(),
    linear_model.PoissonRegressor(),
    linear_model.TweedieRegressor(power=1.5),
)
_CLASSIFIERS = (
    discriminant_analysis.LinearDiscriminantAnalysis(),
    discriminant_analysis.QuadraticDiscriminantAnalysis(),
    linear_model.LogisticRegression(),
    linear_model.LogisticRegressionCV(Cs=3, cv=3, use_legacy_attributes=False),
    linear_model.PassiveAggressiveClassifier(random_state=0),
    linear_model.Perceptron(random_state=0),
    linear_model.RidgeClassifier(),
    linear_model.RidgeClassifierCV(),
    linear_model.SGDClassifier(random_state=0),
    svm.LinearSVC(random_state=0),
    svm.NuSVC(nu=0.3),
    svm.SVC(),
)
DEFAULTS = (
    *(Default(regressor, target="real") for regressor in _REGRESSORS),
    *(Default(regressor, target="two") for regressor in _MULTI_TASK),
    *(Default(regressor, target="above zero") for regressor in _ABOVE_ZERO),
    *(Default(classifier, target="three") for classifier in _CLASSIFIERS),
    Default(linear_model.SGDOneClassSVM(random_state=0)),
    Default(svm.OneClassSVM()),
    Default(kernel_ridge.KernelRidge(gamma=0.1), "positive", "real"),
    Default(gaussian_process.GaussianProcessRegressor(kernels.RBF(2.0), alpha=0.1, optimizer=None), "blobs", "real"),
    Default(gaussian_process.GaussianProcessClassifier(kernels.RBF(2.0), optimizer=None), "blobs", "three"),
)

_KERNELS = {
    "constant times RBF": kernels.ConstantKernel(2.0) * kernels.RBF(1.5),
    "RBF of each column": kernels.RBF([1.0, 2.0, 0.5]),
    "Matern 0.5": kernels.Matern(nu=0.5),
    "Matern 1.5": kernels.Matern(nu=1.5),
    "Matern 2.5": kernels.Matern(nu=2.5),
    "Matern inf": kernels.Matern(nu=np.inf),
    "Matern 0.7": kernels.Matern(nu=0.7),
    "rational quadratic": kernels.RationalQuadratic(1.5, 0.7),
    "exp sine squared": kernels.ExpSineSquared(1.5, 3.0) * kernels.RBF(2.0),
    "dot product": kernels.DotProduct(0.5),
    "white noise": kernels.RBF(1.5) + kernels.WhiteKernel(0.1),
    "power": kernels.RBF(1.5) ** 2,
    "pairwise": kernels.PairwiseKernel(metric="laplacian", gamma=0.2),
    "sum of all": kernels.RBF(1.5) + 0.5 * kernels.Matern(nu=1.5) * kernels.RationalQuadratic() + kernels.DotProduct(),
    "compound of constants": kernels.ConstantKernel(1.0) + kernels.ConstantKernel(0.5) * kernels.DotProduct(0.1),
}


def _precomputed(target: str) -> Data:
    """Return the kernel of the rows with the fitted rows."""
    rows = table("blobs", target)
    return Data(rbf_kernel(rows.X, rows.X, 0.1), rows.y, rbf_kernel(rows.unseen, rows.X, 0.1))


def _precomputed_cases() -> list[Case]:
    regressors = (svm.SVR(kernel="precomputed"), svm.NuSVR(kernel="precomputed"))
    classifiers = (svm.SVC(kernel="precomputed"), svm.NuSVC(kernel="precomputed", nu=0.3))
    ridge = kernel_ridge.KernelRidge(kernel="precomputed")
    return [
        *(Case(e, lambda: _precomputed("real"), "kernel=precomputed") for e in (*regressors, ridge)),
        *(Case(e, lambda: _precomputed("three"), "kernel=precomputed") for e in classifiers),
        Case(svm.OneClassSVM(kernel="precomputed"), lambda: _precomputed("none"), "kernel=precomputed"),
    ]


def _gaussian_processes() -> list[Case]:
    cases = []
    for name, kernel in _KERNELS.items():
        regressor = gaussian_process.GaussianProcessRegressor(kernel, alpha=0.05, optimizer=None)
        classifier = gaussian_process.GaussianProcessClassifier(kernel, optimizer=None)
        cases += [
            Case(regressor, of("blobs", "real"), name, issue=name == "dot product"),
            Case(classifier, of("blobs", "binary"), name),
        ]
    fitted = gaussian_process.GaussianProcessRegressor(kernels.RBF() + kernels.WhiteKernel(), normalize_y=True)
    return [
        *cases,
        Case(fitted, of("blobs", "real"), "optimised, normalised"),
        Case(fitted, of("blobs", "two"), "optimised, normalised, two targets"),
        Case(gaussian_process.GaussianProcessRegressor(), of("blobs", "real"), "no kernel"),
    ]


NAMED = (
    *(Case(linear_model.LogisticRegression(), of(target=kind), f"target {kind}") for kind in ("objects", "floats")),
    *_precomputed_cases(),
    *_gaussian_processes(),
    Case(discriminant_analysis.LinearDiscriminantAnalysis(), of(target="binary"), "probabilities of two", issue=True),
    Case(linear_model.BayesianRidge(), of(target="real"), "return_std", issue=True),
    Case(
        linear_model.SGDClassifier(loss="modified_huber", random_state=0),
        of(target="three"),
        "modified_huber of three",
        issue=True,
    ),
    Case(svm.SVC(probability=True), of(target="binary"), "scores with probability", issue=True),
    Case(svm.SVC(probability=True), of(target="three text"), "probability of three, text"),
    Case(svm.NuSVC(nu=0.3, probability=True), of(target="three"), "probability of three"),
    Case(svm.SVC(decision_function_shape="ovo"), of(target="three"), "ovo"),
    Case(svm.SVC(kernel="poly", degree=2, coef0=1.0), of(target="three"), "poly with coef0"),
    Case(svm.LinearSVC(C=0.1), of(target="multilabel"), "multilabel"),
    Case(linear_model.RidgeClassifier(), of(target="multilabel"), "multilabel"),
    Case(linear_model.LogisticRegression(solver="liblinear"), of(target="binary text"), "liblinear, text"),
    Case(linear_model.LogisticRegression(l1_ratio=0.5, solver="saga"), of(target="three"), "elastic net"),
    Case(
        linear_model.LogisticRegressionCV(Cs=3, cv=3, solver="liblinear", use_legacy_attributes=False),
        of(target="binary"),
        "solver=liblinear",
    ),
    Case(linear_model.LogisticRegression(l1_ratio=1.0, solver="saga"), of(target="binary"), "lasso"),
    Case(linear_model.Ridge(positive=True, solver="lbfgs"), of(target="real"), "solver=lbfgs"),
    Case(linear_model.RidgeClassifier(positive=True, solver="lbfgs"), of(target="three"), "solver=lbfgs"),
    *(
        Case(
            discriminant_analysis.LinearDiscriminantAnalysis(solver=solver, shrinkage="auto"),
            of(target="three"),
            f"shrinkage=auto, {solver}",
        )
        for solver in ("lsqr", "eigen")
    ),
    Case(
        discriminant_analysis.QuadraticDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
        of(target="three"),
        "shrinkage=auto",
    ),
    Case(linear_model.TweedieRegressor(power=0, link="identity"), of(target="real"), "identity"),
    Case(linear_model.TweedieRegressor(power=3), of(target="above zero"), "inverse Gaussian"),
    Case(linear_model.QuantileRegressor(quantile=0.9, alpha=0), of(target="real"), "upper quantile"),
)
