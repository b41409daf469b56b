"""Trees and ensembles of trees, read from scikit-learn's fitted arrays into a `Forest`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.ensemble._iforest import _average_path_length
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from bridge.export.block import Block, side_by_side
from bridge.export.converters.boosting_start import starting_scores
from bridge.export.converters.links import binary_columns, sigmoid, softmax
from bridge.export.converters.raw_categories import ask_raw_categories
from bridge.export.registry import Answer, Labels, converts, transform
from bridge.export.tree_reader import read_trees
from bridge.forest import Forest, concatenate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder


def _tree_sum(b: Builder, trees: Sequence[Any], x: Block) -> ir.Value:
    """Return the float64 (rows, outputs x classes) sum of the node values of `trees`, which see x as float32."""
    return b.forest(read_trees([t.tree_ for t in trees]), x.matrix(np.float32))


def _tree_mean(b: Builder, trees: Sequence[Any], x: Block) -> ir.Value:
    total = _tree_sum(b, trees, x)
    return total if len(trees) == 1 else b.div(total, b.like(len(trees), total))


def _classify(b: Builder, estimator: Any, trees: Sequence[Any], x: Block) -> Mapping[str, Answer]:
    """Average class frequencies; several targets give a list of them."""
    scores = _tree_mean(b, trees, x)
    if estimator.n_outputs_ == 1:
        return {"predict": Labels(b.argmax(scores), estimator.classes_), "predict_proba": scores}
    widest = max(len(c) for c in estimator.classes_)
    probabilities = [
        b.take_columns(scores, np.arange(len(classes)) + i * widest) for i, classes in enumerate(estimator.classes_)
    ]
    labels = [Labels(b.argmax(p), c) for p, c in zip(probabilities, estimator.classes_, strict=True)]
    return {"predict": labels, "predict_proba": probabilities}


def _regress(b: Builder, estimator: Any, trees: Sequence[Any], x: Block) -> Mapping[str, Answer]:
    mean = _tree_mean(b, trees, x)
    return {"predict": b.flatten_column(mean) if estimator.n_outputs_ == 1 else mean}


@converts(DecisionTreeClassifier, ExtraTreeClassifier)
def convert_tree_classifier(b: Builder, tree: Any, x: Block) -> Mapping[str, Answer]:
    return _classify(b, tree, [tree], x)


@converts(DecisionTreeRegressor, ExtraTreeRegressor)
def convert_tree_regressor(b: Builder, tree: Any, x: Block) -> Mapping[str, Answer]:
    return _regress(b, tree, [tree], x)


@converts(RandomForestClassifier, ExtraTreesClassifier)
def convert_forest_classifier(b: Builder, forest: Any, x: Block) -> Mapping[str, Answer]:
    return _classify(b, forest, forest.estimators_, x)


@converts(RandomForestRegressor, ExtraTreesRegressor)
def convert_forest_regressor(b: Builder, forest: Any, x: Block) -> Mapping[str, Answer]:
    return _regress(b, forest, forest.estimators_, x)


def _boosted_scores(b: Builder, boosting: Any, x: Block) -> ir.Value:
    """Return the raw scores (rows, k) of gradient boosting: the initial ones plus learning_rate times the trees."""
    k = boosting.estimators_.shape[1]
    trees = [estimator.tree_ for estimator in boosting.estimators_.ravel()]

    def scores() -> Iterator[NDArray[np.float64]]:
        for i, tree in enumerate(trees):
            values = np.zeros((tree.node_count, k))
            values[:, i % k] = boosting.learning_rate * tree.value[:, 0, 0]
            yield values

    forest = read_trees(trees, scores())
    # GradientBoosting refuses NaN, so its trees need no missing-value routes.
    forest = replace(forest, missing_left=np.zeros_like(forest.missing_left))
    return b.add(b.forest(forest, x.matrix(np.float32)), starting_scores(b, boosting, x))


@converts(GradientBoostingRegressor)
def convert_boosting_regressor(b: Builder, boosting: Any, x: Block) -> Mapping[str, Answer]:
    return {"predict": b.flatten_column(_boosted_scores(b, boosting, x))}


def _classify_by_softmax(b: Builder, raw: ir.Value, classes: Any) -> Mapping[str, Answer]:
    """Return the answers of boosting with one raw score (rows, classes) a class."""
    return {"predict": Labels(b.argmax(raw), classes), "predict_proba": softmax(b, raw), "decision_function": raw}


@converts(GradientBoostingClassifier)
def convert_boosting_classifier(b: Builder, boosting: Any, x: Block) -> Mapping[str, Answer]:
    raw = _boosted_scores(b, boosting, x)
    if boosting.n_trees_per_iteration_ > 1:
        return _classify_by_softmax(b, raw, boosting.classes_)
    score = b.flatten_column(raw)
    # The exponential loss models half the log-odds (sklearn._loss.ExponentialLoss.predict_proba).
    doubled = b.mul(raw, b.like(2, raw)) if boosting.loss == "exponential" else raw
    not_negative = b.cast(b.op("GreaterOrEqual", score, b.like(0, score)), np.int64)
    return {
        "predict": Labels(not_negative, boosting.classes_),
        "predict_proba": binary_columns(b, sigmoid(b, doubled)),
        "decision_function": score,
    }


def read_histogram_trees(boosting: Any) -> Forest:
    """Return the trees of a HistGradientBoosting model, which compare in float64 on the preprocessed columns.

    An unknown category goes where missing values go, so the sets are turned over for nodes that send those to the
    left: what then asks for membership is the right child.
    """
    predictors = boosting._predictors
    k = len(predictors[0])
    known, positions = boosting._bin_mapper.make_known_categories_bitsets()
    forests = []
    for stage in predictors:
        for output, predictor in enumerate(stage):
            forests.append(_read_histogram_tree(predictor, k, output, known, positions))
    return concatenate(forests)


def _read_histogram_tree(
    predictor: Any, k: int, output: int, known: NDArray[np.uint32], positions: NDArray[np.uint32]
) -> Forest:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(np.bool_)
    missing_left = nodes["missing_go_to_left"].astype(np.bool_)
    left, right = nodes["left"].astype(np.int32), nodes["right"].astype(np.int32)
    categorical = np.flatnonzero(nodes["is_categorical"].astype(np.bool_) & ~is_leaf)
    category = np.full(len(nodes), -1, np.int32)
    sets: list[NDArray[np.int64]] = []
    for node in categorical:
        goes_left = _members(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        category[node] = len(sets)
        if missing_left[node]:
            left[node], right[node] = right[node], left[node]
            all_known = _members(known[positions[nodes["feature_idx"][node]]])
            goes_left = np.setdiff1d(all_known, goes_left)
        sets.append(goes_left)
    missing_left[categorical] = False
    values = np.zeros((int(is_leaf.sum()), k))
    values[:, output] = nodes["value"][is_leaf]
    return Forest(
        feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        left=np.where(is_leaf, -1, left).astype(np.int32),
        right=np.where(is_leaf, -1, right).astype(np.int32),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32),
        missing_left=missing_left & ~is_leaf,
        roots=np.zeros(1, np.int32),
        values=values,
        category=category,
        set_starts=np.cumsum([0] + [len(s) for s in sets]).astype(np.int64),
        set_members=np.concatenate([np.zeros(0, np.int64), *sets]).astype(np.int64),
    )


def _members(bitset: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the numbers whose bits are set in a bitset of eight 32-bit words."""
    bits = np.unpackbits(np.ascontiguousarray(bitset, "<u4").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.int64)


def _histogram_scores(b: Builder, boosting: Any, x: Block) -> ir.Value:
    forest = read_histogram_trees(boosting)
    if getattr(boosting, "_preprocessor", None) is None:
        raw = b.forest(forest, x.matrix(np.float64))
    else:
        encoder = boosting._preprocessor.named_transformers_["encoder"]
        asked = ask_raw_categories(b, forest, encoder, boosting.is_categorical_, x)
        raw = b.forest(*(asked or (forest, _preprocessed(b, boosting, x).matrix(np.float64))))
    return b.add(raw, b.constant(np.asarray(boosting._baseline_prediction, np.float64).reshape(1, -1)))


def _preprocessed(b: Builder, boosting: Any, x: Block) -> Block:
    """Code the categorical columns as HistGradientBoosting does inside, and put them first."""
    encoder = boosting._preprocessor.named_transformers_["encoder"]
    coded = transform(b, encoder, x.select(np.flatnonzero(boosting.is_categorical_).tolist()))
    rest = np.flatnonzero(~boosting.is_categorical_).tolist()
    return side_by_side([coded, x.select(rest)]) if rest else coded


@converts(HistGradientBoostingClassifier)
def convert_histogram_classifier(b: Builder, boosting: Any, x: Block) -> Mapping[str, Answer]:
    raw = _histogram_scores(b, boosting, x)
    if boosting.n_trees_per_iteration_ > 1:
        return _classify_by_softmax(b, raw, boosting.classes_)
    score = b.flatten_column(raw)
    return {
        "predict": Labels(b.positive(score), boosting.classes_),
        "predict_proba": binary_columns(b, sigmoid(b, raw)),
        "decision_function": score,
    }


@converts(HistGradientBoostingRegressor)
def convert_histogram_regressor(b: Builder, boosting: Any, x: Block) -> Mapping[str, Answer]:
    raw = b.flatten_column(_histogram_scores(b, boosting, x))
    # poisson and gamma model the logarithm (sklearn._loss.LogLink); the other losses the value itself.
    return {"predict": b.op("Exp", raw) if boosting.loss in ("poisson", "gamma") else raw}


@converts(IsolationForest)
def convert_isolation_forest(b: Builder, forest: Any, x: Block) -> Mapping[str, Answer]:
    """Score by 2 ** -(mean path length / its expectation) (Liu, Ting and Zhou 2008, section 2)."""
    paths = zip(forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True)
    scores = ((decisions + beyond - 1.0).reshape(-1, 1) for decisions, beyond in paths)
    trees = read_trees([tree.tree_ for tree in forest.estimators_], scores, forest.estimators_features_)
    if x.sparse:  # where NaN fails each comparison (sklearn.tree._tree, _apply_sparse_csr)
        trees = replace(trees, missing_left=np.zeros_like(trees.missing_left))
    depths = b.forest(trees, x.matrix(np.float32))
    expected = len(forest.estimators_) * _average_path_length([forest._max_samples])
    # With one sample a tree, every path has its expected length (IsolationForest._compute_score_samples).
    ratio = b.div(depths, b.constant(expected)) if expected[0] else b.cast(b.op("Equal", depths, depths), np.float64)
    score = b.flatten_column(b.op("Neg", b.op("Pow", b.constant(2.0), b.op("Neg", ratio))))
    decision = b.sub(score, b.constant(forest.offset_, np.float64))
    is_outlier = b.op("Less", decision, b.constant(0.0))
    return {
        "predict": b.where(is_outlier, b.constant(-1, np.int64), b.constant(1, np.int64)),
        "decision_function": decision,
        "score_samples": score,
    }
