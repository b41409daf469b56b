"""Dummy estimators give their one answer for every row, also for text."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from bridge.errors import UnsupportedError

X = np.zeros((12, 2))
NAMES = np.array(["a", "b", "b"] * 4)
TWO = np.column_stack([np.arange(12) % 3, np.arange(12) % 2])


@pytest.mark.parametrize("strategy", ["most_frequent", "prior", "constant"])
def test_classifier(agree, strategy):
    constant = {"constant": "a"} if strategy == "constant" else {}
    agree(DummyClassifier(strategy=strategy, **constant).fit(X, NAMES), X, tolerance=1e-15)
    constant = {"constant": [2, 0]} if strategy == "constant" else {}
    agree(DummyClassifier(strategy=strategy, **constant).fit(X, TWO), X, tolerance=1e-15)


@pytest.mark.parametrize("options", [{}, {"strategy": "median"}, {"strategy": "quantile", "quantile": 0.3}], ids=str)
def test_regressor(agree, options):
    agree(DummyRegressor(**options).fit(X, TWO[:, 0]), X, tolerance=0, routes=[("cpu", "exact")])
    agree(DummyRegressor(**options).fit(X, TWO), X, tolerance=0, routes=[("cpu", "exact")])


def test_rows_of_text(agree):
    frame = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn"] * 6, dtype=object)})
    agree(DummyClassifier().fit(frame, NAMES), frame)


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_answers_at_random_are_refused_with_reason(agree, strategy):
    with pytest.raises(UnsupportedError, match="draws its answers at random"):
        agree(DummyClassifier(strategy=strategy, random_state=0).fit(X, NAMES), X)
