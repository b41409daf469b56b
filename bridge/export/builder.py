"""Write a graph node by node: typed values in, typed values out, constants shared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.opset import BRIDGE_DOMAIN, EITHER, FOREST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from bridge.forest import Forest

BOOLEAN_OPS = frozenset(
    {"LessOrEqual", "Less", "Greater", "GreaterOrEqual", "Equal", "IsNaN", "IsInf", "And", "Or", "Not"}
)
FEW_OUTPUTS = 64
"""Up to this many columns of a product, the rows that terms name are gathered: the matrix itself is mostly zeros."""
MANY_COLUMNS = 2**11
"""And from so many rows of weights on: a text of 150 terms, with 22,000 weights for each of 100 outputs, takes 8 us
this way (1 core), and 400 us as a product of dense matrices."""
INDEX_OPS = frozenset({"ArgMax", "ArgMin", "Shape"})
ROUNDING = "bridge.rounding"
SPREAD = "Spread"
"""Stands for the dense matrix of terms until `bridge.export.terms` writes it, or leaves it out."""
SAMPLED = 256
"""So many numbers of a constant tell most constants apart."""


@dataclass(frozen=True)
class Terms:
    """A matrix of few values a row: int64 (rows, k) columns and the values there; column `width` is none of them."""

    columns: ir.Value
    values: ir.Value
    width: int


@dataclass(frozen=True)
class Refusal:
    """Rows that an estimator raises for: bool (rows, k), true where any column is, and why, in words.

    `besides` are methods that do not raise.
    """

    condition: ir.Value
    reason: str
    besides: frozenset[str] = frozenset()


@dataclass
class Builder:
    """A graph under construction, at opset 13.

    `loops` counts the loops that `bridge.export.loop` wrote, for their names; `in_body` says whether it is at one.

    Values know their dtype: comparisons give bool, `ArgMax` int64, `Where` the dtype of its second input, `Cast` what
    it says, and every other operator the dtype of its first input.
    """

    nodes: list[ir.Node] = field(default_factory=list)
    initializers: list[ir.Value] = field(default_factory=list)
    loops: int = 0
    in_body: bool = False
    fine: bool = False
    """Whether decisions hang on differences of which float32 keeps too few digits."""
    terms: dict[ir.Value, Terms] = field(default_factory=dict)
    """The matrices that are known as terms too, which is how `project` multiplies them."""
    pieces: dict[ir.Value, list[tuple[ir.Value, int]]] = field(default_factory=dict)
    """The matrices that stand side by side, each with its width, in a matrix of which some are terms."""
    refusals: list[Refusal] = field(default_factory=list)
    """What `refuse` was told."""
    breakable: set[ir.Value] = field(default_factory=set)
    """What `may_break` was told."""
    whole: set[ir.Value] = field(default_factory=set)
    """What descends from that, but was looked at: rows with NaN or infinities are refused."""
    at_end: list[Callable[[], None]] = field(default_factory=list)
    """What to do once all converters are through: what one refuses may hang on what others know."""
    _constants: dict[tuple[str, tuple[int, ...], bytes], list[ir.Value]] = field(default_factory=dict)
    _count: int = 0

    def constant(self, array: ArrayLike, dtype: DTypeLike | None = None) -> ir.Value:
        """Return an initializer that holds `array`; equal arrays share one."""
        values = np.asarray(array, dtype)
        if values.strides != (0,):  # one number, repeated, is kept as it is: in forests' tables it takes no memory
            values = np.ascontiguousarray(values).reshape(values.shape)
        # Only arrays with some equal numbers are compared whole.
        sample = values.reshape(-1)[:: 1 + values.size // SAMPLED]
        alike = self._constants.setdefault((values.dtype.str, values.shape, sample.tobytes()), [])
        for value in alike:
            if value.const_value is not None and value.const_value.numpy().tobytes() == values.tobytes():
                return value
        name = f"constant_{self._count}"
        self._count += 1
        tensor = ir.tensor(values, name=name)
        value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(values.shape), const_value=tensor)
        alike.append(value)
        self.initializers.append(value)
        return value

    def op(
        self,
        op_type: str,
        *inputs: ir.Value | None,
        dtype: ir.DataType | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> ir.Value:
        """Add a node with one output and return that output."""
        node = ir.node(op_type, list(inputs), attributes, domain=domain)
        self.nodes.append(node)
        (output,) = node.outputs
        output.type = ir.TensorType(dtype if dtype is not None else _result_dtype(op_type, inputs, attributes))
        return output

    def append(self, nodes: Sequence[ir.Node], initializers: Sequence[ir.Value]) -> None:
        """Take over nodes and initializers that were made elsewhere, in topological order."""
        self.nodes.extend(nodes)
        self.initializers.extend(initializers)

    def refuse(self, condition: ir.Value, reason: str, *, besides: frozenset[str] = frozenset()) -> None:
        """Have the predictor refuse rows in which `condition`, bool (rows, k), holds in any column.

        For what the estimator raises for, whatever the method; not in a file of methods `besides` alone. Other runtimes
        are told by the output that this makes; what the graph answers for such rows counts for nothing.
        """
        self.refusals.append(Refusal(condition, reason, besides))

    def may_break(self, x: ir.Value) -> ir.Value:
        """Return `x`, with a note that it may hold NaN or infinities where the table holds none: a logarithm."""
        self.breakable.add(x)
        return x

    def cast(self, x: ir.Value, dtype: DTypeLike) -> ir.Value:
        """Return `x` in `dtype`; no node where it already is."""
        to = ir.DataType.from_numpy(np.dtype(dtype))
        if x.dtype == to:
            return x
        result = self.op("Cast", x, to=to.value)
        if x in self.terms:
            known = self.terms[x]
            self.terms[result] = replace(known, values=self.cast(known.values, dtype))
        if x in self.pieces:
            self.pieces[result] = [(self.cast(piece, dtype), width) for piece, width in self.pieces[x]]
        return result

    def like(self, array: ArrayLike, x: ir.Value) -> ir.Value:
        """Return a constant in the dtype of `x`."""
        return self.constant(np.asarray(array).astype(dtype_of(x)))

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("Add", a, b)

    def sub(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("Sub", a, b)

    def mul(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("Mul", a, b)

    def div(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("Div", a, b)

    def matmul(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("MatMul", a, b)

    def less_or_equal(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("LessOrEqual", a, b)

    def in_place(self, op_type: str, x: ir.Value, array: ArrayLike) -> ir.Value:
        """Return `x op array` as NumPy's in-place operators give it: computed in the wider dtype, kept in its own."""
        return self.cast(self.combine(op_type, x, array), dtype_of(x))

    def project(self, x: ir.Value, weights: ArrayLike) -> ir.Value:
        """Return `x @ weights` for a matrix of weights, in the dtype that NumPy gives the product."""
        matrix = np.asarray(weights)
        wide = np.result_type(dtype_of(x), matrix.dtype)
        if x in self.terms and (matrix.shape[1] <= FEW_OUTPUTS or len(matrix) >= MANY_COLUMNS):
            return self._project_terms(self.terms[x], matrix.astype(wide))
        if x in self.pieces:
            starts = np.cumsum([width for _, width in self.pieces[x]])[:-1]
            parts = zip(self.pieces[x], np.split(matrix, starts), strict=True)
            products = [self.cast(self.project(piece, rows), wide) for (piece, _), rows in parts]
            return reduce(self.add, products)
        return self.matmul(self.cast(x, wide), self.constant(matrix, wide))

    def _project_terms(self, x: Terms, matrix: NDArray[Any]) -> ir.Value:
        """Return the sum of the rows of `matrix` that the columns name, times the values."""
        rows = np.concatenate([matrix, np.zeros((1, matrix.shape[1]), matrix.dtype)])
        values = self.cast(x.values, matrix.dtype)
        if matrix.shape[1] == 1:
            return self.sum(
                self.mul(self.op("Gather", self.constant(rows[:, 0]), x.columns, axis=0), values), keepdims=True
            )
        taken = self.op("Gather", self.constant(rows), x.columns, axis=0)
        product = self.matmul(self.op("Unsqueeze", values, self.constant([1], np.int64)), taken)
        return self.op("Squeeze", product, self.constant([1], np.int64))

    def spread(self, x: Terms) -> ir.Value:
        """Return terms as the matrix that they stand for, in which `project` and others find them again."""
        if self.in_body:
            result = self.scatter(x)
        else:
            result = self.op(SPREAD, x.columns, x.values, domain=BRIDGE_DOMAIN, dtype=x.values.dtype)
        self.terms[result] = x
        return result

    def scatter(self, x: Terms) -> ir.Value:
        """Return the dense matrix of terms; each position of a row stands there once."""
        zeros = self.repeat_row(np.zeros(x.width + 1, dtype_of(x.values)), x.columns)
        wide = self.op("ScatterElements", zeros, x.columns, x.values, axis=1)
        bounds = [self.constant([n], np.int64) for n in (0, x.width, 1)]
        return self.op("Slice", wide, *bounds)

    def combine(self, op_type: str, x: ir.Value, array: ArrayLike) -> ir.Value:
        """Return `x op array` in the dtype that NumPy gives it; terms that columns scale stay terms."""
        values = np.asarray(array)
        wide = np.result_type(dtype_of(x), values.dtype)
        if x in self.terms and op_type in ("Mul", "Div") and values.shape in _row_shapes(self.terms[x].width):
            terms = self.terms[x]
            factors = self.constant(values, wide)
            if values.size > 1:
                table = self.constant(np.append(values, values.dtype.type(1)), wide)
                factors = self.op("Gather", table, terms.columns, axis=0)
            return self.spread(replace(terms, values=self.op(op_type, self.cast(terms.values, wide), factors)))
        return self.op(op_type, self.cast(x, wide), self.constant(values, wide))

    def above(self, x: ir.Value, threshold: float) -> ir.Value:
        """Return 1 where x is larger than `threshold`, else 0, in the dtype of x; terms stay terms where 0 stays 0."""
        if x in self.terms and threshold >= 0:
            terms = self.terms[x]
            return self.spread(replace(terms, values=self.above(terms.values, threshold)))
        return self.cast(self.op("Greater", x, self.like(threshold, x)), dtype_of(x))

    def either(self, exact: ir.Value, stable: ir.Value) -> ir.Value:
        """Return a number in the estimator's own order of operations, and for portable files in a stable form."""
        return self.op(EITHER, exact, stable, domain=BRIDGE_DOMAIN)

    def clip(self, x: ir.Value, low: ArrayLike, high: ArrayLike) -> ir.Value:
        """Return `x` held between two bounds; NaN stays, as `numpy.clip` has it and not every runtime's Clip."""
        lowest, highest = self.like(low, x), self.like(high, x)
        raised = self.where(self.op("Less", x, lowest), lowest, x)
        return self.where(self.op("Greater", raised, highest), highest, raised)

    def repeat_row(self, row: ArrayLike, like: ir.Value) -> ir.Value:
        """Return the vector `row` once for every row of `like`, a matrix of any dtype."""
        constant = self.constant(np.asarray(row).reshape(1, -1))
        first = self.take_columns(self.terms[like].columns if like in self.terms else like, [0])
        # Both branches are the same: what counts is the number of rows, which a Shape would fetch from the device.
        return self.where(self.op("Equal", first, first), constant, constant)

    def sorted_rows(self, x: ir.Value, width: int) -> tuple[ir.Value, ir.Value]:
        """Return each row's values from small to large, and the int64 columns that they come from."""
        return self.smallest(x, self.constant([width], np.int64))

    def smallest(self, x: ir.Value, count: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return each row's `count` smallest values in ascending order, and the int64 columns that they come from."""
        node = ir.node("TopK", [x, count], {"axis": -1, "largest": 0}, num_outputs=2)
        self.nodes.append(node)
        values, order = node.outputs
        values.type = x.type
        order.type = ir.TensorType(ir.DataType.INT64)
        return values, order

    def row_max(self, x: ir.Value) -> ir.Value:
        """Return the largest value of each row, (rows, 1); ReduceMax needs cuDNN on CUDA."""
        return self.op("GatherElements", x, self.op("ArgMax", x, axis=1, keepdims=1), axis=1)

    def where(self, condition: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.op("Where", condition, a, b)

    def positive(self, x: ir.Value) -> ir.Value:
        """Return int64 1 where x > 0, else 0 (also for NaN)."""
        return self.cast(self.op("Greater", x, self.like(0, x)), np.int64)

    def argmax(self, x: ir.Value) -> ir.Value:
        """Return the int64 index (rows,) of the largest column, the first one of equals, as NumPy has it."""
        return self.op("ArgMax", x, axis=1, keepdims=0)

    def sum(self, x: ir.Value, axis: int = 1, *, keepdims: bool = False) -> ir.Value:
        return self.op("ReduceSum", x, self.constant([axis], np.int64), keepdims=int(keepdims))

    def reshape(self, x: ir.Value, shape: Sequence[int]) -> ir.Value:
        return self.op("Reshape", x, self.constant(list(shape), np.int64))

    def flatten_column(self, x: ir.Value) -> ir.Value:
        """Return (rows, 1) as (rows,)."""
        return self.reshape(x, [-1])

    def take_columns(self, x: ir.Value, indices: Sequence[int] | NDArray[Any]) -> ir.Value:
        """Return the columns `indices` of a matrix, in that order."""
        chosen = np.asarray(indices, np.int64)
        if x in self.terms and chosen.ndim == 1 and (chosen >= 0).all() and chosen.size == len(np.unique(chosen)):
            return self.spread(self._chosen_terms(self.terms[x], chosen))
        return self.op("Gather", x, self.constant(chosen), axis=1)

    def _chosen_terms(self, x: Terms, chosen: NDArray[np.int64]) -> Terms:
        """Return the terms at some columns, which get the numbers 0, 1, ...; the others are none."""
        places = np.full(x.width + 1, len(chosen))
        places[chosen] = np.arange(len(chosen))
        table = self.constant(places, np.int32)  # half of the file, where many columns are hashed
        columns = self.cast(self.op("Gather", table, x.columns, axis=0), np.int64)
        is_none = self.op("Equal", columns, self.constant(len(chosen), np.int64))
        return Terms(columns, self.where(is_none, self.like(0, x.values), x.values), len(chosen))

    def concat(self, values: Sequence[ir.Value], axis: int = 1) -> ir.Value:
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def forest(self, forest: Forest, x: ir.Value) -> ir.Value:
        """Return the float64 (rows, outputs) sums of `forest` for the matrix `x`, float32 or float64.

        Of terms in many columns it gets those that its trees ask about.
        """
        if x in self.terms and self.terms[x].width >= MANY_COLUMNS:
            asked = np.unique(np.append(0, forest.feature[~forest.is_leaf]))
            places = np.searchsorted(asked, np.where(forest.is_leaf, 0, forest.feature))
            x, forest = self.take_columns(x, asked), replace(forest, feature=places.astype(np.int32))
        tables = [self.constant(table) for table in forest.tables()]
        return self.op(FOREST, x, *tables, domain=BRIDGE_DOMAIN, dtype=ir.DataType.DOUBLE)


@dataclass(frozen=True)
class Rounding:
    """What `bridge.method.Method` says about the rounding of an answer."""

    error: float = 0.0
    size: float = 0.0
    in_square: bool = False


def set_rounding(x: ir.Value, rounding: Rounding) -> ir.Value:
    """Return an answer with a note about its rounding."""
    if np.isfinite([rounding.error, rounding.size]).all():
        x.meta[ROUNDING] = rounding
    return x


def get_rounding(answer: object) -> Rounding:
    """Return what `set_rounding` noted."""
    found = answer.meta.get(ROUNDING) if isinstance(answer, ir.Value) else None
    return found if isinstance(found, Rounding) else Rounding()


def dtype_of(x: ir.Value) -> np.dtype[Any]:
    """Return the NumPy dtype of a typed value."""
    if x.dtype is None:
        raise TypeError(f"value {x.name!r} has no dtype: give one where it is made")
    return np.dtype(x.dtype.numpy())


def _row_shapes(width: int) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of one number, and of one a column."""
    return (), (1,), (1, 1), (width,), (1, width)


def _result_dtype(op_type: str, inputs: Sequence[ir.Value | None], attributes: dict[str, Any]) -> ir.DataType:
    if op_type in BOOLEAN_OPS:
        return ir.DataType.BOOL
    if op_type in INDEX_OPS:
        return ir.DataType.INT64
    if op_type == "Cast":
        return ir.DataType(attributes["to"])
    source = inputs[1] if op_type == "Where" else inputs[0]
    if source is None or source.dtype is None:
        raise TypeError(f"cannot tell the dtype of {op_type}: give dtype=")
    return source.dtype
