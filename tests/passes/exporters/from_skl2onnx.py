"""Files that skl2onnx writes for HistGradientBoosting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skl2onnx import to_onnx
from skl2onnx.common import _container
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.passes.exporters.data import MISSING, NUMBER, POSITIVE, TEN, THREE, THREE_NAMES, TWO, TWO_NAMES, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

SMALL = {"max_iter": 4, "max_leaf_nodes": 7}
_make_node = _container.make_node


def _node_of_integers(
    *arguments: Any, nodes_missing_value_tracks_true: Any = None, **attributes: Any
) -> onnx.NodeProto:
    """Make a node; protobuf from 7.34 on refuses the bools that skl2onnx 1.20 gives it."""
    if nodes_missing_value_tracks_true is not None:
        attributes["nodes_missing_value_tracks_true"] = [int(true) for true in nodes_missing_value_tracks_true]
    return _make_node(*arguments, **attributes)


def _fitted(
    estimator: Any, target: Any, *, rows: Any = MISSING, options: dict[str, Any] | None = None
) -> Callable[[], onnx.ModelProto]:
    """Return a function that fits `estimator` and converts it with `options`."""

    def export() -> onnx.ModelProto:
        model = estimator.fit(rows, target)
        _container.make_node = _node_of_integers
        try:
            return to_onnx(
                model,
                rows[:1],
                target_opset={"": 13, "ai.onnx.ml": 3},
                options={id(model): options} if options else None,
            )
        finally:
            _container.make_node = _make_node

    return export


def _classifier(**settings: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**SMALL | settings)


def _regressor(**settings: Any) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**SMALL | settings)


MATRIX = {"zipmap": False}
FILES = {
    "two classes": _fitted(_classifier(), TWO),
    "two names": _fitted(_classifier(), TWO_NAMES, options=MATRIX),
    "three names": _fitted(_classifier(), THREE_NAMES),
    "ten classes": _fitted(_classifier(), TEN, options=MATRIX),
    "three classes, a column each": _fitted(_classifier(), THREE, options={"zipmap": "columns"}),
    "raw scores": _fitted(_classifier(), TWO, options=MATRIX | {"raw_scores": True}),
    "number": _fitted(_regressor(), NUMBER),
    "number, nothing missing": _fitted(_regressor(), NUMBER, rows=WHOLE),
    "poisson": _fitted(_regressor(loss="poisson"), POSITIVE),
    "categories": _fitted(_classifier(categorical_features=[0]), TWO, rows=WHOLE, options=MATRIX),
    "leaf-wise, deep": _fitted(_regressor(max_leaf_nodes=60, min_samples_leaf=1), NUMBER),
    "stumps": _fitted(_classifier(max_depth=1), TWO, options=MATRIX),
    "behind a scaler": _fitted(make_pipeline(StandardScaler(), _classifier()), TWO),
}
