"""CatBoost models, against their own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import bridge
from bridge.errors import InputError, UnsupportedError
from bridge.export.catboost_reader import read_catboost, read_document
from tests.export.booster_data import booster_data, four_classes, two_classes, value

if TYPE_CHECKING:
    from numpy.typing import NDArray

catboost = pytest.importorskip("catboost")
pandas = pytest.importorskip("pandas")

ROWS = 400
FEW = {"iterations": 8, "depth": 4, "verbose": 0, "thread_count": 1, "allow_writing_files": False}


def _named(X: NDArray[np.float64]) -> NDArray[Any]:
    return np.array(["a", "b", "c", "d"])[four_classes(X)]


def _truth(X: NDArray[np.float64]) -> NDArray[Any]:
    return value(X) > 1


def _share(X: NDArray[np.float64]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-value(X)))


def _tags(X: NDArray[np.float64]) -> NDArray[Any]:
    return np.column_stack([_truth(X), ~_truth(X), four_classes(X) > 2]).astype(np.int64)


def _positive(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(value(X)) + 0.1


def _pair(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([value(X), 2 * value(X)])


class Ranker:
    """A CatBoostRanker that is fitted like the others: a query every twenty rows."""

    def fit(self, X, y):
        return catboost.CatBoostRanker(**FEW).fit(X, y, group_id=np.arange(len(y)) // 20)


def _classifier(**options):
    return catboost.CatBoostClassifier(**{**FEW, **options})


def _regressor(**options):
    return catboost.CatBoostRegressor(**{**FEW, **options})


CASES = {
    "two classes": (_classifier, two_classes),
    "two booleans": (_classifier, _truth),
    "shares": (lambda: _classifier(loss_function="CrossEntropy"), _share),
    "four classes": (_classifier, four_classes),
    "four names": (lambda: _classifier(grow_policy="Depthwise"), _named),
    "one-versus-all": (lambda: _classifier(loss_function="MultiClassOneVsAll", grow_policy="Lossguide"), four_classes),
    "multilabel": (lambda: _classifier(loss_function="MultiLogloss"), _tags),
    "squares": (_regressor, value),
    "NaN above all": (lambda: _regressor(nan_mode="Max", grow_policy="Lossguide", max_leaves=9), value),
    "depthwise": (lambda: _regressor(grow_policy="Depthwise"), value),
    "poisson": (lambda: _regressor(loss_function="Poisson"), _positive),
    "tweedie": (lambda: _regressor(loss_function="Tweedie:variance_power=1.5"), _positive),
    "quantiles": (lambda: _regressor(loss_function="MultiQuantile:alpha=0.1,0.5"), value),
    "uncertainty": (lambda: _regressor(loss_function="RMSEWithUncertainty"), value),
    "two targets": (lambda: _regressor(loss_function="MultiRMSE"), _pair),
    "ranker": (Ranker, four_classes),
    "plain": (lambda: catboost.CatBoost({**FEW, "loss_function": "Logloss"}), _truth),
}


@pytest.mark.parametrize("target", ["cuda", "portable"])
@pytest.mark.parametrize("case", CASES)
def test_catboost_gives_its_own_answers(case: str, target: str) -> None:
    make, label = CASES[case]
    X = booster_data(ROWS)
    model = make().fit(X, label(X))

    # The check covers rows on thresholds and special values, and raises where an answer differs.
    predictor = bridge.load(bridge.export(model, X, target=target))

    assert predictor.metadata.exact_decisions
    answer, expected = predictor.predict(X), model.predict(X)
    assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype)
    if hasattr(model, "predict_proba"):
        assert np.array_equal(answer, expected)
        assert np.allclose(predictor.predict_log_proba(X), model.predict_log_proba(X), atol=1e-5)


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize("nan_mode", ["Min", "Max"])
def test_every_row_reaches_the_leaf_of_catboost(policy: str, nan_mode: str) -> None:
    X = booster_data(ROWS)
    model = _regressor(grow_policy=policy, nan_mode=nan_mode).fit(X, value(X))
    forest = read_catboost(model).forest
    borders = np.unique(forest.threshold[~forest.is_leaf])
    with np.errstate(over="ignore"):  # the number below the lowest float32
        beside = [np.nextafter(borders.astype(np.float32), np.float32(s)).astype(np.float64) for s in (-np.inf, np.inf)]
    halfway = [(borders + b) / 2 for b in beside]
    steps = [np.nextafter(n, side) for n in (borders, *halfway) for side in (-np.inf, np.inf)]
    pool = np.concatenate([borders, *beside, *halfway, *steps, [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e300, -1e300]])
    rows = np.random.default_rng(0).choice(pool, (3000, X.shape[1]))

    predictor = bridge.load(bridge.export(model, X, target="cpu"))

    # Another leaf would move the answer by far more.
    assert np.allclose(predictor.predict(rows), model.predict(rows), rtol=0, atol=1e-12)


def test_scale_bias_and_probability_threshold_are_kept() -> None:
    X = booster_data(ROWS)
    model = _classifier().fit(X, _truth(X))
    before = model.predict(X)
    model.set_scale_and_bias(3.0, [0.25])
    model.set_probability_threshold(0.8)
    assert not np.array_equal(model.predict(X), before)

    predictor = bridge.load(bridge.export(model, X, target="cuda"))

    assert np.array_equal(predictor.predict(X), model.predict(X))
    assert np.allclose(predictor.predict_proba(X), model.predict_proba(X), rtol=1e-12)


def test_large_integers_are_rounded_as_catboost_rounds_them() -> None:
    halfway = 2**60 + 2**36
    X = np.repeat(np.array([[2**60], [2**60 + 2**37], [2**60 + 2**38]], np.int64), 30, axis=0)
    model = _regressor(iterations=2).fit(X, np.arange(len(X)) // 30)
    rows = np.array([[2**60], [halfway - 1], [halfway], [halfway + 1], [halfway + 2**37]], np.int64)

    predictor = bridge.load(bridge.export(model, X, target="cuda"))

    assert np.allclose(predictor.predict(rows), model.predict(rows), rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "column"),
    [("cat_features", ["red", "blue"]), ("text_features", ["a red fox", "a blue sky"])],
)
def test_features_that_are_no_numbers_are_refused_by_name(kind: str, column: list[str]) -> None:
    frame = pandas.DataFrame({"size": np.arange(40.0), "colour": column * 20})
    model = _classifier().fit(frame, np.arange(40) % 4 > 1, **{kind: ["colour"]})

    with pytest.raises(UnsupportedError, match=f"fitted with {kind} 'colour'.*only CatBoost"):
        bridge.export(model, frame, target="cpu")


def _document() -> dict[str, Any]:
    """Return a whole model: one tree of two levels over one column."""
    split = {"split_type": "FloatFeature", "float_feature_index": 0}
    return {
        "scale_and_bias": [1, [0.5]],
        "features_info": {
            "float_features": [{"feature_index": 0, "flat_feature_index": 0, "nan_value_treatment": "AsIs"}]
        },
        "oblivious_trees": [
            {"splits": [{**split, "border": 1.0}, {**split, "border": 2.0}], "leaf_values": [1, 2, 3, 4]}
        ],
    }


def test_the_first_split_is_the_lowest_bit_of_the_leaf() -> None:
    scored = read_document(_document())

    assert scored.forest.threshold[:3].tolist() == [2.0, 1.0, 1.0]
    assert scored.forest.values.ravel().tolist() == [1, 2, 3, 4]
    assert (scored.scale, scored.bias.tolist()) == (1.0, [0.5])


@pytest.mark.parametrize(
    ("path", "value", "error", "reason"),
    [
        (["scale_and_bias"], None, InputError, "damaged"),
        (["oblivious_trees"], [], InputError, "damaged"),
        (["features_info", "float_features"], [], InputError, "damaged"),
        (["features_info", "float_features", 0, "flat_feature_index"], -1, InputError, "'feature' points to -1"),
        (["oblivious_trees", 0, "leaf_values"], [1, 2, 3], InputError, "damaged"),
        (["oblivious_trees", 0, "splits"], [{"split_type": "FloatFeature"}] * 17, InputError, "damaged"),
        (["oblivious_trees", 0, "splits", 0, "border"], "NaN", InputError, "border NaN"),
        (["oblivious_trees", 0, "splits", 0, "split_type"], "OnlineCtr", UnsupportedError, "splits on a OnlineCtr"),
    ],
)
def test_damaged_model_is_refused(path: list[Any], value: object, error: type[Exception], reason: str) -> None:
    document: Any = _document()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(error, match=reason):
        read_document(document)


def test_classes_of_labels_in_a_column_are_one_array():
    X = booster_data(ROWS)
    estimator = catboost.CatBoostClassifier(**FEW).fit(X, four_classes(X))

    predictor = bridge.load(bridge.export(estimator, X, target="cpu"))

    assert predictor.predict(X).shape == (ROWS, 1)
    np.testing.assert_array_equal(predictor.classes_, estimator.classes_)
