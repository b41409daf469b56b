"""Refuse NaN, infinities and large numbers that a step makes of others, where the next one raises for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.numbers import FLOAT32_MAX
from bridge.export.asking import answer_quietly
from bridge.export.probe import HUGE, tells_columns_apart
from bridge.method import METHODS, offers

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

PLAIN_ROWS = (0.0, 1.0, 0.5)
"""Numbers one of which an estimator takes in every column."""


def refuse_what_was_made(b: Builder, estimator: Any, x: Block) -> None:
    """Refuse rows of `x` for whose NaN, infinities or numbers beyond float32 `estimator` raises.

    Those of the table itself are refused by the schema. This is about numbers that descend from `Builder.may_break`.
    """
    if not b.breakable or x.has_text or not x.parts or x.dtype.kind != "f":
        return
    if not any(_descends(b, part.value) for part in x.parts):
        return
    refused = _refused_columns(estimator, x)
    if refused is None:
        return
    if all(refused[0]) and all(refused[1]):  # what follows meets none of them
        b.breakable.difference_update(part.value for part in x.parts)
        b.whole.update(part.value for part in x.parts)
    value = x.matrix()
    alike: dict[tuple[bool, ...], list[int]] = {}
    for column, kinds in enumerate(zip(*refused, strict=True)):
        alike.setdefault(kinds, []).append(column)
    for (nan, inf, huge), columns in alike.items():
        chosen = value if len(columns) == x.width else b.take_columns(value, columns)
        for condition in _conditions(b, chosen, nan=nan, inf=inf, huge=huge):
            b.refuse(condition, f"{type(estimator).__name__} takes no NaN, infinity or the like, which a step made")


def _conditions(b: Builder, x: ir.Value, *, nan: bool, inf: bool, huge: bool) -> list[ir.Value]:
    if nan and inf and not huge:
        return [b.op("IsNaN", b.sub(x, x))]
    found = [b.op("IsNaN", x)] if nan else []
    if huge:
        found.append(b.op("Greater", b.op("Abs", x), b.like(FLOAT32_MAX, x)))
    elif inf:
        found.append(b.op("IsInf", x))
    return found


def _refused_columns(estimator: Any, x: Block) -> tuple[list[bool], list[bool], list[bool]] | None:
    """Return for NaN, infinity and numbers beyond float32 in which columns they are refused.

    None where the estimator cannot be asked: one that finds columns by name, whose parts can.
    """
    method = next((name for name in METHODS if offers(estimator, name)), None)
    dtype = x.dtype
    rows = (np.full((1, x.width), number, dtype) for number in PLAIN_ROWS)
    row = next((row for row in rows if method is not None and _takes(estimator, method, row)), None)
    if row is None or method is None:
        return None
    groups = [[j] for j in range(x.width)] if tells_columns_apart(estimator) else [list(range(x.width))]

    def refused(number: float) -> list[bool]:
        found = np.zeros(x.width, np.bool_)
        for group in groups:
            changed: NDArray[Any] = row.copy()
            changed[:, group] = number
            found[group] = not _takes(estimator, method, changed)
        return [bool(is_refused) for is_refused in found]

    inf = refused(np.inf)
    return refused(np.nan), inf, refused(HUGE) if dtype == np.float64 and any(inf) else [False] * x.width


def _takes(estimator: Any, method: str, row: NDArray[Any]) -> bool:
    try:
        answer_quietly(estimator, method, row)
    except Exception:  # noqa: BLE001  estimators refuse with whatever their code happens to raise
        return False
    return True


def _descends(b: Builder, value: ir.Value) -> bool:
    """Return whether a value was computed from one of `Builder.breakable`."""
    waiting, seen = [value], set[Any]()
    while waiting:
        current = waiting.pop()
        if current in b.breakable:
            return True
        node = current.producer()
        if node is None or current in seen or current in b.whole:
            continue
        seen.add(current)
        waiting += [v for v in node.inputs if v is not None]
    return False
