"""HistGradientBoosting's categories are asked for as they stand in the table, with its own answers for all others."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import bridge
from bridge.export.graph import export_graph

ROWS = 600
KINDS = 9
CATEGORICAL = [3, 0]
ENCODER = {"Equal", "ReduceSum", "Gather", "Unsqueeze"}
ODD = [np.nan, -0.0, -1.0, -0.5, 0.5, 3.5, np.nextafter(3, 4), np.nextafter(3, 2), KINDS, KINDS + 1.0, 16.0, 1e6, 2**24]
BEYOND = [2.0**31, -(2.0**31), 2.0**62, 1e30, -1e30]


def table(dtype=np.float64, *, kinds=None):
    """Return five columns, of which 0 and 3 hold categories, without some of them, and NaN where there can be one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 5)) * 3
    chosen = np.delete(np.arange(KINDS), 4) if kinds is None else kinds
    X[:, 0], X[:, 3] = rng.choice(chosen, ROWS), rng.choice(chosen, ROWS)
    if np.dtype(dtype).kind == "f":
        X[rng.random(X.shape) < 0.1] = np.nan
    return X.astype(dtype)


def labels(X):
    codes = np.nan_to_num(np.asarray(X, np.float64))
    return (codes[:, 0] % 3 == 1) ^ (codes[:, 3] % 2 == 0) ^ (codes[:, 1] > 0.3)


def odd_rows(X):
    """Return rows with each odd number in each column."""
    values = ODD + BEYOND
    if X.dtype.kind != "f":
        info = np.iinfo(X.dtype)
        values = [int(v) for v in values if float(v).is_integer() and info.min <= v <= info.max]
    places = list(itertools.product(range(X.shape[1]), values))
    rows = X[: len(places)].copy()
    for row, (column, value) in zip(rows, places, strict=True):
        row[column] = value
    return rows


def fitted(X, y=None, make=HistGradientBoostingClassifier, **options):
    options = {"max_iter": 6, "max_depth": 6, "min_samples_leaf": 5, "categorical_features": CATEGORICAL} | options
    return make(**options).fit(X, labels(X) if y is None else y)


def operators(model, X):
    return {node.op_type for node in export_graph(model, X).model.graph}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8])
def test_whole_numbers_are_asked_for_without_an_encoder(agree, dtype):
    X = table(np.float64 if np.dtype(dtype).kind == "f" else np.int64)
    X = np.abs(X).astype(dtype) if np.dtype(dtype).kind == "u" else X.astype(dtype)
    model = fitted(X)

    assert not operators(model, X[:1]) & (ENCODER - {"Gather"})
    agree(model, X, odd_rows(X))


def test_several_classes_and_numbers_to_predict(agree):
    X = table()
    y = labels(X) + 2 * (np.nan_to_num(X[:, 1]) > 1)
    agree(fitted(X, y), X, odd_rows(X))
    agree(fitted(X, y + 0.5, HistGradientBoostingRegressor, loss="poisson"), X, odd_rows(X))


@pytest.mark.parametrize(
    "kinds",
    [[-1, 0, 1, 2], [0, 0.5, 1, 2], [3, 4, 90210], [2.0**24, 2.0**25], [5, 16]],
    ids=["negative", "fraction", "far apart", "huge", "just too far"],
)
def test_other_numbers_keep_their_encoder(agree, kinds):
    X = table(kinds=np.array(kinds))
    model = fitted(X)

    assert ENCODER - {"Gather"} <= operators(model, X[:1])
    agree(model, X, odd_rows(X))


@pytest.mark.parametrize("dtype", [object, "category"])
def test_text_is_asked_for_by_its_codes(agree, dtype):
    X = table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    for column in "ad":
        names = frame[column].map(lambda kind: None if np.isnan(kind) else f"kind {kind:.0f}")
        frame[column] = names.astype(dtype)
    model = fitted(frame, labels(X), categorical_features=["d", "a"])

    assert not operators(model, frame[:20]) & ENCODER
    # The special rows hold text that no category is, which a column of dtype category cannot.
    agree(model, frame, special=dtype is object)
    agree(model, frame[:2], frame, special=False)  # the codes are the encoder's, whatever the sample holds


def test_categories_that_are_numbers_of_a_frame(agree):
    X = table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = fitted(frame.astype({"a": "category", "d": "category"}), labels(X), categorical_features="from_dtype")

    assert not operators(model, frame) & ENCODER
    agree(model, frame, pd.DataFrame(odd_rows(X), columns=frame.columns))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    ("target", "strategy"),
    [
        *itertools.product(["cpu", "cuda"], ["auto", "gemm", "tournament", "traverse", "forest"]),
        *itertools.product(["portable"], ["auto", "gemm", "tournament", "traverse"]),
    ],
)
def test_every_strategy_answers_alike(target, strategy, dtype):
    X = table(dtype)
    model = fitted(X)
    rows = odd_rows(X)
    if target == "portable" and dtype == np.float64:
        rows = rows.astype(np.float32).astype(np.float64)

    proto = bridge.export(model, X[:100], target=target, strategy=strategy)

    report = bridge.verify(model, proto, rows)
    assert report.ok, str(report)
