"""FeatureAgglomeration pools as scikit-learn's does."""

import numpy as np
import pytest
from sklearn.cluster import FeatureAgglomeration

from bridge.errors import UnsupportedError
from bridge.export.graph import export_graph

X = np.random.default_rng(0).normal(size=(40, 12)) * 10


@pytest.mark.parametrize("pool", [np.mean, np.median, np.max, np.min, np.sum, np.std, np.var])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("clusters", [1, 5, 12])
def test_pooling(agree, pool, dtype, clusters):
    agree(FeatureAgglomeration(clusters, pooling_func=pool).fit(X), X.astype(dtype))


def test_other_functions_are_refused_by_name():
    model = FeatureAgglomeration(3, pooling_func=np.ptp).fit(X)
    with pytest.raises(UnsupportedError, match=r"pooling function ptp .*\n.*numpy\.median"):
        export_graph(model, X)
