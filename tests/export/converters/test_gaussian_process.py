"""Gaussian processes answer as scikit-learn's do: every kernel, means, standard deviations and probabilities."""

import warnings

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pandas as pd
import pytest
from scipy.special import erf
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingRegressor
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process import kernels as gk
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from bridge.artifact import get_metadata
from bridge.errors import UnsupportedError
from bridge.export.builder import Builder
from bridge.export.converters.error_function import error_function

RNG = np.random.default_rng(0)
X, Y = load_diabetes(return_X_y=True)
X, Y = X[:60, [0, 2, 3, 8]] * 20, Y[:60]
NEW = X + RNG.normal(size=X.shape) * 0.3
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS, SPECIES = IRIS[::3], SPECIES[::3]
NAMES = np.array(["a", "b", "c"])[SPECIES]
EXACT = [("cpu", "exact"), ("cuda", "exact")]
NOISE = gk.WhiteKernel(0.5)
KERNELS = [
    None,
    gk.ConstantKernel(2.0) * gk.RBF(2.0),
    gk.RBF(np.linspace(1, 4, 4)),
    gk.Matern(2.0, nu=0.5),
    gk.Matern(np.linspace(1, 4, 4), nu=1.5),
    gk.Matern(2.0, nu=2.5),
    gk.Matern(2.0, nu=np.inf),
    gk.Matern(2.0, nu=4.5),
    gk.Matern(2.0, nu=1.0),
    gk.Matern(2.0, nu=0.3),
    gk.RationalQuadratic(2.0, alpha=0.7),
    gk.ExpSineSquared(3.0, periodicity=40.0) + 1.0,
    gk.DotProduct(0.5),
    0.1 * gk.DotProduct() ** 2,
    (gk.RBF(2.0) + gk.ConstantKernel(0.5)) ** 1.5,
    gk.ConstantKernel(2.0),
    *(gk.PairwiseKernel(gamma=0.05, metric=m) for m in ("rbf", "laplacian", "linear", "poly", "cosine")),
    gk.PairwiseKernel(gamma=0.05, metric="poly", pairwise_kernels_kwargs={"degree": 2, "coef0": 3.0}),
]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def process(kernel, **options):
    return GaussianProcessRegressor(kernel, optimizer=None, **options)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels(agree, kernel):
    model = process(NOISE if kernel is None else kernel + NOISE, normalize_y=True).fit(X, Y)
    agree(model, X, NEW, special=False, float32_tolerance=1e-4)


def test_rational_kernel_of_a_large_power(agree):
    # scikit-learn rounds 1 + a small number, and raises it to the power of -1e5: 1e-11 of each kernel value.
    model = process(gk.RationalQuadratic(2.0, alpha=1e5) + NOISE, normalize_y=True).fit(X, Y)
    agree(model, X, NEW, special=False, tolerance=1e-10, float32_tolerance=1e-4)


@pytest.mark.parametrize("metric", ["chi2", "additive_chi2", "sigmoid"])
def test_kernels_that_need_other_data(agree, metric):
    shares = np.abs(X)
    kernel = gk.PairwiseKernel(gamma=0.01, metric=metric) * 0.1 + 1.0 + gk.WhiteKernel(5.0)
    agree(process(kernel).fit(shares, Y), shares, special=False, float32_tolerance=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("target", [Y, Y[:, np.newaxis], np.column_stack([Y, Y**2])], ids=["one", "column", "two"])
@pytest.mark.parametrize("normalize", [False, True])
def test_targets_and_dtypes(agree, target, normalize, dtype):
    model = process(gk.Matern(2.0) + NOISE, normalize_y=normalize).fit(X.astype(dtype), target)
    agree(model, X.astype(dtype), special=False, float32_tolerance=1e-4)


def test_many_columns(agree):
    wide = RNG.normal(size=(40, 50))
    agree(process(gk.RBF(8.0) + NOISE).fit(wide, wide[:, 0]), wide, special=False)


@pytest.mark.parametrize("kernel", [None, gk.DotProduct() * 2.0 + gk.WhiteKernel(), gk.WhiteKernel(2.0)], ids=str)
@pytest.mark.parametrize("targets", [None, 2])
def test_process_that_is_not_fitted_has_its_prior(kernel, targets):
    model = GaussianProcessRegressor(kernel, n_targets=targets)
    for target in ("cpu", "cuda", "portable"):
        predictor = bridge.load(bridge.export(model, X, target=target), device="cpu")
        for found, expected in zip(
            predictor.predict(X, return_std=True), model.predict(X, return_std=True), strict=True
        ):
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "kernel",
    [
        gk.RBF(),
        gk.RBF(3.0),
        gk.Matern(nu=0.5),
        gk.Matern(nu=2.5),
        gk.DotProduct(),
        gk.ConstantKernel(),
        gk.DotProduct() ** 2,
    ],
    ids=str,
)
def test_without_noise_answers_agree_to_the_rounding_of_the_estimator_itself(kernel):
    model = process(kernel).fit(X, Y)
    report = bridge.verify(model, bridge.export(model, X, target="cpu"), NEW)
    assert report.ok, report


@pytest.mark.parametrize(
    "kernel", [gk.RBF(), gk.Matern(nu=1.5), gk.Matern(nu=2.5), gk.RationalQuadratic(alpha=0.8)], ids=str
)
def test_points_that_lie_close_together_take_one_product(kernel):
    close = X / 4
    model = process(kernel).fit(close, Y)
    file = bridge.export(model, close, target="cpu")
    assert [n.op_type for n in file.graph.node].count("MatMul") == 3  # distances, mean, variance
    for rows in (NEW / 4, NEW, X * 10):
        report = bridge.verify(model, file, rows)
        assert report.ok, report


def test_kernels_with_a_kink_at_zero_are_taken_from_differences():
    file = bridge.export(process(gk.Matern(nu=0.5)).fit(X / 4, Y), X / 4, target="cpu", methods=["predict"])
    assert [n.op_type for n in file.graph.node].count("Sub") == X.shape[1]


def test_wrong_coefficient_is_no_rounding():
    model = process(gk.Matern(nu=1.5)).fit(X, Y)
    right = model.alpha_.copy()
    model.alpha_ = right * (1 + 1e-9)
    file = bridge.export(model, X, target="cpu")
    model.alpha_ = right
    assert not bridge.verify(model, file, X).ok


def test_wrong_factor_is_no_rounding():
    model = process(gk.RBF(1.0)).fit(X, Y)
    right = model.L_
    model.L_ = right * (1 + 1e-12)
    file = bridge.export(model, X, target="cpu")
    model.L_ = right
    assert not bridge.verify(model, file, X).ok


def test_float32_without_noise_holds_in_pairs():
    model = process(gk.RBF(0.5)).fit(X, Y)
    file = bridge.export(model, X, target="portable")
    assert get_metadata(file).pairs
    assert bridge.verify(model, file, X[::3] + 0.01).ok


@pytest.mark.parametrize(
    "kernel",
    [
        gk.DotProduct() + NOISE,
        2.0 * gk.DotProduct(0.5) + NOISE * 3.0 + 4.0,
        (gk.ConstantKernel(2.0) + NOISE) * 3.0 + gk.DotProduct(),
        gk.ConstantKernel(2.0) * gk.ConstantKernel(0.5) + NOISE,
    ],
    ids=str,
)
def test_kernels_of_products_hold_in_float32_where_the_kernel_is_large(kernel):
    labels = np.where(IRIS[:, 0] > 5.8, "a", "b")
    alpha = np.linspace(0.1, 2, len(X))
    for model, data in (
        (process(kernel, normalize_y=True, alpha=alpha).fit(X * 50, Y), X * 50),
        (GaussianProcessClassifier(kernel, optimizer=None).fit(IRIS * 30, labels), IRIS * 30),
    ):
        for target in ("cpu", "cuda", "portable"):
            report = bridge.verify(model, bridge.export(model, data, target=target), data[::2])
            assert report.ok, report


def test_frames_pipelines_and_ensembles(agree):
    frame = pd.DataFrame(X[:, :3], columns=list("abc")).astype({"b": np.float32})
    agree(process(gk.RBF() + NOISE).fit(frame, Y), frame, special=False)
    agree(make_pipeline(StandardScaler(), process(gk.RBF(3.0) + NOISE)).fit(X, Y), X, special=False)
    bag = BaggingRegressor(process(gk.RBF() + NOISE), n_estimators=2, random_state=0).fit(X, Y)
    agree(bag, X, special=False)


def test_kernels_without_a_formula_are_refused_with_reason():
    with pytest.raises(UnsupportedError, match="CompoundKernel"):
        bridge.export(GaussianProcessRegressor(gk.CompoundKernel([gk.RBF()])), X)
    kernel = gk.PairwiseKernel(metric=lambda a, c, **_: float(a @ c)) + NOISE
    with pytest.raises(UnsupportedError, match="kernel that is a function"):
        bridge.export(process(kernel).fit(X, Y), X)


@pytest.mark.parametrize("labels", [NAMES, NAMES == "b"], ids=["many", "two"])
@pytest.mark.parametrize(
    "kernel", [None, gk.ConstantKernel(9.0) * gk.RBF(2.0), gk.Matern(nu=0.5), gk.DotProduct()], ids=str
)
def test_classifier(agree, kernel, labels):
    # scikit-learn's own sum of probabilities cancels factors of 3517: 4e-13, in answers from 0.01 on.
    model = GaussianProcessClassifier(kernel, optimizer=None).fit(IRIS, labels)
    agree(model, IRIS, IRIS * 2, special=False, tolerance=1e-10, routes=EXACT)
    agree(model, IRIS, special=False, float32_tolerance=1e-4, routes=[("portable", "float32")])


def test_classifier_on_float32_and_with_optimised_kernels(agree):
    model = GaussianProcessClassifier(gk.RBF()).fit(IRIS.astype(np.float32), NAMES)
    agree(model, IRIS.astype(np.float32), special=False, float32_tolerance=1e-4)


def test_one_against_one_has_no_probabilities(agree, caplog):
    model = GaussianProcessClassifier(gk.RBF(), optimizer=None, multi_class="one_vs_one").fit(IRIS, NAMES)
    agree(model, IRIS, special=False)
    assert "predict_proba is left out" in caplog.text
    assert bridge.verify(model, bridge.export(model, IRIS), IRIS).ok


def evaluate(build, values):
    """Return what the nodes that `build` writes make of a column of float64 numbers."""
    b = Builder()
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape(["rows", 1]))
    y = build(b, x)
    y.name = "y"
    graph = ir.Graph([x], [y], nodes=b.nodes, initializers=b.initializers, opset_imports={"": 13}, name="g")
    proto = ir.to_proto(ir.Model(graph, ir_version=7))
    return ort.InferenceSession(proto.SerializeToString()).run(None, {"x": values.reshape(-1, 1)})[0].ravel()


def test_error_function_is_that_of_scipy():
    values = np.concatenate([np.linspace(-7, 7, 20_001), np.logspace(-300, 0, 400), [0.0, -0.0, 1e150]])
    np.testing.assert_allclose(evaluate(error_function, values), erf(values), rtol=5e-15, atol=0)
    assert np.isnan(evaluate(error_function, np.array([np.nan]))).all()
