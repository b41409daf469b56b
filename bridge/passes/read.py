"""Read an ONNX model into onnx_ir, mending what exporters get wrong and refusing what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError
from onnx import version_converter

from bridge.errors import ArtifactError
from bridge.opset import IR_VERSION, MAIN_DOMAIN, MAIN_OPSET, ML_DOMAIN
from bridge.passes.data_file import resolve_external
from bridge.passes.map_types import drop_maps
from bridge.passes.packed_lists import attach_lists, take_lists
from bridge.passes.shapes import HIDDEN
from bridge.passes.structure import called, check_structure, check_text
from bridge.proto_nodes import all_nodes

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from bridge.passes.packed_lists import Lists

MAIN_ALIAS = "ai.onnx"
"""Another name of the main domain, which is "" everywhere inside bridge."""


def read_model(source: onnx.ModelProto | bytes, *, name: str = "the model", folder: Path | None = None) -> ir.Model:
    """Return a model, whole or serialized, as an onnx_ir model that the passes can work on; `source` is left as it is.

    Opset imports are unique (the highest version of each domain wins: skl2onnx imports the main one twice) and the main
    domain is at least at opset 13; initializers are no inputs. Values of ONNX's map types, which onnx_ir cannot hold,
    are tensors (see `map_types`), and so are long lists of attributes (see `packed_lists`). Raises `ArtifactError`, in
    which the model is called `name`, for bytes that are no model, where a tensor is damaged, and for a graph that reads
    what nothing makes. External data lies in `folder`, and is left there.
    """
    model, lists = _parse(source, name)
    check_text(model)
    _merge_imports(model.opset_import)
    for function in model.functions:
        _merge_imports(function.opset_import)
    for node in all_nodes(model.graph.node):
        if node.domain == MAIN_ALIAS:
            node.domain = MAIN_DOMAIN
    check_structure(model)
    _forget_types(model.graph)
    drop_maps(model)
    _mend_shapes(model.graph)
    model = _at_least_opset_13(model)
    _constants_are_no_inputs(model.graph)
    try:
        read = ir.from_proto(model)
    except Exception as error:
        raise ArtifactError(f"{name} cannot be read: {_innermost(error)}") from error
    attach_lists(read, lists)
    _check_tensors(read, folder)
    _check_sources(read)
    try:
        read.graph.sort()  # onnxruntime takes nodes in any order
    except ValueError as error:
        raise ArtifactError(f"nodes of {name} read each other's outputs in a circle.") from error
    read.ir_version = max(read.ir_version or 0, IR_VERSION)  # since 4, initializers need not be inputs
    return read


def _parse(source: onnx.ModelProto | bytes, name: str) -> tuple[onnx.ModelProto, Lists]:
    data = source if isinstance(source, bytes) else source.SerializeToString()
    try:
        model, lists = take_lists(data)
    except DecodeError as error:
        raise ArtifactError(f"{name} is no ONNX model, or it is truncated ({len(data)} bytes read).") from error
    if not model.HasField("graph") or not model.opset_import:
        raise ArtifactError(
            f"{name} is no ONNX model, or it is truncated: it holds no graph, or names no operator set "
            f"({len(data)} bytes read)."
        )
    return model, lists


def _merge_imports(imports: RepeatedCompositeFieldContainer[onnx.OperatorSetIdProto]) -> None:
    """Keep one import of each domain, with its highest version."""
    versions: dict[str, int] = {}
    for opset in imports:
        domain = MAIN_DOMAIN if opset.domain == MAIN_ALIAS else opset.domain
        versions[domain] = max(opset.version, versions.get(domain, 0))
    del imports[:]
    for domain, version in versions.items():
        imports.add(domain=domain, version=version)


def _at_least_opset_13(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its operators of the main domain rewritten for opset 13 where they are older.

    CatBoost's exporter imports no main domain at all: then there is nothing to rewrite.
    """
    version = next((o.version for o in model.opset_import if o.domain == MAIN_DOMAIN), None)
    if version is None:
        model.opset_import.add(domain=MAIN_DOMAIN, version=MAIN_OPSET)
        return model
    if version >= MAIN_OPSET:
        return model
    if not any(node.domain == MAIN_DOMAIN for node in all_nodes(model.graph.node)):
        next(o for o in model.opset_import if o.domain == MAIN_DOMAIN).version = MAIN_OPSET
        return model
    hidden = _rename_domain(model, ML_DOMAIN, HIDDEN, version=1)
    try:
        converted = version_converter.convert_version(model, MAIN_OPSET)
    except Exception as error:
        raise ArtifactError(
            f"the model is of opset {version} and cannot be brought to {MAIN_OPSET} ({_innermost(error)}).\n"
            "Export it again with a newer opset."
        ) from error
    _rename_domain(converted, HIDDEN, ML_DOMAIN, version=hidden)
    return converted


def _rename_domain(model: onnx.ModelProto, old: str, new: str, *, version: int) -> int:
    """Move nodes and imports from domain `old` to `new`; return the version that was imported.

    The converter infers shapes, see `NEEDS_TYPE`; of operators that it does not know it infers none.
    """
    imports = [o for o in model.opset_import if o.domain == old]
    found = imports[0].version if imports else 0
    for opset in imports:
        opset.domain, opset.version = new, version
    for node in all_nodes(model.graph.node):
        if node.domain == old:
            node.domain = new
    return found


def _forget_types(graph: onnx.GraphProto) -> None:
    """Leave out what the file says of values whose types are known without: where both differ, no runtime loads it."""
    known = {name for node in graph.node if node.domain == MAIN_DOMAIN for name in node.output}
    known |= {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.value_info if value.name not in known]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    inputs = {value.name: value for value in graph.input}
    for value in graph.output:
        if value.name in inputs:
            value.CopyFrom(inputs[value.name])


def _constants_are_no_inputs(graph: onnx.GraphProto) -> None:
    """Take initializers out of the inputs, where files before IR 4 repeat them."""
    constants = {tensor.name for tensor in graph.initializer}
    if any(value.name in constants for value in graph.input):
        inputs = [value for value in graph.input if value.name not in constants]
        del graph.input[:]
        graph.input.extend(inputs)


def _mend_shapes(graph: onnx.GraphProto) -> None:
    """Forget negative lengths, which stand for unknown ones in ML.NET's files, and what is said of the number of rows.

    The inputs know how many rows there are. onnxmltools declares one row for the labels of a LightGBM random forest,
    which onnxruntime overlooks in its graph and believes in ours.
    """
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for length in value.type.tensor_type.shape.dim:
            if length.dim_value < 0:
                length.Clear()
    for value in [*graph.output, *graph.value_info]:
        for rows in value.type.tensor_type.shape.dim[:1]:
            rows.Clear()


def _check_tensors(model: ir.Model, folder: Path | None) -> None:
    """Read every tensor once: one whose size is not that of its shape would fail in some later pass."""
    for graph in [model.graph, *model.graph.subgraphs()]:
        for name, value in graph.initializers.items():
            _check_tensor(value.const_value, f"the constant {name!r}", folder)
        for node in graph:
            for attribute in node.attributes.values():
                if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                    _check_tensor(attribute.value, f"attribute '{attribute.name}' of {called(node)}", folder)


def _check_tensor(tensor: ir.TensorProtocol | None, name: str, folder: Path | None) -> None:
    if tensor is None:
        return
    if isinstance(tensor, ir.ExternalTensor):
        resolve_external(tensor, folder, name)
        return
    try:
        if tensor.dtype == ir.DataType.UNDEFINED:
            raise ArtifactError(f"{name} is damaged (it has no element type)")
        tensor.numpy()
    except (AssertionError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(f"{name} is damaged ({error})") from error


def _check_sources(model: ir.Model) -> None:
    graphs = [model.graph, *model.graph.subgraphs()]
    inputs = {value for graph in graphs for value in graph.inputs}

    def is_made(value: ir.Value) -> bool:
        return value.producer() is not None or value.is_initializer() or value in inputs

    for graph in graphs:
        for node in graph:
            for value in node.inputs:
                if value is not None and not is_made(value):
                    raise ArtifactError(f"{called(node)} reads {value.name!r}, which nothing makes")
        for value in graph.outputs:
            if not is_made(value):
                raise ArtifactError(f"nothing makes the graph's output {value.name!r}")


def _innermost(error: BaseException) -> str:
    """Return the first line of the error that began it all: onnx_ir wraps it once for each level of the file."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0] if str(error) else type(error).__name__
