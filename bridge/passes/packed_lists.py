"""Carry the long lists of tree operators as arrays, from the bytes of a file to the rules that read them.

Parsed with the rest of the file, every number of such a list takes many times its bytes, and onnx_ir makes a Python
object of it. So the lists are taken out of the serialized model, one at a time, before the rest is parsed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

from bridge.opset import ML_DOMAIN
from bridge.proto_nodes import all_nodes
from bridge.wire import BYTES, read_fields, write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Lists = dict[str, NDArray[np.generic]]

PACKED = "bridge.packed"
"""The name of a tensor that stands in place of a list."""

TREE_OPERATORS = frozenset({b"TreeEnsembleClassifier", b"TreeEnsembleRegressor", b"TreeEnsemble"})
FEWEST_BYTES = 4096
"""Attributes that are smaller in the file stay lists."""

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
"""In the order of TreeEnsemble's numbers."""
LEAF = 255
NUMBER_OF_MODE = {name: i for i, name in enumerate(MODES[:-1])} | {"LEAF": LEAF}
"""The modes of the older operators; BRANCH_MEMBER came with TreeEnsemble."""

GRAPH = ModelProto.DESCRIPTOR.fields_by_name["graph"].number
NODE = GraphProto.DESCRIPTOR.fields_by_name["node"].number
OP_TYPE = NodeProto.DESCRIPTOR.fields_by_name["op_type"].number
DOMAIN = NodeProto.DESCRIPTOR.fields_by_name["domain"].number
ATTRIBUTE = NodeProto.DESCRIPTOR.fields_by_name["attribute"].number
NAME = AttributeProto.DESCRIPTOR.fields_by_name["name"].number
STRINGS = AttributeProto.DESCRIPTOR.fields_by_name["strings"].number
INTS = AttributeProto.DESCRIPTOR.fields_by_name["ints"].number
FLOATS = AttributeProto.DESCRIPTOR.fields_by_name["floats"].number


def take_lists(data: bytes) -> tuple[onnx.ModelProto, Lists]:
    """Return a serialized model without the long lists of its tree operators, and these lists.

    A string attribute stands where a list was; its text is the list's key. Raises `DecodeError` for bytes that are no
    model.
    """
    lists: Lists = {}
    model = _changed(memoryview(data), GRAPH, lambda graph: _changed(graph, NODE, lambda node: _node(node, lists)))
    return ModelProto.FromString(model), lists


def _changed(message: memoryview, number: int, change: Callable[[memoryview], bytes | memoryview]) -> bytes:
    """Return a message with what its fields of this number hold changed."""
    return b"".join(
        write_bytes(number, change(field.content))
        if (field.number, field.wire_type) == (number, BYTES)
        else field.whole
        for field in read_fields(message)
    )


def _node(node: memoryview, lists: Lists) -> bytes | memoryview:
    if len(node) < FEWEST_BYTES:
        return node
    named = {f.number: bytes(f.content) for f in read_fields(node) if f.number in {DOMAIN, OP_TYPE}}
    is_ensemble = named.get(DOMAIN) == ML_DOMAIN.encode() and named.get(OP_TYPE) in TREE_OPERATORS
    return _changed(node, ATTRIBUTE, lambda attribute: _attribute(attribute, lists)) if is_ensemble else node


def _attribute(data: memoryview, lists: Lists) -> bytes | memoryview:
    if len(data) < FEWEST_BYTES:
        return data
    first = next(read_fields(data))
    name = str(first.content, errors="replace")
    values = _mode_numbers(bytes(data)) if name == "nodes_modes" else _numbers(AttributeProto.FromString(data))
    if values is None or first.number != NAME:
        return data
    key = f"{PACKED} {len(lists)}"
    lists[key] = values
    placeholder = AttributeProto(name=name, type=AttributeProto.STRING, s=key.encode())
    return bytes(placeholder.SerializeToString())


def _numbers(attribute: onnx.AttributeProto) -> NDArray[np.generic] | None:
    if attribute.type == AttributeProto.INTS:
        ints = np.array(attribute.ints, np.int64)
        return ints.astype(np.int32) if np.array_equal(ints, ints.astype(np.int32)) else ints
    if attribute.type == AttributeProto.FLOATS:
        return np.array(attribute.floats, np.float32)
    return None


def _mode_numbers(data: bytes) -> NDArray[np.uint8] | None:
    """Return the number of each mode in a serialized list of them, or None where it holds anything else.

    Each mode in the list begins with a byte that is no number of a mode, so what is not known is seen.
    """
    rest = AttributeProto(name="nodes_modes", type=AttributeProto.STRINGS)
    for field in read_fields(memoryview(rest.SerializeToString())):
        data = data.replace(field.whole, b"", 1)
    for name, number in NUMBER_OF_MODE.items():
        data = data.replace(write_bytes(STRINGS, name.encode()), bytes([number]))
    numbers = np.frombuffer(data, np.uint8)
    return numbers if np.isin(numbers, [*NUMBER_OF_MODE.values()]).all() else None


def attach_lists(model: ir.Model, lists: Lists) -> None:
    """Put the lists that `take_lists` took back into the model, as tensors of the name `PACKED`."""
    for node in model.graph:
        for name, attribute in list(node.attributes.items()):
            if attribute.type == ir.AttributeType.STRING and attribute.value in lists:
                node.attributes[name] = ir.AttrTensor(name, packed(lists[attribute.value]))


def packed(values: NDArray[np.generic]) -> ir.TensorProtocol:
    """Return the tensor that stands in place of a list of integers or float32; uint8 are numbers of modes."""
    return ir.tensor(values, name=PACKED)


def is_packed(attribute: ir.Attr) -> bool:
    """Return whether the attribute is a tensor in place of a list."""
    return attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref() and attribute.as_tensor().name == PACKED


def to_proto(model: ir.Model, *, for_good: bool = False) -> onnx.ModelProto:
    """Return the model as protobuf, its packed attributes as the lists that they were.

    The model is left without them where this is `for_good`: at no time both forms of all of them take memory.
    """
    aside = _take_aside(model)
    try:
        proto = ir.to_proto(model)
        places = dict(zip(model.graph.all_nodes(), all_nodes(proto.graph.node), strict=True)) if aside else {}
        left = list(reversed(aside))
        if for_good:
            aside.clear()
        while left:
            # A copy takes no more than its numbers: what a list outgrew while it was filled stays allocated beside it.
            node, attribute = left.pop()
            places[node].attribute.add().CopyFrom(_as_list(attribute.name, attribute.as_tensor().numpy()))
            del attribute
    finally:
        _put_back(aside)
    return proto


@contextmanager
def lists_aside(model: ir.Model) -> Iterator[list[ir.Node]]:
    """Take packed attributes out until the block ends; yields the nodes that had some."""
    aside = _take_aside(model)
    try:
        yield list(dict.fromkeys(node for node, _ in aside))
    finally:
        _put_back(aside)


def _take_aside(model: ir.Model) -> list[tuple[ir.Node, ir.Attr]]:
    aside = [
        (node, attribute)
        for node in model.graph.all_nodes()
        for attribute in list(node.attributes.values())
        if is_packed(attribute)
    ]
    for node, attribute in aside:
        del node.attributes[attribute.name]
    return aside


def _put_back(aside: list[tuple[ir.Node, ir.Attr]]) -> None:
    for node, attribute in aside:
        node.attributes[attribute.name] = attribute


def _as_list(name: str, values: NDArray[np.generic]) -> onnx.AttributeProto:
    attribute = AttributeProto(name=name)
    if values.dtype == np.uint8:
        names = {number: mode.encode() for mode, number in NUMBER_OF_MODE.items()}
        attribute.type = AttributeProto.STRINGS
        attribute.strings.extend(map(names.__getitem__, values.data))
    elif values.dtype == np.float32:
        attribute.type = AttributeProto.FLOATS
        attribute.MergeFromString(write_bytes(FLOATS, values.astype("<f4").tobytes()))
    else:
        attribute.type = AttributeProto.INTS
        attribute.MergeFromString(write_bytes(INTS, _varints(values)))
    return attribute


def _varints(values: NDArray[Any]) -> bytes:
    """Return whole numbers in protobuf's encoding, all in as many bytes as the largest needs.

    To parse these takes a fifth of the time in which protobuf takes as many Python objects.
    """
    is_plain = values.dtype.itemsize <= 4 and values.min(initial=0) >= 0
    numbers = values.astype(np.uint32) if is_plain else values.astype(np.int64).view(np.uint64)
    groups = max(1, -(-int(numbers.max(initial=0)).bit_length() // 7))
    encoded = np.empty((len(numbers), groups), np.uint8)
    for i in range(groups):
        encoded[:, i] = numbers >> (7 * i) & 127
    encoded[:, :-1] |= 128  # more follows
    return encoded.tobytes()
