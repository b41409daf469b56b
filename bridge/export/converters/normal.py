"""The inverse of the normal distribution function, and what lies beside it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from bridge.export.builder import Builder

# Wichura 1988, algorithm AS 241 (PPND16), accurate to about 1e-16: numerator and denominator, highest power first, of
# the rational function of 0.180625 - (p - 0.5)**2 for the middle, and of sqrt(-log(tail)) - 1.6 for the tails.
# fmt: off
MIDDLE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)
TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)
# fmt: on
LOWEST = 1.4e-11
"""Below this, and above 1 - LOWEST, the tails' rational function does not hold."""


def inverse_normal(b: Builder, p: ir.Value) -> ir.Value:
    """Return the number below which a standard normal variable falls with probability p, LOWEST < p < 1 - LOWEST."""
    centre = b.sub(p, b.like(0.5, p))
    near = b.mul(centre, _ratio(b, b.sub(b.like(0.180625, p), b.mul(centre, centre)), MIDDLE))
    in_lower_tail = b.op("Less", centre, b.like(0, p))
    tail = b.where(in_lower_tail, p, b.sub(b.like(1, p), p))
    root = b.op("Sqrt", b.op("Neg", b.op("Log", tail)))
    far = _ratio(b, b.sub(root, b.like(1.6, p)), TAIL)
    signed = b.where(in_lower_tail, b.op("Neg", far), far)
    return b.where(b.op("LessOrEqual", b.op("Abs", centre), b.like(0.425, p)), near, signed)


def _ratio(b: Builder, x: ir.Value, fraction: Sequence[Sequence[float]]) -> ir.Value:
    above, below = (
        reduce(lambda value, c: b.add(b.mul(value, x), b.like(c, x)), powers[1:], b.like(powers[0], x))
        for powers in fraction
    )
    return b.div(above, below)
