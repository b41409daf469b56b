"""Whether an example's lowered model answers as onnxruntime's CPU kernel does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

import bridge
from bridge.errors import BridgeError
from tests.passes.answers import as_arrays, decode, encode
from tests.passes.judge import assert_same, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import onnx

    from bridge.targets import Target
    from tests.passes.operators.combination import Example

BIT_EQUAL, BOUNDED, NO_KERNEL = "bit-equal", "within its bound", "no kernel to compare with"

UNASKED = {
    # An operator without a float16 kernel gets its input cast to float32, which its attributes then contradict.
    "Input type is 1 and attribute type is 10": Fail,
    # Maps come in from Python only with float or whole-number values.
    "cannot be linked to C type": RuntimeError,
    "Unexpected input data type": InvalidArgument,
}
"""What onnxruntime says of models that it has a kernel for by name, and still cannot be asked about from here."""


def outcomes(example: Example, targets: Sequence[Target]) -> dict[Target, str]:
    """Return for each target one of the constants above, or the reason for which the model is refused.

    Raises `AssertionError` where answers differ.
    """
    expected = _expected(example)
    return {target: _outcome(example, target, expected) for target in targets}


def _expected(example: Example) -> Sequence[Sequence[Any]] | None:
    """Return the answers to each batch, None where onnxruntime itself says that it has no kernel."""
    try:
        return [run(example.model, feeds) for feeds in _batches(example)]
    except NoKernel:
        return None
    except (Fail, InvalidArgument, RuntimeError) as error:
        if any(text in str(error) and isinstance(error, kind) for text, kind in UNASKED.items()):
            return None
        raise


def _outcome(example: Example, target: Target, expected: Sequence[Sequence[Any]] | None) -> str:
    try:
        lowered = bridge.lower(example.model, target=target)
    except BridgeError as error:
        return str(error).splitlines()[-1].strip()
    names = [o.name for o in example.model.graph.output]
    for i, feeds in enumerate(_batches(example)):
        found = decode(lowered, names, run(lowered, encode(lowered, feeds)), _default_text(example.model))
        if expected is not None:
            wanted = as_arrays(lowered, names, expected[i])
            assert_same(
                [_view(example, y) for y in found], [_view(example, y) for y in wanted], tolerance=example.bound
            )
    if expected is None:
        return NO_KERNEL
    return BOUNDED if example.bound else BIT_EQUAL


def _view(example: Example, answers: np.ndarray) -> np.ndarray:
    return example.view(answers) if answers.dtype.kind == "f" else answers


def _batches(example: Example) -> Iterator[Mapping[str, Any]]:
    yield example.feeds
    for count in example.rows:
        yield {name: x[:count] if name in example.batched else x for name, x in example.feeds.items()}


def _default_text(model: onnx.ModelProto) -> str:
    attributes = {a.name: helper.get_attribute_value(a) for a in model.graph.node[0].attribute}
    if "default_tensor" in attributes and attributes["default_tensor"].string_data:
        return attributes["default_tensor"].string_data[0].decode()
    return attributes.get("default_string", b"_Unused").decode()
