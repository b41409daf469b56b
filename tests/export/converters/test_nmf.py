"""NMF and MiniBatchNMF iterate as scikit-learn's do, and stop where they stop."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import NMF, MiniBatchNMF

import bridge
from bridge.artifact import get_metadata
from bridge.errors import InputError, UnsupportedError
from bridge.export.graph import export_graph
from bridge.runtime import predictor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
FULL = RNG.random((40, 3)) @ RNG.random((3, 6)) + 0.05 * RNG.random((40, 6))
X = np.where(np.median(FULL) < FULL, FULL, 0)
UNSEEN = RNG.random((30, 6)) + 0.01
EXACT = [("cpu", "exact"), ("cuda", "exact")]
PENALTIES = [{}, {"alpha_W": 0.01, "l1_ratio": 0.5}, {"alpha_W": 0.02, "l1_ratio": 1.0}]


@pytest.mark.parametrize(
    "options",
    [
        *PENALTIES,
        {"tol": 0, "max_iter": 30},
        {"tol": 1e-6, "max_iter": 1000},
        {"max_iter": 1},
        {"shuffle": True, "random_state": 3},
    ],
    ids=str,
)
def test_coordinate_descent(agree, options):
    agree(NMF(3, init="nndsvda", **options).fit(X), X, UNSEEN, routes=EXACT, special=False, tolerance=1e-11)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", -1.0, 0.5, 1.5, 3.0])
@pytest.mark.parametrize("options", [*PENALTIES, {"tol": 0, "max_iter": 25}, {"tol": 1e-9, "max_iter": 47}], ids=str)
def test_multiplicative_updates(agree, loss, options):
    data = FULL if loss in ("itakura-saito", -1.0) else X
    common = {"init": "nndsvda", "beta_loss": loss, "random_state": 0, **options}
    for model in (NMF(3, solver="mu", **common), MiniBatchNMF(3, **common)):
        agree(model.fit(data), data, UNSEEN, routes=EXACT, special=False, tolerance=1e-10)


def test_a_component_of_zeros(agree):
    model = NMF(3, init="nndsvda").fit(X)
    model.components_[1] = 0
    agree(model, X, UNSEEN, routes=EXACT, special=False, tolerance=1e-11)


@pytest.mark.parametrize("solver", ["cd", "mu"])
def test_float32_and_sparse_data(agree, solver):
    model = NMF(3, solver=solver, init="nndsvda")
    agree(model.fit(X), X, special=False, float32_tolerance=1e-4)
    agree(model.fit(X.astype(np.float32)), X.astype(np.float32), special=False, float32_tolerance=1e-4)
    table = sparse.csr_matrix(X)
    agree(model.fit(table), table, routes=EXACT, tolerance=1e-10)


@pytest.mark.parametrize(
    "model", [NMF(3, tol=0.05), NMF(3, solver="mu", tol=0.005), MiniBatchNMF(3, tol=0.05)], ids=repr
)
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_rows_are_run_together(model, target, monkeypatch):
    monkeypatch.setattr(predictor, "CACHE_BYTES", 100)
    model.set_params(init="nndsvda").fit(FULL)
    file = bridge.export(model, FULL, target=target)

    for one in (file, bridge.lower(file, target=target)):
        assert get_metadata(one).row_bytes == 0
        found = bridge.load(one, device="cpu").transform(np.concatenate([FULL, 100 * UNSEEN]))
        expected = model.transform(np.concatenate([FULL, 100 * UNSEEN]))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match=r"hangs on the other rows.*Leave batch_size out"):
        bridge.export(model, FULL, batch_size=8)


def test_a_random_order_is_refused_with_reason():
    model = NMF(3, shuffle=True, random_state=None).fit(X)
    with pytest.raises(UnsupportedError, match=r"answers otherwise at every call.\nSet random_state to a number"):
        export_graph(model, X)


def test_another_dtype_is_refused_as_the_estimator_refuses_it():
    model = NMF(3).fit(X.astype(np.float32))
    with pytest.raises(InputError, match="itself refuses the sample"):
        bridge.export(model, X)
