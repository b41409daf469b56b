"""Which leaf of each tree a library itself says that a row reaches, as rows of `Forest.values`."""

from __future__ import annotations

import json

import catboost
import lightgbm
import numpy as np
import xgboost
from sklearn import ensemble
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from bridge.export.catboost_reader import read_catboost

HISTOGRAMS = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
FLOAT64_DECISIONS = (*HISTOGRAMS, lightgbm.LGBMModel)
"""These compare in float64; all others round a row to float32 themselves."""

REFUSE_INFINITY = (xgboost.XGBModel,)
"""These answer nothing for infinities; the trees of scikit-learn do, though its estimators refuse them."""


def members(estimator):
    """Return the estimators that become a forest each, in their order."""
    voting = isinstance(estimator, (ensemble.VotingClassifier, ensemble.VotingRegressor))
    return estimator.estimators_ if voting else [estimator]


def columns_of(estimator):
    """Return which column of the input each feature of the trees is: some put categories first."""
    if isinstance(estimator, HISTOGRAMS) and estimator.is_categorical_ is not None:
        return np.concatenate([np.flatnonzero(estimator.is_categorical_), np.flatnonzero(~estimator.is_categorical_)])
    return np.arange(estimator.n_features_in_)


def leaf_reader(estimator, forest):
    """Return a function of rows that gives (rows, trees): the row of `forest.values` that each tree scores by."""
    if isinstance(estimator, HISTOGRAMS):
        ask, names = _histogram_leaves, _by_node(forest)
    elif isinstance(estimator, lightgbm.LGBMModel):
        ask, names = _lightgbm_leaves, _lightgbm_names(estimator, forest)
    elif isinstance(estimator, xgboost.XGBModel):
        ask, names = _xgboost_leaves, _xgboost_names(estimator, forest)
    elif isinstance(estimator, catboost.CatBoost):
        ask, names = type(estimator).calc_leaf_indexes, _catboost_names(estimator, forest)
    else:
        ask, names = _tree_leaves, _by_node(forest)

    def read(rows):
        found = ask(estimator, rows).astype(np.int64)
        return np.column_stack([of_tree[found[:, t]] for t, of_tree in enumerate(names)])

    return read


def _by_node(forest):
    """Return, for each tree, the leaf of each of its nodes, where the library numbers nodes as the forest does."""
    return np.split(forest.leaf, forest.roots[1:])


def _tree_leaves(estimator, rows):
    trees = np.ravel(getattr(estimator, "estimators_", estimator)).tolist()
    with np.errstate(over="ignore"):
        narrow = rows.astype(np.float32)
    subsets = getattr(estimator, "estimators_features_", [slice(None)] * len(trees))
    pairs = zip(trees, subsets, strict=True)
    return np.column_stack([t.tree_.apply(np.ascontiguousarray(narrow[:, subset])) for t, subset in pairs])


def _histogram_leaves(boosting, rows):
    """Ask the library's own predictors, with the number of each node in the place of its value."""
    coded = boosting._preprocess_X(rows, reset=False)
    known, positions = boosting._bin_mapper.make_known_categories_bitsets()
    found = []
    for predictor in (p for stage in boosting._predictors for p in stage):
        nodes = predictor.nodes.copy()
        nodes["value"] = np.arange(len(nodes))
        numbered = TreePredictor(nodes, predictor.binned_left_cat_bitsets, predictor.raw_left_cat_bitsets)
        found.append(numbered.predict(coded, known, positions, 1))
    return np.column_stack(found)


def _lightgbm_leaves(estimator, rows):
    return estimator.predict(rows, pred_leaf=True).reshape(len(rows), -1)


def _lightgbm_names(estimator, forest):
    """Walk each tree beside the forest's, whose left children hold what is in a set, as LightGBM's do."""
    names = []
    for root, info in zip(forest.roots, estimator.booster_.dump_model()["tree_info"], strict=True):
        of_tree = np.full(info["num_leaves"], -1)
        stack = [(root, info["tree_structure"])]
        while stack:
            node, theirs = stack.pop()
            if "left_child" in theirs:
                stack += [(forest.left[node], theirs["left_child"]), (forest.right[node], theirs["right_child"])]
            else:
                of_tree[theirs.get("leaf_index", 0)] = forest.leaf[node]
        names.append(of_tree)
    return names


def _xgboost_leaves(estimator, rows):
    table = xgboost.DMatrix(
        rows, missing=estimator.missing, feature_types=estimator.feature_types, enable_categorical=True
    )
    return estimator.get_booster().predict(table, pred_leaf=True).reshape(len(rows), -1)


def _xgboost_names(estimator, forest):
    """Walk each tree beside the forest's; XGBoost's right children hold what is in a set."""
    boosting = json.loads(estimator.get_booster().save_raw("json"))["learner"]["gradient_booster"]
    model = boosting.get("gbtree", boosting)["model"]
    names = []
    for root, theirs in zip(forest.roots, model["trees"], strict=True):
        of_tree = np.full(len(theirs["left_children"]), -1)
        stack = [(root, 0)]
        while stack:
            node, other = stack.pop()
            children = theirs["left_children"][other], theirs["right_children"][other]
            if children[0] < 0:
                of_tree[other] = forest.leaf[node]
            else:
                in_set = forest.category[node] >= 0
                stack += zip((forest.left[node], forest.right[node]), children[:: -1 if in_set else 1], strict=True)
        names.append(of_tree)
    return names


def _catboost_names(estimator, forest):
    """Give the leaves numbers for a moment, and read where these are: the forest has them in another order."""
    values = estimator.get_leaf_values()
    estimator.set_leaf_values(np.repeat(np.arange(float(len(forest.values))), forest.n_outputs))
    of_model = np.argsort(read_catboost(estimator).forest.values[:, 0])
    estimator.set_leaf_values(values)
    return np.split(of_model, np.cumsum(estimator.get_tree_leaf_counts())[:-1])
