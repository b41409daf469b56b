"""Bring a float32 model to mixed float16: calibrate on a sample, and go back node by node until the bound holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bridge.data.encode import Encoder
from bridge.data.table import spread_rows
from bridge.errors import InputError
from bridge.passes.packed_lists import to_proto
from bridge.passes.precision.device_cost import constant_bytes, device_seconds
from bridge.passes.precision.float16 import ToFloat16
from bridge.passes.precision.half_plan import HalfPlan, plan_float16, product_operands
from bridge.passes.shapes import infer_shapes
from bridge.runtime.session import open_session
from bridge.verify.tolerance import PROBABILITIES, bounds_for, scaled_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.artifact import Metadata
    from bridge.method import Method

CALIBRATION_ROWS = 1000
MOST_BYTES = 2_000_000_000
"""protobuf ends at 2**31, graph included."""
BOUND = bounds_for("float16").scaled / 4
"""Networks on digits: the worst of a million rows erred up to 3.7 times as much as the worst of those calibrated on."""
PREDICTED_ROWS = 100_000
"""A group of nodes goes to float16 where a run of so many rows is predicted to take less time on a GPU."""
NO_GAIN = "the casts around it would take more time than float16 saves"
TOO_ROUGH = "its rounding brings the answers out of the bound"


def to_float16(model: ir.Model, metadata: Metadata, sample: Any) -> tuple[ir.Model, tuple[str, ...]]:
    """Return a float32 model with what may be in float16, and in words what is and what stayed.

    On the sample, and on as many rows between its rows, the answers differ from those of `model` by no more than
    a quarter of float16's bound. Raises `InputError` for a model that is too large to be tried.
    """
    if (size := constant_bytes(model.graph)) > MOST_BYTES:
        raise InputError(
            f"precision 'float16' is found by trying the model in memory, and its constants take {size:,} bytes; "
            f"{MOST_BYTES:,} is the most that a model in memory holds.\nExport it with precision='float32'."
        )
    infer_shapes()(model)
    feeds = Encoder(metadata.schema)(spread_rows(sample, CALIBRATION_ROWS))
    search = _Search(model, metadata, {name: _with_rows_between(array) for name, array in feeds.items()})
    kept = search.without_losses({})
    while (plan := search.plan(kept)).nodes and search.error(kept) > BOUND:
        # The node without which the rest errs least.
        name = min((_name(node) for node in plan.nodes), key=lambda n: search.error(kept | {n: TOO_ROUGH}))
        kept[name] = TOO_ROUGH
    kept = search.without_losses(kept)
    return search.converted(kept), tuple(_describe(model, search.plan(kept)))


@dataclass
class _Search:
    """One model and its sample, tried with different nodes kept in float32 (by the name of their first output)."""

    model: ir.Model
    metadata: Metadata
    feeds: dict[str, NDArray[Any]]

    def plan(self, kept: Mapping[str, str]) -> HalfPlan:
        return plan_float16(self.model.graph, self._seen, kept)

    def converted(self, kept: Mapping[str, str]) -> ir.Model:
        """Return a copy of the model in float16, but for what is kept."""
        copy = self.model.clone()
        ToFloat16(plan_float16(copy.graph, self._seen, kept))(copy)
        return copy

    def seconds(self, kept: Mapping[str, str]) -> float:
        return device_seconds(self.converted(kept).graph, PREDICTED_ROWS)

    def without_losses(self, kept: dict[str, str]) -> dict[str, str]:
        """Return what is kept, and the groups of nodes with which a run would take no less time."""
        seconds = self.seconds(kept)
        for group in _groups(self.plan(kept)):
            without = dict.fromkeys(group, NO_GAIN) | kept
            if (shorter := self.seconds(without)) <= seconds:
                kept, seconds = without, shorter
        return kept

    def error(self, kept: Mapping[str, str]) -> float:
        """Return by how much the converted model's answers differ at most, scaled as `verify` does."""
        found = _run(to_proto(self.converted(kept)), list(self._answers), self.feeds)
        has_scores = any(a.dtype.kind == "f" for a in self._answers.values())
        return max(
            _error(m, [found[n] for n in m.outputs], [self._answers[n] for n in m.outputs], has_scores=has_scores)
            for m in self.metadata.methods
        )

    @cached_property
    def _answers(self) -> dict[str, NDArray[Any]]:
        names = [name for method in self.metadata.methods for name in method.outputs]
        return _run(to_proto(self.model), names, self.feeds)

    @cached_property
    def _seen(self) -> dict[str, float]:
        """The largest magnitude of every operand of a product."""
        names = [str(v.name) for v in product_operands(self.model.graph)]
        proto = to_proto(self.model)
        there = {o.name for o in proto.graph.output} | set(self.feeds)
        proto.graph.output.extend(
            onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names if n not in there
        )
        found = _run(proto, [n for n in names if n not in self.feeds], self.feeds) | self.feeds
        return {n: float(np.fmax.reduce(np.abs(found[n]), axis=None, initial=0.0)) for n in names}  # NaN hides nothing


def _with_rows_between(array: NDArray[Any]) -> NDArray[Any]:
    """Return rows, and as many again in which each number lies between those of two rows; others are repeated."""
    other = array
    if array.dtype.kind == "f":
        rng = np.random.default_rng(0)
        share = rng.random(array.shape, array.dtype)
        other = array + share * (rng.permutation(array) - array)
    return np.concatenate([array, other])


def _run(proto: onnx.ModelProto, names: list[str], feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if not names:
        return {}
    session = open_session(proto.SerializeToString(), device="cpu")
    return dict(zip(names, session.run(names, feeds), strict=True))


def _error(method: Method, found: list[NDArray[Any]], wanted: list[NDArray[Any]], *, has_scores: bool) -> float:
    worst = 0.0
    for got, want in zip(found, wanted, strict=True):
        if want.dtype.kind != "f":
            # Beside scores `verify` explains a label by their margin.
            worst = max(worst, 0.0 if has_scores or (got == want).all() else np.inf)
            continue
        pair = (np.exp(got), np.exp(want)) if method.name == "predict_log_proba" else (got, want)
        worst = max(worst, float(scaled_error(*pair, one=method.name in PROBABILITIES).max(initial=0.0)))
    return worst


def _groups(plan: HalfPlan) -> list[list[str]]:
    """Return the nodes of a plan in groups that share no float16 value and no operand, each node by its name."""
    group_of: dict[ir.Node, set[ir.Node]] = {}
    makers: dict[ir.Value, ir.Node] = {}
    for node in plan.nodes:
        group = {node}
        for value in node.inputs:
            if value is None or value.const_value is not None:
                continue
            other = makers.setdefault(value, node)
            group |= group_of.get(other, set())
        makers.update(dict.fromkeys(node.outputs, node))
        for member in group:
            group_of[member] = group
    unique = {id(group): group for group in group_of.values()}
    return [[_name(node) for node in group] for group in unique.values()]


def _name(node: ir.Node) -> str:
    return str(node.outputs[0].name)


def _describe(model: ir.Model, plan: HalfPlan) -> Iterable[str]:
    done = Counter(node.op_type for node in plan.nodes if node.op_type != "Cast")
    total = sum(1 for _ in model.graph)
    yield f"in float16: {_counted(done) or 'nothing'} of {total} nodes"
    for reason in dict.fromkeys(plan.kept.values()):
        kept = Counter(node.op_type for node, why in plan.kept.items() if why == reason)
        yield f"in float32: {_counted(kept)}: {reason}"
    rest = Counter(n.op_type for n in model.graph if n not in plan.kept and n not in set(plan.nodes) and _has_float(n))
    if rest:
        yield f"in float32: {_counted(rest)}: float16 is for products and tables"


def _has_float(node: ir.Node) -> bool:
    values = (*node.inputs, *node.outputs)
    return any(v is not None and v.dtype is not None and v.dtype.is_floating_point() for v in values)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" if number > 1 else name for name, number in sorted(counts.items()))
