"""Replace values of ONNX's map types by tensors, in the protobuf: onnx_ir cannot hold a map."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import onnx
from onnx import TensorProto, helper

from bridge.errors import ArtifactError
from bridge.opset import MAIN_DOMAIN, ML_DOMAIN
from bridge.passes.structure import called

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS_KEY = "bridge.columns"
"""Key of the model's metadata: {output: [the class of each column]}, for outputs that were lists of maps (ZipMap)."""

MAP_INPUTS_KEY = "bridge.map_inputs"
"""Key of the model's metadata: {input: [the key of each column]}, for inputs that were one map and now are a matrix.

A key that a map lacks is 0, or "" for text. Null for the keys: the values alone, in ascending order of their keys.
"""

MOST_KEYS = 2**20
"""Refuse sparse maps of more: each key is a column."""

CASTS = {"TO_FLOAT": TensorProto.FLOAT, "TO_INT64": TensorProto.INT64, "TO_STRING": TensorProto.STRING}


def drop_maps(model: onnx.ModelProto) -> None:
    """Change `model` so that no value of it is a map, or a list of maps.

    A ZipMap gives its input's place to its output, a matrix; DictVectorizer and CastMap of a graph input read a matrix.
    `COLUMNS_KEY` and `MAP_INPUTS_KEY` of the metadata say what the columns are. Raises `ArtifactError` for maps that
    are used in another way.
    """
    columns = {}
    for node in _ml_nodes(model, "ZipMap"):
        columns[node.output[0]] = _replace_zipmap(model.graph, node)
    keys = {v.name: _replace_map_input(model.graph, v) for v in model.graph.input if v.type.HasField("map_type")}
    _record(model, COLUMNS_KEY, columns)
    _record(model, MAP_INPUTS_KEY, keys)


def _ml_nodes(model: onnx.ModelProto, op_type: str) -> list[onnx.NodeProto]:
    return [n for n in model.graph.node if n.op_type == op_type and n.domain == ML_DOMAIN]


def _record(model: onnx.ModelProto, key: str, content: dict[str, Any]) -> None:
    if content:
        model.metadata_props.add(key=key, value=json.dumps(content))


def _replace_zipmap(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[Any]:
    labels = _attribute(node, "classlabels_int64s") or _texts(node, "classlabels_strings")
    if len(node.attribute) != 1:
        raise ArtifactError(f"{called(node)} needs one of 'classlabels_int64s' and 'classlabels_strings'")
    if not labels:
        raise ArtifactError(
            f"attribute '{node.attribute[0].name}' of {called(node)} is empty: the file names no class.\n"
            "CatBoost writes such files for models of several targets; onnxruntime refuses them too."
        )
    output = next((v for v in graph.output if v.name == node.output[0]), None)
    if output is None or any(node.output[0] in n.input for n in graph.node):
        raise ArtifactError(f"{called(node)} makes maps that the graph itself reads; only outputs can become tensors")
    # onnxruntime reads a vector as one row.
    output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, [None, len(labels)]))
    _become(node, "Identity", list(node.input))
    return list(labels)


def _replace_map_input(graph: onnx.GraphProto, value: onnx.ValueInfoProto) -> list[Any] | None:
    """Make a map input a matrix of its values; return what the columns are."""
    readers = [n for n in graph.node if value.name in n.input]
    known = {"DictVectorizer": _vocabulary, "CastMap": _castmap_keys}
    wrong = [n for n in readers if n.op_type not in known or n.domain != ML_DOMAIN]
    if wrong or not readers:
        what = f"{called(wrong[0])} reads it" if wrong else "nothing reads it"
        raise ArtifactError(f"input {value.name!r} is a map and {what}; only DictVectorizer and CastMap can be lowered")
    asked = [known[n.op_type](n) for n in readers]
    keys = None if None in asked else list(dict.fromkeys(k for ks in asked for k in ks or ()))
    if keys is None and any(ks is not None for ks in asked):
        raise ArtifactError(f"input {value.name!r} is a map that is read both by key and as a whole")
    element = value.type.map_type.value_type.tensor_type.elem_type
    for node, wanted in zip(readers, asked, strict=True):
        _read_columns(graph, node, element, None if keys is None else [keys.index(k) for k in wanted or ()], keys)
    value.CopyFrom(helper.make_tensor_value_info(value.name, element, [None, None if keys is None else len(keys)]))
    return keys


def _vocabulary(node: onnx.NodeProto) -> list[Any]:
    keys = _attribute(node, "int64_vocabulary") or _texts(node, "string_vocabulary")
    if not keys or len(node.attribute) > 1:
        raise ArtifactError(f"{called(node)} needs one of 'int64_vocabulary' and 'string_vocabulary'")
    return list(keys)


def _castmap_keys(node: onnx.NodeProto) -> list[Any] | None:
    """Return 0, 1, ... for a sparse map, None for a dense one: its values, whatever their keys."""
    form = _attribute(node, "map_form") or b"DENSE"
    if form not in {b"DENSE", b"SPARSE"}:
        raise ArtifactError(f"attribute 'map_form' of {called(node)} is {form.decode()!r}, expected DENSE or SPARSE")
    size = _attribute(node, "max_map") or 1
    if form == b"SPARSE" and not 1 <= size <= MOST_KEYS:
        raise ArtifactError(f"attribute 'max_map' of {called(node)} is {size}, expected 1 to {MOST_KEYS}")
    return list(range(size)) if form == b"SPARSE" else None


def _read_columns(
    graph: onnx.GraphProto, node: onnx.NodeProto, element: int, places: list[int] | None, keys: Sequence[Any] | None
) -> None:
    """Let `node` take the columns `places` of its input, cast as it asks for."""
    cast = (_attribute(node, "cast_to") or b"TO_FLOAT").decode()
    if cast not in CASTS:
        raise ArtifactError(f"attribute 'cast_to' of {called(node)} is {cast!r}, expected one of {', '.join(CASTS)}")
    to = CASTS[cast] if node.op_type == "CastMap" else element
    if to != element and TensorProto.STRING in {to, element}:
        raise ArtifactError(f"{called(node)} casts between text and numbers, which no tensor operator does as it does")
    source = node.input[0]
    if places is not None and keys is not None and places != list(range(len(keys))):
        index = f"{node.output[0]}_columns"
        graph.initializer.add().CopyFrom(helper.make_tensor(index, TensorProto.INT64, [len(places)], places))
        _become(node, "Gather", [source, index], axis=1)
    elif to != element:
        _become(node, "Cast", [source], to=to)
    else:
        _become(node, "Identity", [source])


def _become(node: onnx.NodeProto, op_type: str, inputs: list[str], **attributes: int) -> None:
    """Make `node` another operator of the main domain, with its name and outputs."""
    new = helper.make_node(op_type, inputs, list(node.output), name=node.name, domain=MAIN_DOMAIN)
    new.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    node.CopyFrom(new)


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)


def _texts(node: onnx.NodeProto, name: str) -> list[str]:
    return [text.decode() for text in _attribute(node, name) or []]
