"""What a `bridge::Forest` makes of its trees' scores, and the operators that do the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.forest import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, DTypeLike

Aggregate = Literal["sum", "mean", "min", "max"]
Link = Literal["none", "sigmoid", "sigmoid_both", "softmax", "exp"]
Label = Literal["argmax", "argmax_total", "positive", "nonnegative"]
Output = Literal["y", "total", "label", "log"]

OUTPUTS: tuple[Output, ...] = get_args(Output)
BASE = len(TABLES) + 1
"""The number of the input that holds the base."""


@dataclass(frozen=True)
class Results:
    """What a node says beside its tables, as `passes/keep_forests.py` defines it; by default it gives the sums alone.

    Attributes
    ----------
    has_base
        Whether it has the input `base`.
    wants
        The outputs that it has, `y` among them.
    """

    aggregate: Aggregate = "sum"
    link: Link = "none"
    label: Label = "argmax"
    squeeze: bool = False
    has_base: bool = False
    wants: frozenset[Output] = frozenset({"y"})

    def attributes(self) -> dict[str, str | int]:
        """Return the attributes of a node, without those that have their defaults."""
        said = {"aggregate": self.aggregate, "link": self.link, "label": self.label, "squeeze": int(self.squeeze)}
        return {name: value for name, value in said.items() if value != _DEFAULTS[name]}

    def outputs(self) -> tuple[Output, ...]:
        """Return the outputs up to the last that is wanted."""
        return OUTPUTS[: 1 + max(map(OUTPUTS.index, self.wants))]

    def columns(self, n_outputs: int) -> int:
        """Return the columns of `y` for a forest of so many outputs."""
        return 2 if self.link == "sigmoid_both" else n_outputs


_DEFAULTS: Mapping[str, str | int] = {"aggregate": "sum", "link": "none", "label": "argmax", "squeeze": 0}
_CHOICES: Mapping[str, tuple[str | int, ...]] = {
    "aggregate": get_args(Aggregate),
    "link": get_args(Link),
    "label": get_args(Label),
    "squeeze": (0, 1),
}
PLAIN = Results()


def read_results(node: ir.Node) -> Results:
    """Return what a `bridge::Forest` says beside its tables, or decline what the operator does not know."""
    said: dict[str, Any] = dict(_DEFAULTS)
    for name, attribute in node.attributes.items():
        value = attribute.value
        if name not in _CHOICES:
            raise DeclinedError(f"Forest has no attribute '{name}'")
        if value not in _CHOICES[name]:
            raise DeclinedError(f"attribute '{name}' is {value!r}, expected one of {_CHOICES[name]}")
        said[name] = value
    if len(node.outputs) > len(OUTPUTS):
        raise DeclinedError(f"Forest has {len(OUTPUTS)} outputs, found {len(node.outputs)}")
    wanted = zip(OUTPUTS, node.outputs, strict=False)
    return Results(
        said["aggregate"],
        said["link"],
        said["label"],
        squeeze=bool(said["squeeze"]),
        has_base=len(node.inputs) > BASE and node.inputs[BASE] is not None,
        wants=frozenset({"y", *(name for name, value in wanted if value.name)}),
    )


def check_width(results: Results, n_outputs: int) -> None:
    """Decline what is for forests of one output alone, as the kernel does."""
    if n_outputs == 1:
        return
    for name, value in (("link", results.link), ("label", results.label)):
        if value == "sigmoid_both" or value in COMPARISONS:
            raise DeclinedError(f"{name} '{value}' is for forests of one output, and this has {n_outputs}")


class Recorder(Protocol):
    """Where operators and constants are written down."""

    def op(self, op_type: str, *inputs: ir.Value, **attributes: Any) -> ir.Value: ...

    def constant(self, array: ArrayLike, dtype: DTypeLike) -> ir.Value: ...


COMPARISONS: Mapping[Label, str] = {"positive": "Greater", "nonnegative": "GreaterOrEqual"}
"""The operators that compare a total with 0 for a label."""
_FOLDS: Mapping[Aggregate, str] = {"sum": "ReduceSum", "mean": "ReduceSum", "min": "ReduceMin", "max": "ReduceMax"}


def aggregated(to: Recorder, scores: ir.Value, aggregate: Aggregate, opset: int) -> ir.Value:
    """Return the sums, minima or maxima over the first axis of scores (trees, rows, outputs)."""
    fold = _FOLDS[aggregate]
    if fold != "ReduceSum" and opset < 18:  # till then ReduceMin and ReduceMax had axes as an attribute
        return to.op(fold, scores, axes=[0], keepdims=0)
    return to.op(fold, scores, to.constant([0], np.int64), keepdims=0)


def finished(
    to: Recorder, results: Results, totals: ir.Value, *, trees: ir.Value, base: ir.Value | None, single: bool
) -> dict[Output, ir.Value]:
    """Return the outputs of a node, each a value of its own, from its aggregated scores (rows, outputs).

    `trees`, float64, is the number of trees; `single` says that the forest has one output.
    """
    if results.aggregate == "mean":
        totals = to.op("Div", totals, trees)
    if base is not None:
        totals = to.op("Add", totals, base)
    y = _linked(to, results.link, totals)
    outputs = results.outputs()
    reads_sign = "label" in outputs and results.label in COMPARISONS
    is_squeezed = results.squeeze and single
    vector = to.op("Reshape", totals, to.constant([-1], np.int64)) if is_squeezed or reads_sign else totals
    found: dict[Output, ir.Value] = {"y": y}
    if is_squeezed and results.link != "sigmoid_both":
        found["y"] = vector if y is totals else to.op("Reshape", y, to.constant([-1], np.int64))
    if "label" in outputs and reads_sign:
        is_one = to.op(COMPARISONS[results.label], vector, to.constant(0.0, np.float64))
        found["label"] = to.op("Cast", is_one, to=ir.DataType.INT64.value)
    elif "label" in outputs:
        found["label"] = to.op("ArgMax", y if results.label == "argmax" else totals, axis=1, keepdims=0)
    if "log" in outputs:
        found["log"] = to.op("Log", found["y"])
    if "total" in outputs:
        total = vector if is_squeezed else totals
        found["total"] = to.op("Identity", total) if total is found["y"] else total
    return found


def _linked(to: Recorder, link: Link, totals: ir.Value) -> ir.Value:
    if link == "none":
        return totals
    if link == "softmax":
        return to.op("Softmax", totals, axis=-1)
    if link == "exp":
        return to.op("Exp", totals)
    one = to.constant(1.0, np.float64)
    p = to.op("Reciprocal", to.op("Add", to.op("Exp", to.op("Neg", totals)), one))
    return p if link == "sigmoid" else to.op("Concat", to.op("Sub", one, p), p, axis=1)
