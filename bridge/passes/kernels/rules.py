"""The rules for operators of the main domain without a CUDA kernel in their version or dtype, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.passes.kernels import (
    activations,
    bits,
    bounds,
    casts,
    einsum,
    extremes,
    functions,
    products,
    quantized,
    reductions,
    selection,
)

if TYPE_CHECKING:
    from bridge.passes.rule import Rule

RULES: dict[str, Rule] = {
    **activations.RULES,
    **bits.RULES,
    **bounds.RULES,
    **casts.RULES,
    **einsum.RULES,
    **extremes.RULES,
    **functions.RULES,
    **products.RULES,
    **quantized.RULES,
    **reductions.RULES,
    **selection.RULES,
}
