"""Move imputing and scaling in front of a forest into its thresholds: fewer nodes, no rounding to disagree about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import MAIN_DOMAIN
from bridge.passes.forest_function import is_forest
from bridge.passes.initializers import add_initializer, drop_unused
from bridge.passes.rule import constant_of, read_forest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray

    from bridge.forest import Forest

    Step = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Column:
    """One column of a forest's input, as what is done to a column of an earlier value.

    Attributes
    ----------
    base, index
        The earlier value, of shape (rows, columns), and the column of it.
    steps
        What is done to it, first step first; each maps an array of numbers and never decreases.
    computes
        Whether some step is more than a cast.
    """

    base: ir.Value
    index: int
    steps: tuple[Step, ...] = ()
    computes: bool = False

    def then(self, step: Step, *, computes: bool) -> Column:
        return replace(self, steps=(*self.steps, step), computes=self.computes or computes)

    def of(self, values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return what the forest sees for these values of the base column, which holds them as `dtype`."""
        with np.errstate(all="ignore"):
            values = values.astype(dtype)
            for step in self.steps:
                values = step(values)
        return values


@dataclass
class FoldIntoForest(ir.passes.InPlacePass):
    """Let a forest compare raw columns where what came before never decreases: x <= t' instead of g(x) <= t.

    t' is the largest float64 with g(t') <= t, found by halving over the floating-point numbers with g computed in
    the very steps and dtypes of the graph. For every x the decision is the same bit for bit; and where the graph is
    narrowed later, it stays the same for every float32 x, which scaling in float32 would not give.

    Attributes
    ----------
    casts
        Whether to fold where casts are all there is: fewer nodes, but float64 columns where float32 ones would do.
    """

    casts: bool = False

    folded: int = field(default=0)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        self.folded = 0
        for node in list(model.graph):
            if is_forest(node):
                self._fold(model.graph, node)
        return ir.passes.PassResult(model, bool(self.folded))

    def _fold(self, graph: ir.Graph, node: ir.Node) -> None:
        x = node.inputs[0] if node.inputs else None
        columns = _columns(x)
        if columns is None or not any(map(self._is_worth, columns)):
            return
        try:
            forest = read_forest(node)
        except DeclinedError:  # the rule for Forest says why it cannot be lowered
            return
        features = np.unique(forest.feature[~forest.is_leaf])
        # A category set looks at the integer part, which scaling would move.
        categorical = set(forest.feature[forest.category >= 0].tolist())
        if not any(self._is_worth(columns[f]) for f in features if f not in categorical):
            return
        # Casts are folded too, beside a column that computes: else the whole former input would have to stay.
        chosen = {int(f): columns[f] for f in features if f not in categorical and columns[f].steps}
        moved = {f: m for f, c in chosen.items() if (m := _moved(forest, f, c)) is not None}
        threshold, missing_left = forest.threshold.copy(), forest.missing_left.copy()
        for nodes, limits, nan_left in moved.values():
            threshold[nodes], missing_left[nodes] = limits, nan_left
        bases = {
            f: columns[f] if f in moved or not columns[f].steps else Column(_require(x), f) for f in map(int, features)
        }
        computes = any(columns[f].computes for f in moved)
        if not computes and len({base.base.dtype for base in bases.values()}) > 1:
            return  # to stand side by side some are cast all the same
        new_nodes, new_x, position = _gather_columns(graph, bases)
        feature = np.where(forest.is_leaf, 0, [position.get(int(f), 0) for f in forest.feature]).astype(np.int32)
        changed = replace(forest, feature=feature, threshold=threshold, missing_left=missing_left)
        graph.insert_before(node, new_nodes)
        node.replace_input_with(0, new_x)
        for i, table in enumerate(changed.tables(), start=1):
            before = _require(node.inputs[i])
            node.replace_input_with(i, add_initializer(graph, table, "folded"))
            drop_unused(graph, before)
        self.folded += len(moved)

    def _is_worth(self, column: Column) -> bool:
        return column.computes or (self.casts and bool(column.steps))


def _require(value: ir.Value | None) -> ir.Value:
    if value is None:
        raise TypeError("a Forest node without an input")
    return value


def _columns(value: ir.Value | None) -> list[Column] | None:
    """Return every column of a matrix, traced back through what never decreases; None where its width is unknown."""
    width = _width(value)
    if value is None or width is None:
        return None
    node = value.producer()
    traced = _trace(node, width) if node is not None and node.domain == MAIN_DOMAIN else None
    return traced if traced is not None else [Column(value, i) for i in range(width)]


def _width(value: ir.Value | None) -> int | None:
    if value is None or value.shape is None or len(value.shape) != 2 or not isinstance(value.shape[1], int):
        return None
    return value.shape[1]


def _trace(node: ir.Node, width: int) -> list[Column] | None:
    """Return the columns of a node's output in terms of its inputs' columns, or None where the trace ends here."""
    tracer = _TRACERS.get(node.op_type)
    return None if tracer is None else tracer(node, width)


def _trace_concat(node: ir.Node, _width: int) -> list[Column] | None:
    parts = [_columns(v) for v in node.inputs]
    return None if any(p is None for p in parts) else [c for p in parts for c in p or ()]


def _trace_identity(node: ir.Node, _width: int) -> list[Column] | None:
    return _columns(node.inputs[0])


def _trace_gather(node: ir.Node, _width: int) -> list[Column] | None:
    indices, columns = constant_of(node.inputs[1]), _columns(node.inputs[0])
    if columns is None or indices is None or indices.ndim != 1 or node.attributes.get_int("axis", 0) != 1:
        return None
    return [columns[int(i)] for i in indices]


def _trace_cast(node: ir.Node, _width: int) -> list[Column] | None:
    source = node.inputs[0]
    columns = _columns(source)
    floats = (ir.DataType.FLOAT, ir.DataType.DOUBLE)
    if columns is None or source is None or source.dtype not in floats or node.outputs[0].dtype not in floats:
        return None
    dtype = node.outputs[0].dtype.numpy()
    return [c.then(partial(_cast, dtype), computes=False) for c in columns]


def _trace_arithmetic(node: ir.Node, width: int) -> list[Column] | None:
    columns, constant = _columns(node.inputs[0]), _row(node.inputs[1], width)
    if columns is None or constant is None or len(columns) != width:
        return None
    if node.op_type in ("Mul", "Div") and not (constant > 0).all():
        return None
    operate = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[node.op_type]
    return [
        column.then(partial(_apply, operate, k), computes=True) for column, k in zip(columns, constant, strict=True)
    ]


def _trace_imputation(node: ir.Node, width: int) -> list[Column] | None:
    """Trace Where(IsNaN(x), constants, x)."""
    condition, fill, source = node.inputs
    columns, constant = _columns(source), _row(fill, width)
    test = condition.producer() if condition is not None else None
    if columns is None or constant is None or test is None or test.op_type != "IsNaN" or test.inputs[0] is not source:
        return None
    return [column.then(partial(_fill_missing, k), computes=True) for column, k in zip(columns, constant, strict=True)]


_TRACERS: dict[str, Callable[[ir.Node, int], list[Column] | None]] = {
    "Add": _trace_arithmetic,
    "Cast": _trace_cast,
    "Concat": _trace_concat,
    "Div": _trace_arithmetic,
    "Gather": _trace_gather,
    "Identity": _trace_identity,
    "Mul": _trace_arithmetic,
    "Sub": _trace_arithmetic,
    "Where": _trace_imputation,
}


def _cast(dtype: np.dtype[Any], values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(dtype)


def _apply(operate: Callable[..., Any], constant: Any, values: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = operate(values, constant)
    return result


def _fill_missing(constant: Any, values: NDArray[Any]) -> NDArray[Any]:
    return np.where(np.isnan(values), constant, values).astype(values.dtype)


def _row(value: ir.Value | None, width: int) -> NDArray[Any] | None:
    """Return a constant as one number a column, or None where it is no row of finite numbers."""
    array = constant_of(value)
    if array is None or array.size not in (1, width) or array.dtype.kind != "f" or not np.isfinite(array).all():
        return None
    return np.broadcast_to(array.reshape(-1), (width,))


def _moved(
    forest: Forest, feature: int, column: Column
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]] | None:
    """Return the nodes that ask `feature`, their thresholds on the base column, and where NaN goes."""
    if column.base.dtype not in (ir.DataType.FLOAT, ir.DataType.DOUBLE):
        return None
    dtype = column.base.dtype.numpy()
    nodes = np.flatnonzero((forest.feature == feature) & ~forest.is_leaf)
    limits, inverse = np.unique(forest.threshold[nodes], return_inverse=True)
    found = _largest_below(lambda v: column.of(v, dtype) <= limits, len(limits))
    if found is None:
        return None
    of_nan = column.of(np.full(1, np.nan), dtype)
    nan_left = forest.missing_left[nodes] if np.isnan(of_nan).all() else of_nan <= forest.threshold[nodes]
    return nodes, found[inverse], nan_left


def _largest_below(holds: Callable[[NDArray[np.float64]], NDArray[np.bool_]], count: int) -> NDArray[np.float64] | None:
    """Return, for each of `count` conditions that hold up to some number, the largest float64 for which they hold.

    None where one does not hold even for -inf.
    """
    low = np.full(count, _ordinal(np.array([-np.inf]))[0])
    high = np.full(count, _ordinal(np.array([np.inf]))[0])
    if not holds(_number(low)).all():
        return None
    low = np.where(holds(_number(high)), high, low)
    while (low < high).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        middle = np.where(middle == low, high, middle)
        good = holds(_number(middle))
        low, high = np.where(good, middle, low), np.where(good, high, middle - 1)
    return _number(low)


def _ordinal(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return integers in the order of the numbers: neighbouring floats have neighbouring integers."""
    bits = values.view(np.int64)
    return np.where(bits >= 0, bits, np.int64(-(2**63)) - bits)


def _number(ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(ordinals >= 0, ordinals, np.int64(-(2**63)) - ordinals).view(np.float64)


def _gather_columns(graph: ir.Graph, columns: dict[int, Column]) -> tuple[list[ir.Node], ir.Value, dict[int, int]]:
    """Return the nodes that put these columns side by side, the value that holds them, and where each one is."""
    groups: dict[ir.Value, list[int]] = {}
    for feature, column in columns.items():
        groups.setdefault(column.base, []).append(feature)
    wide = ir.DataType.DOUBLE if any(b.dtype == ir.DataType.DOUBLE for b in groups) else ir.DataType.FLOAT
    nodes: list[ir.Node] = []
    parts: list[ir.Value] = []
    position: dict[int, int] = {}
    for base, features in groups.items():
        wanted = list(dict.fromkeys(columns[f].index for f in features))
        start = sum(_width(p) or 0 for p in parts)
        position |= {f: start + wanted.index(columns[f].index) for f in features}
        part = base
        if wanted != list(range(_width(base) or 0)):
            part = _append(
                nodes,
                "Gather",
                [base, add_initializer(graph, np.array(wanted, np.int64), "folded")],
                base.dtype,
                len(wanted),
                axis=1,
            )
        if part.dtype != wide:
            part = _append(nodes, "Cast", [part], wide, len(wanted), to=wide.value)
        parts.append(part)
    total = sum(_width(p) or 0 for p in parts)
    x = parts[0] if len(parts) == 1 else _append(nodes, "Concat", parts, wide, total, axis=1)
    return nodes, x, position


def _append(
    nodes: list[ir.Node],
    op_type: str,
    inputs: Sequence[ir.Value],
    dtype: ir.DataType | None,
    width: int,
    **attributes: int,
) -> ir.Value:
    node = ir.node(op_type, list(inputs), attributes)
    nodes.append(node)
    (output,) = node.outputs
    output.type = ir.TensorType(_known(dtype))
    output.shape = ir.Shape([None, width])
    return output


def _known(dtype: ir.DataType | None) -> ir.DataType:
    if dtype is None:
        raise TypeError("a column of unknown dtype")
    return dtype
