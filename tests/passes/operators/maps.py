"""Operators on ONNX's maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper

from tests.passes.judge import ml_model
from tests.passes.operators.columns import read_by_table
from tests.passes.operators.combination import Example, Operator

if TYPE_CHECKING:
    import onnx

    from tests.passes.operators.combination import Choice, Source

ELEMENTS = {
    "float": TensorProto.FLOAT,
    "double": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
}
VALUES = {"float": [1.5, -0.0, 2.75], "double": [1.5, -0.0, 0.1], "int64": [1, 0, -3], "string": ["a", "", "zzz"]}
KEYS = {"string": ["c", "a", "other"], "int64": [1, 0, 7]}


def _of_map(op_type: str, choice: Choice, output: int, **attributes: Any) -> tuple[onnx.ModelProto, dict[str, Any]]:
    node = helper.make_node(op_type, ["X"], ["O0"], name="the_node", domain="ai.onnx.ml", **attributes)
    kind = helper.make_map_type_proto(
        ELEMENTS[choice["key"]], helper.make_tensor_type_proto(ELEMENTS[choice["value"]], [])
    )
    outputs = [helper.make_tensor_value_info("O0", output, None)]
    graph = helper.make_graph([node], "g", [helper.make_value_info("X", kind)], outputs)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)]
    feeds = {"X": dict(zip(KEYS[choice["key"]], VALUES[choice["value"]], strict=True))}
    return helper.make_model(graph, opset_imports=opsets, ir_version=7), feeds


def _dict_vectorizer(choice: Choice, _source: Source) -> Example:
    known = {"string_vocabulary": ["a", "b", "c"]} if choice["key"] == "string" else {"int64_vocabulary": [7, -2, 1]}
    model, feeds = _of_map("DictVectorizer", choice, ELEMENTS[choice["value"]], **known)
    return Example(read_by_table(model) if choice["value"] == "string" else model, feeds, rows=())


def _cast_map(choice: Choice, _source: Source) -> Example:
    attributes = {"cast_to": choice["cast_to"], "map_form": choice["map_form"], "max_map": 9}
    if choice["map_form"] == "DENSE":
        del attributes["max_map"]
    attributes = {name: value for name, value in attributes.items() if value != "absent"}
    to = {"TO_STRING": "string", "TO_INT64": "int64"}.get(choice["cast_to"], "float")
    model, feeds = _of_map("CastMap", choice, ELEMENTS[to], **attributes)
    return Example(read_by_table(model) if to == "string" else model, feeds, rows=())


def _cast_of_text(choice: Choice) -> str:
    return (
        "casts between text and numbers" if (choice["value"] == "string") != (choice["cast_to"] == "TO_STRING") else ""
    )


def _zip_map(choice: Choice, source: Source) -> Example:
    x = source.rows(3, "float32")
    labels = (
        {"classlabels_strings": ["b", "a", "é"]} if choice["key"] == "string" else {"classlabels_int64s": [5, 3, 9]}
    )
    model = ml_model("ZipMap", {"X": x}, [TensorProto.FLOAT], version=1, **labels)
    kind = helper.make_map_type_proto(ELEMENTS[choice["key"]], helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    model.graph.output[0].CopyFrom(helper.make_value_info("O0", helper.make_sequence_type_proto(kind)))
    return Example(model, {"X": x})


OPERATORS = (
    Operator(
        "DictVectorizer",
        {"version": [1], "key": ["string", "int64"], "value": ["float", "double", "int64", "string"]},
        _dict_vectorizer,
        lambda choice: (choice["key"], choice["value"]) not in {("string", "string"), ("int64", "int64")},
    ),
    Operator(
        "CastMap",
        {
            "version": [1],
            "key": ["int64"],
            "value": ["float", "string"],
            "cast_to": ["absent", "TO_FLOAT", "TO_INT64", "TO_STRING"],
            "map_form": ["absent", "DENSE", "SPARSE"],
        },
        _cast_map,
        refused=_cast_of_text,
    ),
    Operator("ZipMap", {"version": [1], "key": ["string", "int64"]}, _zip_map),
)
