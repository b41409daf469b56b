"""All operators of ai.onnx.ml."""

from __future__ import annotations

from tests.passes.operators import columns, ensembles, maps, models, tables

OPERATORS = tuple(
    sorted(
        (operator for family in (columns, tables, maps, models, ensembles) for operator in family.OPERATORS),
        key=lambda operator: operator.name,
    )
)
