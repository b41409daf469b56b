"""The class labels of ai.onnx.ml classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import TEXT_REASON

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir
    from numpy.typing import NDArray


def class_labels(node: ir.Node, name: str) -> NDArray[np.int64]:
    """Return the integer labels of a classifier; string labels have become positions before, or the node declines."""
    attributes = Attributes(node)
    if attributes.strings("classlabels_strings"):
        raise DeclinedError(str(node.meta.get(TEXT_REASON, "attribute 'classlabels_strings' was not made codes")))
    return attributes.ints(name)
