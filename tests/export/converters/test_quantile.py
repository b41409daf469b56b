"""QuantileTransformer answers as scikit-learn's does, on its quantiles, beyond them, and between."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.preprocessing import QuantileTransformer

from bridge.export.builder import Builder
from bridge.export.converters.normal import LOWEST, inverse_normal

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4)) * [1.0, 10.0, 1.0, 1.0]
X[:, 2] = X[:, 2].round()  # quantiles that are equal
X[:, 3] = 1.5  # nothing but such
UNSEEN = RNG.normal(size=(400, 4)) * [2.0, 20.0, 2.0, 1.0] + [0, 0, 0, 1.5]
EXACT = [("cpu", "exact"), ("cuda", "exact")]


def on_quantiles(transformer, dtype):
    rows = transformer.quantiles_.astype(dtype)
    return np.concatenate(
        [rows, np.nextafter(rows, dtype(-np.inf)), np.nextafter(rows, dtype(np.inf)), UNSEEN.astype(dtype)]
    )


@pytest.mark.parametrize("count", [1, 2, 40, 150])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_uniform_gives_equal_bits(agree, count, dtype):
    for fitted_on in (np.float64, np.float32):
        transformer = QuantileTransformer(n_quantiles=count).fit(X.astype(fitted_on))
        agree(transformer, X.astype(dtype), on_quantiles(transformer, dtype), tolerance=0, routes=EXACT)


@pytest.mark.parametrize("count", [1, 2, 40, 150])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_normal(agree, count, dtype):
    transformer = QuantileTransformer(n_quantiles=count, output_distribution="normal").fit(X)
    agree(transformer, X.astype(dtype), on_quantiles(transformer, dtype), routes=EXACT, float32_tolerance=1e-6)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_in_float32(agree, distribution):
    transformer = QuantileTransformer(n_quantiles=40, output_distribution=distribution).fit(X)
    agree(transformer, X, routes=[("portable", "float32")], rounded=False, special=False)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_missing_values_stay(agree, distribution):
    data = X.copy()
    data[RNG.random(X.shape) < 0.1] = np.nan
    frame = pd.DataFrame(data, columns=list("abcd"))
    agree(QuantileTransformer(n_quantiles=30, output_distribution=distribution).fit(frame), frame, routes=EXACT)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_zeros_of_a_sparse_matrix_stay(agree, distribution):
    table = sparse.csc_matrix(np.where(X > 0, X, 0))
    for ignore in (True, False):
        options = {"n_quantiles": 30, "ignore_implicit_zeros": ignore, "output_distribution": distribution}
        agree(QuantileTransformer(**options).fit(table), table, routes=EXACT)


def test_inverse_normal_is_right_to_rounding():
    import onnx_ir as ir
    import onnxruntime as ort

    b = Builder()
    p = ir.Value(name="p", type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape(["n"]))
    result = inverse_normal(b, p)
    result.name, result.shape = "y", ir.Shape(["n"])
    graph = ir.Graph([p], [result], nodes=b.nodes, initializers=b.initializers, name="g", opset_imports={"": 13})
    session = ort.InferenceSession(ir.to_proto(ir.Model(graph, ir_version=8)).SerializeToString())
    tails = 10.0 ** RNG.uniform(np.log10(LOWEST), -0.31, 20_000)
    shares = np.concatenate([RNG.random(20_000), tails, 1 - tails, [0.5, 0.075, 0.925]])

    (found,) = session.run(None, {"p": shares})

    np.testing.assert_allclose(found, stats.norm.ppf(shares), rtol=2e-15, atol=1e-15)
