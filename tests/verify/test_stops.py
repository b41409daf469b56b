"""A document may stop a turn earlier or later where float32 decides whether it has come to rest, and nowhere else."""

import numpy as np
import pytest
from sklearn.decomposition import LatentDirichletAllocation

import bridge
from bridge.verify.stops import answers_at_other_stops

COUNTS = np.random.default_rng(0).poisson(2.0, (400, 8))


def moved(dtype, share):
    """Return the report on a model that stops at another tolerance than its estimator."""
    counts = COUNTS.astype(dtype)
    model = LatentDirichletAllocation(3, max_iter=5, random_state=0).fit(counts[:100])
    file = bridge.export(model, counts[:20], target="cpu", check=False)
    model.mean_change_tol *= 1 + share
    return bridge.verify(model, file, counts)


def test_stop_within_the_rounding_of_float32_topics_is_explained():
    report = moved(np.float32, 4e-3)
    assert report.ok
    assert report.methods[0].explained > 3
    assert report.methods[0].max_scaled > report.bounds.scaled


@pytest.mark.parametrize(("dtype", "share"), [(np.float32, 0.1), (np.float64, 2e-3)])
def test_stop_beyond_rounding_is_none(dtype, share):
    assert not moved(dtype, share).ok


def test_other_estimators_have_no_other_stops():
    assert not list(answers_at_other_stops(object(), COUNTS, np.arange(3)))
