"""Files that CatBoost writes itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from tests.passes.exporters.data import (
    GROUP,
    MISSING,
    NUMBER,
    POSITIVE,
    ROWS,
    TEN,
    THREE,
    THREE_NAMES,
    TWO,
    TWO_NAMES,
    WHOLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SMALL = {"iterations": 4, "depth": 3, "verbose": 0, "random_seed": 0, "allow_writing_files": False, "thread_count": 1}


def _fitted(
    estimator: str, target: Any, *, rows: Any = MISSING, fit: Mapping[str, Any] | None = None, **settings: Any
) -> Callable[[], onnx.ModelProto]:
    """Return a function that fits CatBoost<estimator> and lets it write its file."""

    def export() -> onnx.ModelProto:
        catboost = pytest.importorskip("catboost")
        model = getattr(catboost, f"CatBoost{estimator}")(**SMALL | settings).fit(rows, target, **fit or {})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            model.save_model(str(path), format="onnx")
            return onnx.load(path)

    return export


FILES = {
    "two classes": _fitted("Classifier", TWO),
    "two names": _fitted("Classifier", TWO_NAMES),
    "three names": _fitted("Classifier", THREE_NAMES),
    "ten classes": _fitted("Classifier", TEN),
    "one against the rest": _fitted("Classifier", THREE, loss_function="MultiClassOneVsAll"),
    "two labels": _fitted("Classifier", np.column_stack([TWO, 1 - TWO]), loss_function="MultiLogloss"),
    "cross-entropy": _fitted("Classifier", TWO, loss_function="CrossEntropy"),
    "number": _fitted("Regressor", NUMBER),
    "number, nothing missing": _fitted("Regressor", NUMBER, rows=WHOLE),
    "number, missing last": _fitted("Regressor", NUMBER, nan_mode="Max"),
    "poisson": _fitted("Regressor", POSITIVE, loss_function="Poisson"),
    "ranking": _fitted("Ranker", THREE, fit={"group_id": np.arange(ROWS) // GROUP}),
    "deep": _fitted("Regressor", NUMBER, depth=7),
    "stumps": _fitted("Classifier", TWO, depth=1),
}
BROKEN = {
    "two numbers": _fitted("Regressor", np.column_stack([NUMBER, TWO]), loss_function="MultiRMSE"),
    "two quantiles": _fitted("Regressor", NUMBER, loss_function="MultiQuantile:alpha=0.2,0.7"),
}
"""CatBoost 1.2.10 writes several numbers as a classifier without class labels, which onnxruntime refuses as well."""
