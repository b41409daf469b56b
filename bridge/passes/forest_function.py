"""The body of `bridge::Forest`: what the operator computes, in operators of `ai.onnx`.

A runtime that has no kernel of that name takes this function in its place. All trees of all rows go down one level a
step, as in `lowering/trees/traverse.py`, but on the operator's own tables: 1-D, one entry a node. A look-up there is a
GatherElements of flat node numbers, which takes onnxruntime a fifth of the time of a Gather on a CPU. Trees come first
and rows last, so that one tree's part of a table stays in the cache while the rows pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.forest import MAX_CATEGORIES, TABLES, Forest
from bridge.opset import BRIDGE_DOMAIN, FOREST, MAIN_DOMAIN
from bridge.passes.forest_results import BASE, PLAIN, Results, aggregated, finished

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike, DTypeLike

NOWHERE = -1.0
"""Stands for what no set can hold: NaN, numbers below zero, and those from `MAX_CATEGORIES` on."""

STEP_NS, MISSING_NS, SET_NS, HALVING_NS = 7.0, 1.0, 8.0, 5.0
"""Nanoseconds that a level takes for one row and tree, and what missing-value routes and category sets add."""


@dataclass(frozen=True)
class Needs:
    """What the forests of a model ask of the function that they share.

    Attributes
    ----------
    depth
        The number of decisions on the longest path.
    missing
        Whether some node sends NaN to the left.
    longest_set
        The number of members of the largest category set; 0 where no node asks for one.
    """

    depth: int
    missing: bool
    longest_set: int

    @property
    def halvings(self) -> int:
        """The steps of a search in the largest set."""
        return max(self.longest_set - 1, 0).bit_length()

    def row_us(self, trees: int) -> float:
        """Return about how many microseconds the function takes for a row, in onnxruntime on one core."""
        sets = SET_NS + HALVING_NS * self.halvings if self.longest_set else 0.0
        return trees * self.depth * (STEP_NS + MISSING_NS * self.missing + sets) / 1000

    @staticmethod
    def of(forests: Iterable[Forest]) -> Needs:
        """Return what these forests need together."""
        needs = Needs(0, missing=False, longest_set=0)
        for forest in forests:
            longest = int(np.diff(forest.set_starts).max()) if forest.has_categories else 0
            needs = Needs(
                max(needs.depth, forest.depth),
                needs.missing or bool(forest.missing_left.any()),
                max(needs.longest_set, longest),
            )
        return needs


def is_forest(node: ir.Node) -> bool:
    """Return whether a node is a `bridge::Forest`."""
    return (node.domain, node.op_type, node.overload) == (BRIDGE_DOMAIN, FOREST, "")


def forest_function(needs: Needs, opset: int, results: Results = PLAIN) -> ir.Function:
    """Return `bridge::Forest` for the tables of `passes/keep_forests.py`, in a version of `ai.onnx` from 13 on.

    A function cannot branch on attributes: it computes what `results` says, and all nodes of its file say the same.
    """
    inputs = [ir.Value(name=name) for name in ("x", *TABLES, *(["base"] if results.has_base else []))]
    x, tables = inputs[0], dict(zip(TABLES, inputs[1:], strict=False))
    body = _Body()
    totals = aggregated(body, _Walk(body, tables, needs).scores(x), results.aggregate, opset)
    trees = (
        body.op("Cast", body.op("Shape", tables["roots"]), to=ir.DataType.DOUBLE.value)
        if results.aggregate == "mean"
        else totals
    )
    base = inputs[BASE] if results.has_base else None
    found = finished(body, results, totals, trees=trees, base=base, single=results.squeeze)
    for name, value in found.items():
        value.name = name
    graph = ir.Graph(
        inputs,
        [found[name] for name in results.outputs()],
        nodes=body.nodes,
        opset_imports={MAIN_DOMAIN: opset},
        doc_string="What the trees of a forest score, together, at the leaves that each row reaches.",
    )
    return ir.Function(BRIDGE_DOMAIN, FOREST, graph=graph, attributes=_attributes(results))


def _attributes(results: Results) -> list[ir.Attr]:
    """Return what a call may say, and must say alike: checkers know a function's attributes by these."""
    return [
        ir.Attr(name, ir.AttributeType.INT if isinstance(v, int) else ir.AttributeType.STRING, v)
        for name, v in results.attributes().items()
    ]


@dataclass
class _Body:
    """The nodes of a function, which has no initializers: constants are nodes too."""

    nodes: list[ir.Node] = field(default_factory=list)
    _constants: dict[tuple[str, str], ir.Value] = field(default_factory=dict)

    def op(self, op_type: str, *inputs: ir.Value, **attributes: Any) -> ir.Value:
        node = ir.node(op_type, list(inputs), attributes, name=f"{op_type}_{len(self.nodes)}")
        self.nodes.append(node)
        (output,) = node.outputs
        return output

    def constant(self, array: ArrayLike, dtype: DTypeLike) -> ir.Value:
        values = np.asarray(array, dtype)
        key = (values.dtype.str, repr(values.tolist()))
        if key not in self._constants:
            self._constants[key] = self.op("Constant", value=ir.tensor(values))
        return self._constants[key]


@dataclass(frozen=True)
class _Walk:
    """The walk of all rows down all trees; `node`, a flat int32 value of trees x rows, is where they are."""

    body: _Body
    tables: Mapping[str, ir.Value]
    needs: Needs

    def scores(self, x: ir.Value) -> ir.Value:
        """Return what the trees score, (trees, rows, outputs)."""
        op, constant = self.body.op, self.body.constant
        wide = op("Cast", x, to=ir.DataType.DOUBLE.value)
        columns = op("Transpose", wide, perm=[1, 0])
        categories = self._categories(columns) if self.needs.longest_set else None
        flat = constant([-1], np.int64)
        by_tree = op("Concat", op("Shape", self.tables["roots"]), flat, axis=0)
        node = op("Reshape", self._start(columns), flat)
        for _ in range(self.needs.depth):
            feature = op("Reshape", self._look_up("feature", node), by_tree)
            asked = op("Reshape", op("GatherElements", columns, feature, axis=0), flat)
            goes_left = op("LessOrEqual", asked, self._look_up("threshold", node))
            if categories is not None:
                category = op("Reshape", op("GatherElements", categories, feature, axis=0), flat)
                goes_left = op("Or", goes_left, self._is_member(category, node))
            if self.needs.missing:
                is_left = op("And", op("IsNaN", asked), self._look_up("missing_left", node))
                goes_left = op("Or", goes_left, is_left)
            node = op("Where", goes_left, self._look_up("left", node), self._look_up("right", node))
        leaf = op("Reshape", self._look_up("leaf", node), by_tree)
        return op("Gather", self.tables["values"], leaf, axis=0)

    def _look_up(self, table: str, index: ir.Value) -> ir.Value:
        return self.body.op("GatherElements", self.tables[table], index, axis=0)

    def _start(self, columns: ir.Value) -> ir.Value:
        """Return the roots, (trees, rows). Both branches are the same: what counts is the number of rows."""
        op, constant = self.body.op, self.body.constant
        roots = op("Reshape", self.tables["roots"], constant([-1, 1], np.int64))
        first = op("Gather", columns, constant([0], np.int64), axis=0)
        return op("Where", op("IsNaN", first), roots, roots)

    def _categories(self, columns: ir.Value) -> ir.Value:
        """Return the integer parts, int64, of what a set can hold."""
        op, constant = self.body.op, self.body.constant
        from_zero = op("LessOrEqual", constant(0.0, np.float64), columns)
        in_range = op("And", from_zero, op("Less", columns, constant(float(MAX_CATEGORIES), np.float64)))
        return op("Cast", op("Where", in_range, columns, constant(NOWHERE, np.float64)), to=ir.DataType.INT64.value)

    def _is_member(self, category: ir.Value, node: ir.Value) -> ir.Value:
        """Return whether the node asks for a set that holds the category; by halving, for members are in order."""
        op, constant = self.body.op, self.body.constant
        asked = self._look_up("category", node)
        has_set = op("LessOrEqual", constant(0, np.int32), asked)
        number = op("Max", asked, constant(0, np.int32))
        place = self._look_up("set_starts", number)
        end = self._look_up("set_starts", op("Add", number, constant(1, np.int32)))
        last = op("Sub", end, constant(1, np.int64))
        for power in reversed(range(self.needs.halvings)):
            # The largest member that is not above the category is less than twice this far from `place`.
            further = op("Min", op("Add", place, constant(2**power, np.int64)), last)
            is_passed = op("LessOrEqual", self._look_up("set_members", further), category)
            place = op("Where", is_passed, further, place)
        return op("And", has_set, op("Equal", self._look_up("set_members", place), category))
