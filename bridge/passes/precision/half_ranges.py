"""How large numbers can be, as far as constants and shapes tell, and whether float16 holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.passes.rule import constant_of

if TYPE_CHECKING:
    import onnx_ir as ir

LARGEST = float(np.finfo(np.float16).max)
SMALLEST_NORMAL = float(np.finfo(np.float16).smallest_normal)


class Stays(Exception):  # noqa: N818
    """Why a node stays in float32."""


def fitting_limit(value: ir.Value | None) -> float:
    """Return the largest magnitude of a constant that float16 can hold; raise `Stays` otherwise."""
    array = constant_of(value)
    if array is None:
        raise Stays("an operand is computed")
    largest = float(np.abs(array).max(initial=0.0))
    if not largest <= LARGEST:
        raise Stays(f"its constants are as large as {largest:.3g}")
    if 0 < largest < SMALLEST_NORMAL:
        raise Stays(f"its constants are no larger than {largest:.3g}")
    return largest


def is_float16(value: ir.Value) -> bool:
    """Return whether a value is a constant of numbers that float16 has."""
    array = constant_of(value)
    if array is None:
        return False
    with np.errstate(over="ignore"):
        return bool((array.astype(np.float16) == array).all())


def whole_limit(value: ir.Value) -> float:
    """Return the largest magnitude of a constant of whole numbers, infinity for any other value."""
    array = constant_of(value)
    if array is None or not np.array_equal(array, np.trunc(array)):
        return np.inf
    return float(np.abs(array).max(initial=0.0))


def growth(node: ir.Node) -> tuple[float, int | None]:
    """Return by how much a product can be larger than its computed operand, and that operand's position.

    None where both operands are computed, or both constants.
    """
    weights = [constant_of(v) for v in node.inputs[:2]]
    if (weights[0] is None) == (weights[1] is None):
        return 0.0, None
    computed = 0 if weights[0] is None else 1
    array = np.abs(np.asarray(weights[1 - computed], np.float64))
    is_transposed = bool(attribute(node, "transA" if computed else "transB", 0))
    # The products are summed over the last axis of a left operand, and over the last but one of a right one.
    is_last = array.ndim == 1 or (computed == 1) != is_transposed
    return float(array.sum(axis=-1 if is_last else -2).max(initial=0.0)), computed


def attribute(node: ir.Node, name: str, default: float) -> float:
    attribute = node.attributes.get(name)
    return default if attribute is None else float(attribute.value)


def terms(node: ir.Node) -> float:
    """Return how many numbers a ReduceSum adds into one, infinity where that is not known."""
    source = node.inputs[0]
    axes = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if source is None or source.shape is None or axes is None:
        return np.inf
    sizes = [source.shape[int(a)] for a in axes.ravel()]
    return float(np.prod([s if isinstance(s, int) else np.inf for s in sizes]))
