"""Operators that compute alike in a wider dtype, which has a kernel: casts before and behind, exact in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import DTypeLike

    from bridge.passes.rule import Rule, RuleTape

_SMALL = ("int8", "uint8", "int16", "uint16")


@dataclass(frozen=True)
class Wider:
    """Computes an operator in another dtype.

    Attributes
    ----------
    dtypes
        The dtype to compute in, by the dtype of the inputs.
    inputs
        Which inputs have it; None for all.
    back
        Whether the output has it too.
    """

    dtypes: Mapping[str, DTypeLike]
    inputs: tuple[int, ...] | None = None
    back: bool = True

    def __call__(self, tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
        cast = [i for i, v in enumerate(node.inputs) if v is not None and (self.inputs is None or i in self.inputs)]
        dtype = require_dtype(self._value(node, cast[0]), f"input {cast[0]} of {node.op_type}")
        if dtype.name not in self.dtypes:
            raise DeclinedError(f"there is no rule for {dtype.name}")
        wide = np.dtype(self.dtypes[dtype.name])
        inputs = [tape.cast(self._value(node, i), wide) if i in cast else v for i, v in enumerate(node.inputs)]
        result = ir.DataType.from_numpy(wide) if self.back else node.outputs[0].dtype
        made = tape.again(node, *inputs, dtype=result)
        return [tape.cast(made, dtype) if self.back else made]

    @staticmethod
    def _value(node: ir.Node, index: int) -> ir.Value:
        value = node.inputs[index]
        if value is None:
            raise DeclinedError(f"{node.op_type} has no input {index}")
        return value


_AS_INT32 = dict.fromkeys(_SMALL, np.int32)
_MOVED = {**dict.fromkeys(_SMALL, np.int64), **dict.fromkeys(("int32", "uint32", "uint64"), np.int64)}
_COMPARED = Wider(_AS_INT32, back=False)

RULES: dict[str, Rule] = {
    **dict.fromkeys(("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"), _COMPARED),
    **dict.fromkeys(("Max", "Min", "Mod"), Wider(_AS_INT32)),
    "Where": Wider({"int8": np.int32, "uint32": np.int64}, inputs=(1, 2)),
    # uint64 wraps into int64 and back.
    "GatherND": Wider(_MOVED, inputs=(0,)),
    "Tile": Wider({**_MOVED, "bool": np.int32}, inputs=(0,)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), Wider({"int8": np.float32, "uint8": np.float32})),
}
