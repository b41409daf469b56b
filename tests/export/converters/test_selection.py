"""Selectors hand on the columns that scikit-learn selects, untouched."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from bridge.errors import UnsupportedError

X, Y = load_wine(return_X_y=True)
X = X.astype(np.float32).astype(np.float64)
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.mark.parametrize(
    "selector",
    [
        GenericUnivariateSelect(mode="k_best", param=4),
        SelectFdr(alpha=1e-20),
        SelectFpr(alpha=1e-20),
        SelectFwe(alpha=1e-20),
        SelectKBest(k=5),
        SelectPercentile(percentile=30),
        SelectFromModel(TREE),
        VarianceThreshold(0.1),
        RFE(TREE, n_features_to_select=3),
        RFECV(TREE, cv=2),
        SequentialFeatureSelector(TREE, n_features_to_select=2, cv=2),
    ],
    ids=lambda s: type(s).__name__,
)
def test_selector(agree, selector):
    selects = not hasattr(selector, "predict")
    agree(selector.fit(X, Y), X, tolerance=0 if selects else 1e-15, special=False, empty=selects)


def test_variance_threshold_takes_nan(agree):
    data = X[:, :3].copy()
    data[3, 0] = np.nan
    agree(VarianceThreshold().fit(data), data, tolerance=0, routes=EXACT)


@pytest.mark.parametrize(
    "dtypes", [("float32", "int32", "float32"), ("int32", "int64", "int32"), ("float32", "int64", "int32")]
)
def test_frames_become_one_dtype_before_the_choice(agree, dtypes):
    frame = pd.DataFrame({n: X[:, 12].astype(d) for n, d in zip("abc", dtypes, strict=True)})
    agree(SelectKBest(k=1).fit(frame, Y), frame, tolerance=0, routes=EXACT)


def test_text_can_be_selected(agree):
    frame = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn"] * 5, dtype=object), "size": np.arange(10.0)})
    hot = OneHotEncoder(handle_unknown="ignore")
    pipe = make_pipeline(hot, VarianceThreshold(0.1))
    agree(pipe.fit(frame), frame, tolerance=0, routes=EXACT)


def test_no_column_left_is_refused_with_reason(agree):
    selector = SelectKBest(k=0).fit(X, Y)
    with pytest.raises(UnsupportedError, match="SelectKBest selects no column"):
        agree(selector, X)
