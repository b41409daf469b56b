"""Lower ai.onnx.ml LabelEncoder between numbers; `bridge.passes.text_inputs` has made strings numbers before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes, check_same_length, ml_version
from bridge.passes.lowering.lookup import Table, look_up
from bridge.passes.lowering.values import TENSOR_TARGETS, TEXT_REASON, require_number
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray


NUMBERS = ("int16", "int32", "int64", "float32", "float64")


@lowers(ML_DOMAIN, "LabelEncoder", targets=TENSOR_TARGETS)
def lower_label_encoder(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the value of each key, the default for unknown ones; of equal keys the first one counts.

    NaN as a key finds NaN from version 4 on; before, it finds nothing (as in onnxruntime).
    """
    x = require_number(node)
    keys = _side(node, "keys")
    values = _side(node, "values")
    check_same_length({"keys_*": len(keys), "values_*": len(values)})
    dtype = require_dtype(x, "the input of LabelEncoder")
    if np.issubdtype(dtype, np.integer) != np.issubdtype(keys.dtype, np.integer):
        raise DeclinedError(f"attribute 'keys_*' is {keys.dtype}, but the input is {dtype}")
    _, first = np.unique(keys, return_index=True)
    first = np.sort(first)
    keys, values = keys[first], values[first]
    if ml_version(node) < 4 and np.issubdtype(keys.dtype, np.floating):
        keys, values = keys[~np.isnan(keys)], values[~np.isnan(keys)]
    return [look_up(tape, x, Table(keys, values, _default(node, values.dtype)))]


@lowers(ML_DOMAIN, "CategoryMapper", targets=TENSOR_TARGETS)
def refuse_category_mapper(_tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Say why `bridge.passes.text_inputs` left the node, which is a LabelEncoder in every other case."""
    raise DeclinedError(str(node.meta.get(TEXT_REASON, "CategoryMapper maps text that no pass turned into codes")))


def _side(node: ir.Node, side: str) -> NDArray[Any]:
    """Return the keys or the values, from whichever attribute holds them."""
    attributes = Attributes(node)
    given = [a for a in node.attributes if a.startswith(f"{side}_")]
    if f"{side}_strings" in given or "classes_strings" in node.attributes:
        raise DeclinedError(
            str(node.meta.get(TEXT_REASON, f"LabelEncoder has text for {side} that no pass made codes"))
        )
    if len(given) != 1:
        raise DeclinedError(f"one attribute '{side}_*' is expected, found {', '.join(sorted(given)) or 'none'}")
    if given[0] == f"{side}_tensor":
        tensor = attributes.tensor(given[0])
        if tensor is None or tensor.dtype.name not in NUMBERS:
            found = "nothing" if tensor is None else tensor.dtype
            raise DeclinedError(f"attribute '{given[0]}' holds {found}, expected one of {', '.join(NUMBERS)}")
        return tensor.ravel()
    return attributes.floats(given[0]) if given[0] == f"{side}_floats" else attributes.ints(given[0])


def _default(node: ir.Node, dtype: np.dtype[Any]) -> Any:
    attributes = Attributes(node)
    tensor = attributes.tensor("default_tensor")
    if tensor is not None:
        if tensor.size != 1 or tensor.dtype != dtype:
            raise DeclinedError(f"attribute 'default_tensor' is {tensor.size} x {tensor.dtype}, expected 1 x {dtype}")
        return tensor.ravel()[0]
    if np.issubdtype(dtype, np.floating):
        return dtype.type(attributes.number("default_float", -0.0))
    return dtype.type(attributes.integer("default_int64", -1))
