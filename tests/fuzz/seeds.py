"""Whole files to damage: each operator of ai.onnx.ml in several forms, and files that bridge exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.datasets import load_wine
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from tests.passes.operators.combination import make_example
from tests.passes.operators.everything import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

FORMS = 6
"""How many combinations of each operator are taken."""


def operator_models() -> Iterator[onnx.ModelProto]:
    """Yield models of one operator."""
    for operator in OPERATORS:
        choices = operator.choices(2)
        for choice in choices[:: max(1, len(choices) // FORMS)]:
            yield make_example(operator, choice).model


def exported_models() -> Iterator[onnx.ModelProto]:
    """Yield models of many nodes, without and with ai.onnx.ml."""
    x, y = load_wine(return_X_y=True)
    for estimator in (
        RandomForestClassifier(3, max_depth=3, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingRegressor(max_iter=3, max_depth=3),
    ):
        estimator.fit(x[:, :3], y)
        for target in ("portable", "cpu"):
            yield bridge.export(estimator, x[:, :3], target=target, check=False)
