"""Read a node's attributes with their types checked: a wrong one declines, by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.packed_lists import is_packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Attributes:
    """The attributes of `node`; an absent one reads as empty, or as its default."""

    node: ir.Node

    def has(self, name: str) -> bool:
        return name in self.node.attributes

    def floats(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self._value(name, ir.AttributeType.FLOATS, ()), np.float32)

    def finite_floats(self, name: str) -> NDArray[np.float32]:
        """Return weights: a NaN or an infinity among them would spread to rows that it does not concern."""
        values = self.floats(name)
        if not np.isfinite(values).all():
            raise DeclinedError(f"attribute '{name}' has a number that is not finite")
        return values

    def ints(self, name: str) -> NDArray[np.int64]:
        return np.asarray(self._value(name, ir.AttributeType.INTS, ()), np.int64)

    def strings(self, name: str) -> tuple[str, ...]:
        return tuple(self._value(name, ir.AttributeType.STRINGS, ()))

    def number(self, name: str, default: float) -> float:
        return float(np.float32(self._value(name, ir.AttributeType.FLOAT, default)))

    def integer(self, name: str, default: int) -> int:
        return int(self._value(name, ir.AttributeType.INT, default))

    def text(self, name: str, default: str) -> str:
        return str(self._value(name, ir.AttributeType.STRING, default))

    def tensor(self, name: str) -> NDArray[Any] | None:
        tensor = self._value(name, ir.AttributeType.TENSOR, None)
        return None if tensor is None else tensor.numpy()

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Return a string attribute that must be one of `allowed`."""
        value = self.text(name, default)
        if value not in allowed:
            raise DeclinedError(f"attribute '{name}' is {value!r}, expected one of {', '.join(allowed)}")
        return value

    def _value(self, name: str, kind: ir.AttributeType, default: Any) -> Any:
        attribute = self.node.attributes.get(name)
        if attribute is None:
            return default
        packed = attribute.as_tensor().numpy() if is_packed(attribute) else None
        found = "a reference" if attribute.is_ref() else attribute.type.name if packed is None else _listed(packed)
        if found != kind.name:
            raise DeclinedError(f"attribute '{name}' is {found}, expected {kind.name}")
        return attribute.value if packed is None else packed


def _listed(values: NDArray[Any]) -> str:
    """Return the type of the attribute that an array stands for."""
    return (ir.AttributeType.INTS if np.issubdtype(values.dtype, np.integer) else ir.AttributeType.FLOATS).name


def ml_version(node: ir.Node) -> int:
    """Return the version of ai.onnx.ml that `node` was written for."""
    graph = node.graph
    imported = graph.opset_imports.get(ML_DOMAIN) if graph is not None else None
    return node.version or imported or 1


def check_same_length(lengths: dict[str, int]) -> None:
    """Decline where the attributes, given by name and length, are not all of one length; name those unlike the most."""
    if len(set(lengths.values())) <= 1:
        return
    (usual, times), *_ = Counter(lengths.values()).most_common()
    others = times > len(lengths) // 2
    listed = [f"'{name}' has {length}" for name, length in lengths.items() if length != usual or not others]
    rest = [f"all others have {usual}"] if others else []
    raise DeclinedError(f"attributes that must be of one length are not: {', '.join(listed + rest)}")
