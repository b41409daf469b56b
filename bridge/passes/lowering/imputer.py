"""Lower ai.onnx.ml Imputer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import (
    TENSOR_TARGETS,
    equals,
    is_nan,
    known_width,
    like,
    rank_of,
    require_number,
    where,
)
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray


@lowers(ML_DOMAIN, "Imputer", targets=TENSOR_TARGETS)
def lower_imputer(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return x with the imputed value, one for all or one a column, in place of the replaced one.

    onnxruntime takes the first imputed value for all columns where their number is not the number of columns; ONNX's
    text asks for 1 or one a column. It has kernels for float32 and int64 alone; the others follow the text.
    """
    x = require_number(node)
    attributes = Attributes(node)
    dtype = require_dtype(x, "the input of Imputer")
    floating = np.issubdtype(dtype, np.floating)
    if attributes.has("imputed_value_floats") and attributes.has("imputed_value_int64s"):
        raise DeclinedError("both 'imputed_value_floats' and 'imputed_value_int64s' are given")
    name = "imputed_value_floats" if floating else "imputed_value_int64s"
    imputed = attributes.floats(name) if floating else attributes.ints(name)
    if not imputed.size:
        raise DeclinedError(f"attribute '{name}' is empty, and the input is {x.dtype}")
    number, whole = attributes.number("replaced_value_float", 0.0), attributes.integer("replaced_value_int64", 0)
    replaced = np.asarray(number if floating else whole, dtype)
    missing = is_nan(tape, x) if floating and np.isnan(replaced) else equals(tape, x, replaced)
    return [where(tape, missing, like(tape, _per_column(x, imputed), x), x)]


def _per_column(x: ir.Value, imputed: NDArray[np.generic]) -> NDArray[np.generic]:
    if len(imputed) == 1:
        return imputed
    width, rank = known_width(x), rank_of(x)
    if width is None or rank not in {1, 2}:
        raise DeclinedError(f"there are {len(imputed)} imputed values, and the number of columns is not known")
    return imputed if len(imputed) == width else imputed[:1]
