"""Exports reference models once a process, and asks them on rows that no model has seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import bridge
from bridge.data.table import spread_rows

if TYPE_CHECKING:
    import onnx

    from bridge.runtime.predictor import Predictor
    from bridge.verify.report import Report
    from models.zoo import Model

MOST_ROWS = 20_000


@dataclass(frozen=True)
class Case:
    """A reference model, exported with its check and loaded."""

    model: Model
    target: str
    strategy: str
    graph: onnx.ModelProto
    predictor: Predictor

    @property
    def estimator(self) -> Any:
        return self.model.fitted()

    @property
    def rows(self) -> Any:
        return spread_rows(self.model.data().held_out, MOST_ROWS)

    def verify(self, rows: Any) -> Report:
        return bridge.verify(self.estimator, self.predictor, rows)


@cache
def export_case(model: Model, target: str, strategy: str = "auto") -> Case:
    graph = bridge.export(model.fitted(), model.data().train, target=target, check=True, strategy=strategy)
    return Case(model, target, strategy, graph, bridge.load(graph, device="cpu"))


@pytest.fixture
def case(request):
    """Return the case for a parameter (model, target) or (model, target, strategy)."""
    return export_case(*request.param)
