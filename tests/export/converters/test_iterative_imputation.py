"""IterativeImputer fills as scikit-learn's does: whatever regressor, order, bounds and neighbours it has."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import bridge
from bridge.artifact import get_metadata
from bridge.errors import UnsupportedError
from bridge.export.graph import export_graph

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 4))
X[RNG.random(X.shape) < 0.2] = np.nan
X[0] = np.nan  # nothing known of this row
WITH_EMPTY = np.column_stack([X[:, :2], np.full(60, np.nan), X[:, 2:]])
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_indicator": True, "max_iter": 3},
        {"estimator": Ridge(), "imputation_order": "descending", "max_iter": 2},
        {"estimator": LinearRegression(), "imputation_order": "random", "max_iter": 2},
        {"imputation_order": "arabic", "n_nearest_features": 2, "max_iter": 3},
        {"imputation_order": "roman", "min_value": -0.5, "max_value": [0.5, 1.0, 2.0, np.inf], "max_iter": 2},
        {"initial_strategy": "median", "max_iter": 1},
        {"initial_strategy": "constant", "fill_value": 3.0, "max_iter": 0},
        {"estimator": make_pipeline(StandardScaler(), Ridge()), "max_iter": 2},
        {"estimator": DecisionTreeRegressor(max_depth=4, random_state=0), "max_iter": 2},
        {"estimator": RandomForestRegressor(4, max_depth=3, random_state=0), "max_iter": 1},
    ],
    ids=str,
)
def test_imputer(agree, options):
    imputer = IterativeImputer(random_state=0, **options).fit(X)
    agree(imputer, X, X[:1], np.nan_to_num(X), special=False, routes=EXACT, tolerance=1e-11)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("indicate", [True, False])
def test_a_column_without_values(agree, keep, indicate):
    """As frames of two dtypes, which are copied: scikit-learn 1.9 writes its guess for such a column into its input."""
    data = pd.DataFrame(WITH_EMPTY).astype({0: np.float32})
    imputer = IterativeImputer(max_iter=2, keep_empty_features=keep, add_indicator=indicate).fit(data)
    agree(imputer, data, data[:1], data.fillna(0.0), special=False, routes=EXACT)


def test_complete_columns_are_skipped(agree):
    data = np.column_stack([np.nan_to_num(X[:, 0]), X[:, 1:]])
    imputer = IterativeImputer(max_iter=2, skip_complete=True).fit(data)
    agree(imputer, data, X, special=False, routes=EXACT)


def test_another_mark_and_other_dtypes(agree):
    data = np.nan_to_num(X, nan=-9.0)
    agree(IterativeImputer(max_iter=2, missing_values=-9).fit(data), data, special=False, routes=EXACT)
    whole = data.round().astype(np.int64)
    agree(IterativeImputer(max_iter=2, missing_values=-9).fit(whole), whole, special=False, routes=EXACT)
    narrow = X.astype(np.float32)
    agree(IterativeImputer(max_iter=2).fit(narrow), narrow, special=False, float32_tolerance=1e-4)
    frame = pd.DataFrame(X, columns=list("abcd"))
    agree(IterativeImputer(max_iter=2).fit(frame), frame, special=False, float32_tolerance=1e-4)


def test_all_rows_are_run_together():
    """Where nothing is known of any row, scikit-learn does not start its rounds."""
    imputer = IterativeImputer(max_iter=2).fit(X)
    file = bridge.export(imputer, X, target="cpu")
    assert get_metadata(file).row_bytes == 0
    model = bridge.load(file, device="cpu")
    for rows in (X[:1], X[:5], np.repeat(X[:1], 3, axis=0)):
        np.testing.assert_allclose(model.transform(rows), imputer.transform(rows), rtol=1e-11)
    assert (imputer.transform(X[:5])[0] != imputer.transform(X[:1])[0]).any()


def test_in_front_of_a_classifier(agree):
    pipe = make_pipeline(IterativeImputer(max_iter=3, random_state=0), StandardScaler(), LogisticRegression())
    agree(pipe.fit(X, np.arange(60) % 2), X, special=False, float32_tolerance=1e-4)


def test_draws_are_refused_with_reason():
    imputer = IterativeImputer(sample_posterior=True, max_iter=2, random_state=0).fit(X)
    with pytest.raises(UnsupportedError, match=r"draws its values at random.*\n.*sample_posterior=False"):
        export_graph(imputer, X)
