"""Let `bridge::Forest` do what the graph does with its sums: fewer nodes, each of which costs a row 0.3 us or more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.passes.forest_function import is_forest
from bridge.passes.forest_results import BASE, COMPARISONS, PLAIN, Results
from bridge.passes.initializers import add_initializer, drop_unused
from bridge.passes.rule import constant_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bridge.passes.forest_results import Label, Link, Output

RESULTS = "bridge.forest_results"
"""Where `FuseBehindForests` leaves in the model's `meta` what all its forests say."""


class FuseBehindForests(ir.passes.InPlacePass):
    """Fold the mean, a base, a link, the label and the logarithm into the forests that they come from.

    The kernel takes the very steps of the graph, in float64. All forests of a file share a function, which cannot
    branch on attributes: where they would not say the same, all stay as they are.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        endings = [_Ending(node) for node in model.graph.all_nodes() if is_forest(node)]
        found = {ending.results for ending in endings}
        if len(found) != 1 or PLAIN in found:
            return ir.passes.PassResult(model, modified=False)
        for ending in endings:
            ending.fuse()
        (model.meta[RESULTS],) = found
        return ir.passes.PassResult(model, modified=True)


@dataclass
class _Ending:
    """What the graph makes of one forest.

    Attributes
    ----------
    results, base
        What the forest is to say.
    outputs
        The value that each output takes the place of.
    gone
        The nodes that are then not needed, in order.
    """

    forest: ir.Node
    results: Results = PLAIN
    base: NDArray[np.float64] | None = None
    outputs: dict[Output, ir.Value] = field(default_factory=dict)
    gone: list[ir.Node] = field(default_factory=list)
    y_is_vector: bool = False

    def __post_init__(self) -> None:
        roots, values = self.forest.inputs[7], self.forest.inputs[8]
        if roots is None or values is None or roots.shape is None or values.shape is None:
            raise TypeError(f"the tables of Forest {self.forest.name!r} have no shapes")
        self.n_outputs = int(values.shape[1])  # type: ignore[arg-type]
        total = self._add_base(self._divide(self.forest.outputs[0], int(roots.shape[0])))  # type: ignore[arg-type]
        flat = self._flat(total)
        y = self._link(total, flat)
        # Both are matrices, or a row of numbers each; a reshaping that is all that comes of one is taken in.
        self._label(total, flat, y)
        self._log(y)
        self._expose(total, flat, y)
        self.results = replace(self.results, wants=frozenset({"y", *self.outputs}))

    def fuse(self) -> None:
        """Put the node that does all of it in the place of the forest."""
        graph = self.forest.graph
        if graph is None:
            raise TypeError(f"node {self.forest.name!r} is in no graph")
        base = [] if self.base is None else [add_initializer(graph, self.base, "forest_base")]
        names = self.results.outputs()
        node = ir.Node(
            BRIDGE_DOMAIN,
            FOREST,
            [*self.forest.inputs[:BASE], *base],
            ir.convenience.convert_attributes(self.results.attributes()),
            num_outputs=len(names),
            name=self.forest.name,
        )
        graph.insert_before(self.forest, [node])
        first = self.forest.outputs[0]
        for name, value in zip(names, node.outputs, strict=True):
            value.name = ""  # left out
            if name not in self.outputs and name != "y":
                continue
            old = self.outputs.get(name, first)
            value.name, value.type, value.shape = old.name, old.type, old.shape
            if name in self.outputs:
                ir.convenience.replace_all_uses_with(old, value, replace_graph_outputs=True)
            old.name = None
        constants = [v for n in self.gone for v in n.inputs if v is not None and v.is_initializer()]
        graph.remove([*reversed(self.gone), self.forest], safe=True)
        for constant in dict.fromkeys(constants):
            drop_unused(graph, constant)

    def _divide(self, value: ir.Value, trees: int) -> ir.Value:
        node = _only(value, "Div")
        divisor = None if node is None else constant_of(node.inputs[1])
        if (
            node is None
            or node.inputs[0] is not value
            or divisor is None
            or divisor.size != 1
            or divisor.item() != trees
        ):
            return value
        self.results = replace(self.results, aggregate="mean")
        return self._take(node)

    def _add_base(self, value: ir.Value) -> ir.Value:
        node = _only(value, "Add")
        if node is None:
            return value
        base = constant_of(node.inputs[1] if node.inputs[0] is value else node.inputs[0])
        if base is None or base.dtype != np.float64 or base.shape not in _row_shapes(self.n_outputs):
            return value
        self.base = np.ascontiguousarray(np.broadcast_to(base.reshape(-1), (self.n_outputs,)))
        self.results = replace(self.results, has_base=True)
        return self._take(node)

    def _flat(self, value: ir.Value) -> ir.Node | None:
        """Return the node that makes a vector of one column."""
        if self.n_outputs != 1:
            return None
        nodes = [n for n in _users(value, "Reshape") if _holds(n.inputs[1], [-1])]
        return nodes[0] if len(nodes) == 1 else None

    def _link(self, total: ir.Value, flat: ir.Node | None) -> ir.Value:
        """Return y; the total where no link is found, or more than one."""
        sources = [total] if flat is None else [total, flat.outputs[0]]
        starts = [n for v in sources for op_type in ("Softmax", "Exp", "Neg") for n in _users(v, op_type)]
        if len(starts) != 1:
            return total
        (start,) = starts
        y = start.outputs[0]
        if start.inputs[0] is not total:
            if total.is_graph_output() or len(total.uses()) > 1:
                return total
            self.y_is_vector = True
        if start.op_type == "Softmax":
            is_rows = start.inputs[0] is total and start.attributes.get_int("axis", -1) in (1, -1)
            return self._linked("softmax", [start], y) if is_rows else total
        if start.op_type == "Exp":
            return self._linked("exp", [start], y)
        steps = [start]
        for op_type in ("Exp", "Add", "Reciprocal"):
            step = _only(steps[-1].outputs[0], op_type)
            if step is None or (op_type == "Add" and not any(_holds(v, 1.0) for v in step.inputs)):
                return total
            steps.append(step)
        return self._linked("sigmoid", steps, steps[-1].outputs[0])

    def _linked(self, link: Link, steps: list[ir.Node], y: ir.Value) -> ir.Value:
        self.results = replace(self.results, link=link)
        self.gone += steps
        if link != "sigmoid" or self.n_outputs != 1 or y.is_graph_output() or len(y.uses()) != 2:
            return y
        subtract, both = next(iter(_users(y, "Sub")), None), next(iter(_users(y, "Concat")), None)
        is_pair = (
            subtract is not None
            and both is not None
            and _holds(subtract.inputs[0], 1.0)
            and _only(subtract.outputs[0], "Concat") is both
            and list(both.inputs) == [subtract.outputs[0], y]
            and both.attributes.get_int("axis", 0) in (1, -1)
            and not self.y_is_vector
        )
        if not is_pair or subtract is None or both is None:
            return y
        self.results = replace(self.results, link="sigmoid_both")
        self.gone += [subtract]
        return self._take(both)

    def _label(self, total: ir.Value, flat: ir.Node | None, y: ir.Value) -> None:
        candidates: list[tuple[Label, ir.Node]] = [("argmax", n) for n in _users(y, "ArgMax")]
        candidates += [("argmax_total", n) for n in _users(total, "ArgMax") if y is not total]
        for label, node in candidates:
            is_first = not node.attributes.get_int("select_last_index", 0)
            if (
                is_first
                and node.attributes.get_int("axis", 0) in (1, -1)
                and not node.attributes.get_int("keepdims", 1)
            ):
                self._labelled(label, [node])
                return
        if flat is None:
            return
        vector = flat.outputs[0]
        for label, node in [(label, n) for label, op_type in COMPARISONS.items() for n in _users(vector, op_type)]:
            cast = _only(node.outputs[0], "Cast")
            is_whole = cast is not None and cast.attributes.get_int("to", 0) == ir.DataType.INT64.value
            if cast is not None and is_whole and node.inputs[0] is vector and _holds(node.inputs[1], 0.0):
                self._labelled(label, [node, cast])
                return

    def _labelled(self, label: Label, steps: list[ir.Node]) -> None:
        self.results = replace(self.results, label=label)
        self.gone += steps
        number = steps[-1].outputs[0]
        name = _only(number, "Gather")
        if name is not None and not name.attributes.get_int("axis", 0) and name.inputs[1] is number:
            classes = constant_of(name.inputs[0])
            if classes is not None and classes.dtype == np.int64 and np.array_equal(classes, np.arange(classes.size)):
                number = self._take(name)
        self.outputs["label"] = number

    def _log(self, y: ir.Value) -> None:
        nodes = _users(y, "Log")
        if len(nodes) == 1:
            self.outputs["log"] = self._take(nodes[0])

    def _expose(self, total: ir.Value, flat: ir.Node | None, y: ir.Value) -> None:
        """Find what else the graph reads: y, and the total where a link makes something else of it.

        Of one column both are vectors, or both are matrices: the reshaping to vectors is taken in where nothing reads
        the matrices.
        """
        is_linked = y is not total
        is_column = self.n_outputs == 1 and self.results.link != "sigmoid_both"
        flat_y = flat if not is_linked else self._flat(y) if is_column and not self.y_is_vector else None
        flats = [n for n in dict.fromkeys([flat, flat_y]) if n is not None]
        matrices = [total, y] if is_column and not self.y_is_vector else [total]
        if flats and not any(self._is_read(v, besides=flats) for v in matrices):
            self.gone += flats
            total = total if flat is None else flat.outputs[0]
            y = y if flat_y is None else flat_y.outputs[0]
            self.results = replace(self.results, squeeze=is_column or self._is_read(total))
        if self._is_read(y):
            self.outputs["y"] = y
        if is_linked and self._is_read(total):
            self.outputs["total"] = total

    def _is_read(self, value: ir.Value, besides: Iterable[ir.Node] = ()) -> bool:
        gone = {*self.gone, *besides}
        return value.is_graph_output() or any(node not in gone for node in value.consumers())

    def _take(self, node: ir.Node) -> ir.Value:
        self.gone.append(node)
        return node.outputs[0]


def _users(value: ir.Value, op_type: str) -> list[ir.Node]:
    """Return the nodes of one operator that read a value, in its own graph."""
    graph = value.graph
    return [n for n in dict.fromkeys(value.consumers()) if n.op_type == op_type and not n.domain and n.graph is graph]


def _only(value: ir.Value, op_type: str) -> ir.Node | None:
    """Return the node that reads a value, where it is of this operator and nothing else reads the value."""
    nodes = _users(value, op_type)
    return nodes[0] if nodes and len(value.uses()) == 1 and not value.is_graph_output() else None


def _holds(value: ir.Value | None, expected: float | list[int]) -> bool:
    array = constant_of(value)
    return array is not None and array.size == 1 and bool((array == np.asarray(expected)).all())


def _row_shapes(width: int) -> set[tuple[int, ...]]:
    """Return the shapes of what is added to every row of a matrix of this width, and leaves it a matrix."""
    return {(), (1,), (1, 1), (width,), (1, width)}
