"""Scores of a KernelDensity: what scikit-learn's own rounding allows, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from bridge.verify.density import density_of, density_rounding

KERNELS = ("gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine")


def _rows(count: int = 600) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.normal(0, 4, (4, 3))[rng.integers(4, size=count)] + rng.normal(size=(count, 3))


def _far(rows: np.ndarray) -> np.ndarray:
    """Return rows from among the fitted ones to far beyond them."""
    away = np.geomspace(1e-3, 1e6, len(rows))[:, None]
    return np.concatenate([rows, rows * (1 + away), rows[::-1] + away])


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_rounding_of_the_tree_explains_all_that_differs(kernel: str, algorithm: str) -> None:
    rows = _rows()
    for bandwidth in (0.2, 1.5):
        model = KernelDensity(kernel=kernel, algorithm=algorithm, bandwidth=bandwidth, leaf_size=8).fit(rows[:300])
        predictor = bridge.compile(model, rows[:300])
        report = bridge.verify(model, predictor, _far(rows[300:]))
        assert report.ok, report


def test_scores_of_far_rows_are_held_to_their_digits() -> None:
    rows = _rows()
    model = KernelDensity(bandwidth=0.5).fit(rows[:300])
    predictor = bridge.compile(model, rows[:300])
    other = KernelDensity(bandwidth=0.5).fit(np.concatenate([rows[:299], rows[299:300] + 50]))
    far = rows[300:310] + 60.0
    assert bridge.verify(model, predictor, far).ok
    assert not bridge.verify(other, predictor, far).ok


def test_rounding_is_found_in_pipelines_and_searches() -> None:
    rows = _rows()
    model = KernelDensity(bandwidth=0.5).fit(rows)
    piped = make_pipeline(StandardScaler(), KernelDensity(bandwidth=0.5)).fit(rows)
    searched = GridSearchCV(piped, {"kerneldensity__bandwidth": [0.5]}).fit(rows)
    found = [density_rounding(estimator, rows) for estimator in (model, piped, searched)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[2] is not None
    np.testing.assert_array_equal(found[1].shift, found[2].shift)
    assert density_rounding(StandardScaler().fit(rows), rows) is None


def test_rounding_is_what_subtracting_bounds_leaves() -> None:
    """Between blobs the density is 1e-12 of one row's, and scikit-learn's score right to few digits."""
    rows = _rows()
    model = KernelDensity(bandwidth=0.25).fit(rows)
    between = np.random.default_rng(4).uniform(rows.min(axis=0), rows.max(axis=0), (400, 3))
    squares = ((between[:, None] - rows[None]) ** 2).sum(axis=2)
    logs = -squares / (2 * 0.25**2)
    largest = logs.max(axis=1)
    exact = largest + np.log(np.exp(logs - largest[:, None]).sum(axis=1))
    exact -= 1.5 * np.log(2 * np.pi * 0.25**2) + np.log(len(rows))
    score = model.score_samples(between)
    rounding = density_rounding(model, between)
    assert rounding is not None
    is_far = np.abs(score - exact) > 1e-10 * np.abs(exact)
    assert is_far.any()
    assert rounding.allows(exact, score)[is_far].all()
    assert not rounding.allows(exact + 1e-3, score).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_formula_gives_the_scores(kernel: str) -> None:
    rows = _rows()
    model = KernelDensity(kernel=kernel, bandwidth=3.0).fit(rows, sample_weight=np.arange(1.0, len(rows) + 1))
    np.testing.assert_allclose(density_of(model, rows[:100]), model.score_samples(rows[:100]), rtol=1e-9)


@pytest.mark.parametrize("target", ["portable", "cpu"])
def test_another_model_is_found_where_all_scores_are_rounding(target: str) -> None:
    """Of 64 columns each new row is so far from all others that scikit-learn's scores have no digit."""
    rows = np.random.default_rng(5).integers(17, size=(400, 64)).astype(float)
    model = KernelDensity(bandwidth=1.0).fit(rows[:200])
    other = KernelDensity(bandwidth=1.0).fit(rows[:200][:, ::-1])
    assert bridge.verify(model, bridge.export(model, rows[:200], target=target), rows[200:]).ok
    assert not bridge.verify(model, bridge.export(other, rows[:200], target=target), rows[200:]).ok
