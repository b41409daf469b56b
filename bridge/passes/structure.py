"""Check that an ONNX file is put together as ONNX prescribes, before anything relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from bridge.errors import ArtifactError
from bridge.opset import MAIN_DOMAIN, ML_DOMAIN
from bridge.proto_nodes import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx_ir as ir
    from google.protobuf.message import Message

_DTYPES = frozenset(onnx.TensorProto.DataType.values()) - {onnx.TensorProto.UNDEFINED}

MOST_LENGTH = 2**31 - 1

_FIELDS: dict[int, str] = {
    onnx.AttributeProto.TENSOR: "t",
    onnx.AttributeProto.GRAPH: "g",
    onnx.AttributeProto.SPARSE_TENSOR: "sparse_tensor",
    onnx.AttributeProto.TYPE_PROTO: "tp",
}
"""Where the attributes that hold a message keep it."""


def check_structure(model: onnx.ModelProto) -> None:
    """Raise `ArtifactError` for the first fault found, by the name of its node, attribute or value.

    Checked are: versions that do not exist; inputs without a type; operators of the main domain that do not exist, or
    that have attributes unknown to them, too many or too few; numbers of inputs and outputs, of ai.onnx.ml too; that
    what a node of the graph reads is made. What an ml operator's attributes say is left to the rule that reads it.
    """
    _check_versions(model)
    imports = {o.domain: o.version for o in model.opset_import}
    for tensor in model.graph.initializer:
        _check_constant(tensor, f"the constant {tensor.name!r}")
    functions = {(f.domain, f.name) for f in model.functions}
    if not model.graph.output:
        raise ArtifactError("the model's graph has no output.")
    for value in model.graph.input:
        _check_input(value)
    for node in all_nodes(model.graph.node):
        _check_node(node, imports, functions)
    _check_sources(model.graph)
    for function in model.functions:
        own = {o.domain: o.version for o in function.opset_import}
        for node in function.node:
            _check_node(node, own, functions)


def check_text(model: onnx.ModelProto) -> None:
    """Raise `ArtifactError` for text that is no UTF-8."""
    for message in _messages(model):
        for field, value in message.ListFields():
            texts = value if field.type == field.TYPE_STRING and not isinstance(value, (str, bytes)) else [value]
            if field.type == field.TYPE_STRING and any(isinstance(text, bytes) for text in texts):
                raise ArtifactError(f"the model is damaged: a {field.full_name} in it is no UTF-8.")


def called(node: onnx.NodeProto | ir.Node) -> str:
    """Return how a message names the node."""
    return f"node {node.name!r} ({node.op_type})" if node.name else node.op_type


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if hasattr(value, "add") else [value]:
                yield from _messages(inner)


def _check_versions(model: onnx.ModelProto) -> None:
    if model.ir_version > onnx.IR_VERSION:
        raise ArtifactError(f"the model has IR version {model.ir_version}; this onnx knows up to {onnx.IR_VERSION}.")
    newest = {MAIN_DOMAIN: onnx.defs.onnx_opset_version(), ML_DOMAIN: onnx.defs.onnx_ml_opset_version()}
    for opset in (*model.opset_import, *(o for f in model.functions for o in f.opset_import)):
        limit = newest.get(opset.domain)
        if limit is not None and not 1 <= opset.version <= limit:
            raise ArtifactError(
                f"the model imports version {opset.version} of {opset.domain or 'ai.onnx'}; 1 to {limit} are known"
            )


def _check_input(value: onnx.ValueInfoProto) -> None:
    kind = value.type
    if not kind.WhichOneof("value"):
        raise ArtifactError(f"input {value.name!r} has no type.")
    if kind.HasField("tensor_type") and kind.tensor_type.elem_type not in _DTYPES:
        raise ArtifactError(f"input {value.name!r} has the unknown element type {kind.tensor_type.elem_type}.")
    longest = max((d.dim_value for d in kind.tensor_type.shape.dim), default=0)
    if longest > MOST_LENGTH:
        raise ArtifactError(f"input {value.name!r} has the length {longest}, more than any tensor has.")


def _check_constant(tensor: onnx.TensorProto, name: str) -> None:
    if tensor.data_type not in _DTYPES:
        raise ArtifactError(f"{name} has the unknown element type {tensor.data_type}.")
    if min(tensor.dims, default=0) < 0:
        raise ArtifactError(f"{name} has the length {min(tensor.dims)}.")
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return
    if tensor.data_type == onnx.TensorProto.STRING:
        raise ArtifactError(f"{name} is text, which ONNX keeps in the model alone, not in a file of its own.")
    for entry in tensor.external_data:
        if entry.key in {"offset", "length"} and not entry.value.isdecimal():
            raise ArtifactError(f"{name} has the {entry.key} {entry.value!r} in its file, expected a number of bytes.")


def _check_sources(graph: onnx.GraphProto) -> None:
    made = {v.name for v in graph.input} | {t.name for t in graph.initializer}
    made |= {t.values.name for t in graph.sparse_initializer} | {name for node in graph.node for name in node.output}
    for node in graph.node:
        for name in node.input:
            if name and name not in made:
                raise ArtifactError(f"{called(node)} reads {name!r}, which nothing makes")


def _check_node(node: onnx.NodeProto, imports: Mapping[str, int], functions: set[tuple[str, str]]) -> None:
    for attribute in node.attribute:
        _check_attribute(node, attribute)
    names = [a.name for a in node.attribute]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ArtifactError(f"{called(node)} has attribute '{twice}' twice.")
    if node.domain not in {MAIN_DOMAIN, ML_DOMAIN} or (node.domain, node.op_type) in functions:
        return
    version = imports.get(node.domain)
    if version is None:
        raise ArtifactError(f"{called(node)} is of {node.domain or 'ai.onnx'}, of which the model imports no version.")
    try:
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
    except onnx.defs.SchemaError:
        schema = None
    if schema is not None:
        _check_counts(node, schema)
    if node.domain == ML_DOMAIN:
        return
    if schema is None:
        raise ArtifactError(f"{called(node)} is no operator of ai.onnx in version {version}.")
    _check_attributes(node, schema)


def _check_attribute(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> None:
    if not attribute.name:
        raise ArtifactError(f"{called(node)} has an attribute without a name.")
    if attribute.ref_attr_name:
        return
    if attribute.type == onnx.AttributeProto.UNDEFINED:
        raise ArtifactError(f"attribute '{attribute.name}' of {called(node)} has no type.")
    field = _FIELDS.get(attribute.type)
    if field is not None and not attribute.HasField(field):
        raise ArtifactError(f"attribute '{attribute.name}' of {called(node)} is empty.")
    if attribute.type == onnx.AttributeProto.TENSOR:
        _check_constant(attribute.t, f"attribute '{attribute.name}' of {called(node)}")
    try:
        _ = [text.decode() for text in (attribute.s, *attribute.strings)]
    except UnicodeDecodeError as error:
        raise ArtifactError(f"attribute '{attribute.name}' of {called(node)} holds text that is no UTF-8.") from error


def _check_counts(node: onnx.NodeProto, schema: onnx.defs.OpSchema) -> None:
    for what, found, least, most in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        if not least <= found <= most:
            expected = least if least == most else f"{least} to {most}"
            raise ArtifactError(f"{called(node)} has {found} {what}, expected {expected}.")


def _check_attributes(node: onnx.NodeProto, schema: onnx.defs.OpSchema) -> None:
    known = schema.attributes
    for attribute in node.attribute:
        if attribute.name not in known:
            raise ArtifactError(
                f"{called(node)} has the attribute '{attribute.name}', which its operator does not know."
            )
        wanted = str(known[attribute.name].type).rpartition(".")[2]
        found = onnx.AttributeProto.AttributeType.Name(attribute.type)
        if not attribute.ref_attr_name and found != wanted:
            raise ArtifactError(f"attribute '{attribute.name}' of {called(node)} is {found}, expected {wanted}.")
        if attribute.name in {"to", "dtype"} and wanted == "INT" and attribute.i not in _DTYPES:
            raise ArtifactError(f"attribute '{attribute.name}' of {called(node)} is {attribute.i}, which is no dtype.")
    missing = {name for name, a in known.items() if a.required} - {a.name for a in node.attribute}
    if missing:
        raise ArtifactError(f"{called(node)} has no attribute '{min(missing)}', which its operator needs.")
