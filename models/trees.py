"""The table of every tree model that scikit-learn has, small and in all its settings: a new one joins by one line."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from sklearn import ensemble, tree

from bridge.demo.flights import load_flights
from models import data
from models.data import Data
from models.zoo import Model

ROWS = 400
"""Enough for trees of every shape; the zoo has the larger ones."""


@cache
def cancer() -> Data:
    """Return float64 numbers; two classes."""
    return _few(data.breast_cancer())


@cache
def missing() -> Data:
    """Return float64 numbers, one in twenty missing; labels are strings."""
    return _few(data.breast_cancer_missing())


@cache
def float32() -> Data:
    """Return float32 numbers with many ties; ten classes."""
    return _few(data.digits_float32())


@cache
def bools() -> Data:
    """Return a DataFrame; labels are bools."""
    return _few(data.breast_cancer_frame())


@cache
def floats() -> Data:
    """Return float64 numbers; three classes, which are floats."""
    rows = data.wine()
    return Data(rows.train, np.unique(rows.labels, return_inverse=True)[1] * 2.0, rows.held_out)


@cache
def one_class() -> Data:
    """Return float64 numbers; a single class."""
    rows = data.wine()
    return Data(rows.train, np.full(len(rows.train), "wine"), rows.held_out)


@cache
def two_labels() -> Data:
    """Return pixels; two targets, which digit it is and whether it is odd."""
    rows = _few(data.digits())
    return Data(rows.train, np.column_stack([rows.labels, rows.labels % 2]), rows.held_out)


@cache
def two_texts() -> Data:
    """Return pixels; two targets of strings."""
    rows = two_labels()
    digit, odd = rows.labels.T
    return Data(rows.train, np.column_stack([digit.astype(str), np.array(["even", "odd"])[odd]]), rows.held_out)


@cache
def two_numbers() -> Data:
    """Return a DataFrame; two numbers to predict, of different size."""
    rows = data.diabetes()
    return Data(rows.train, np.column_stack([rows.labels, rows.labels**2]), rows.held_out)


@cache
def counts() -> Data:
    """Return float64 numbers, one in twenty missing; a count above zero to predict."""
    rows = missing()
    return Data(rows.train, 1 + np.nan_to_num(rows.train[:, 0]).astype(np.int64) // 4, rows.held_out)


@cache
def categories() -> Data:
    """Return flights with pandas' categorical columns of text, and missing values."""
    table, late = load_flights()
    table = table[["carrier", "origin", "dest", "dep_delay", "month"]][: 3 * ROWS]
    table = table.astype(dict.fromkeys(["carrier", "origin", "dest"], "category"))
    return Data(table[:ROWS], late[:ROWS], table[ROWS:])


@cache
def category_codes() -> Data:
    """Return the same as an array in which categories are numbers, some of them missing; delays to predict."""
    table = categories()
    codes = [
        np.column_stack([part[name].cat.codes for name in ("carrier", "origin", "dest")]).astype(np.float64)
        for part in (table.train, table.held_out)
    ]
    for part in codes:
        part[np.random.default_rng(0).random(part.shape) < data.MISSING] = np.nan
    train, held_out = (
        np.column_stack([part, frame[["month", "dep_delay"]].to_numpy()])
        for part, frame in zip(codes, (table.train, table.held_out), strict=True)
    )
    return Data(train, np.nan_to_num(train[:, -1]), held_out)


def _few(rows: Data) -> Data:
    return Data(rows.train[:ROWS], rows.labels[:ROWS], rows.held_out[:ROWS])


_tree = partial(tree.DecisionTreeClassifier, random_state=0)
_extra_tree = partial(tree.ExtraTreeClassifier, random_state=0)
_tree_regressor = partial(tree.DecisionTreeRegressor, random_state=0)
_extra_tree_regressor = partial(tree.ExtraTreeRegressor, random_state=0)
_forest = partial(ensemble.RandomForestClassifier, n_estimators=12, random_state=0)
_extra = partial(ensemble.ExtraTreesClassifier, n_estimators=12, max_depth=7, random_state=0)
_forest_regressor = partial(ensemble.RandomForestRegressor, n_estimators=12, max_depth=7, random_state=0)
_extra_regressor = partial(ensemble.ExtraTreesRegressor, n_estimators=12, max_depth=7, random_state=0)
_boosting = partial(ensemble.GradientBoostingClassifier, n_estimators=8, random_state=0)
_boosting_regressor = partial(ensemble.GradientBoostingRegressor, n_estimators=8, random_state=0)
_histogram = partial(ensemble.HistGradientBoostingClassifier, max_iter=8, min_samples_leaf=4, random_state=0)
_histogram_regressor = partial(ensemble.HistGradientBoostingRegressor, max_iter=8, min_samples_leaf=4, random_state=0)
_isolation = partial(ensemble.IsolationForest, n_estimators=12, random_state=0)

TREES: tuple[Model, ...] = (
    Model("tree-ints", cancer, _tree),
    Model("tree-float32", float32, _tree),
    Model("tree-strings-missing", missing, _tree),
    Model("tree-bools", bools, partial(_tree, class_weight="balanced")),
    Model("tree-floats", floats, partial(_tree, criterion="entropy", max_depth=3)),
    Model("tree-one-class", one_class, _tree),
    Model("tree-lone-leaf", cancer, partial(_tree, min_samples_split=ROWS + 1)),
    Model("tree-two-labels", two_labels, partial(_tree, max_leaf_nodes=40)),
    Model("tree-two-texts", two_texts, _tree),
    Model("extra-tree-missing", missing, _extra_tree),
    Model("extra-tree-two-labels", two_labels, _extra_tree),
    Model("tree-regressor", data.diabetes, _tree_regressor),
    Model("tree-regressor-missing", counts, partial(_tree_regressor, criterion="poisson")),
    Model("tree-regressor-two", two_numbers, _tree_regressor),
    Model("extra-tree-regressor", data.diabetes, _extra_tree_regressor),
    Model("extra-tree-regressor-two", two_numbers, _extra_tree_regressor),
    Model("forest-ints", cancer, _forest),
    Model("forest-float32", float32, partial(_forest, min_samples_leaf=3)),
    Model("forest-strings-missing", missing, _forest),
    Model("forest-bools-stumps", bools, partial(_forest, max_depth=1)),
    Model("forest-floats", floats, partial(_forest, bootstrap=False, max_features=0.5)),
    Model("forest-lone-leaves", cancer, partial(_forest, min_samples_split=ROWS + 1)),
    Model("forest-two-texts", two_texts, _forest),
    Model("extra-trees-ints", cancer, _extra),
    Model("extra-trees-missing", missing, _extra),
    Model("extra-trees-two-labels", two_labels, _extra),
    Model("forest-regressor", data.diabetes, _forest_regressor),
    Model("forest-regressor-missing", counts, _forest_regressor),
    Model("forest-regressor-two", two_numbers, _forest_regressor),
    Model("extra-trees-regressor", data.diabetes, _extra_regressor),
    Model("extra-trees-regressor-two", two_numbers, _extra_regressor),
    Model("boosting-ints", cancer, _boosting),
    Model("boosting-floats", floats, partial(_boosting, init="zero")),
    Model("boosting-exponential-bools", bools, partial(_boosting, loss="exponential")),
    Model("boosting-float32", float32, _boosting),
    Model("boosting-lone-leaves", cancer, partial(_boosting, min_samples_split=ROWS + 1)),
    Model("boosting-regressor", data.diabetes, _boosting_regressor),
    Model("boosting-regressor-huber", data.diabetes, partial(_boosting_regressor, loss="huber")),
    Model("boosting-regressor-quantile", data.diabetes, partial(_boosting_regressor, loss="quantile")),
    Model("boosting-regressor-absolute", data.diabetes, partial(_boosting_regressor, loss="absolute_error")),
    Model("histogram-ints", cancer, _histogram),
    Model("histogram-float32", float32, _histogram),
    Model("histogram-strings-missing", missing, _histogram),
    Model("histogram-floats", floats, _histogram),
    Model("histogram-lone-leaves", cancer, partial(_histogram, min_samples_leaf=ROWS)),
    Model("histogram-categories", categories, partial(_histogram, categorical_features="from_dtype")),
    Model("histogram-regressor", data.diabetes, _histogram_regressor),
    Model("histogram-regressor-poisson", counts, partial(_histogram_regressor, loss="poisson")),
    Model("histogram-regressor-gamma", counts, partial(_histogram_regressor, loss="gamma")),
    Model("histogram-regressor-quantile", counts, partial(_histogram_regressor, loss="quantile", quantile=0.9)),
    Model("histogram-regressor-absolute", counts, partial(_histogram_regressor, loss="absolute_error")),
    Model("histogram-regressor-codes", category_codes, partial(_histogram_regressor, categorical_features=[0, 1, 2])),
    Model("isolation", cancer, _isolation),
    Model("isolation-missing", missing, _isolation),
    Model("isolation-few-features", cancer, partial(_isolation, max_features=0.3, max_samples=64)),
    Model("isolation-contamination", floats, partial(_isolation, contamination=0.1)),
    Model("isolation-one-sample", cancer, partial(_isolation, max_samples=1)),
)
