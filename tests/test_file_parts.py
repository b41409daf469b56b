"""Models written in parts."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bridge.file_parts import FileParts


def model_with(*nodes):
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    tables = [numpy_helper.from_array(np.arange(n, dtype=np.float32), f"table_{n}") for n in (0, 3, 500)]
    graph = helper.make_graph(nodes, "g", [], outputs, tables, doc_string="text")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 5)])
    model.metadata_props.add(key="k", value="v")
    return model


BRANCHES = {
    name: helper.make_graph([helper.make_node("Identity", [f"table_{n}"], ["y"])], name, [], [])
    for name, n in (("then_branch", 3), ("else_branch", 500))
}


@pytest.mark.parametrize(
    "model",
    [
        onnx.ModelProto(),
        model_with(),
        model_with(helper.make_node("Concat", ["table_3", "table_500"], ["y"], axis=0, name="n", doc_string="of it")),
        model_with(helper.make_node("Constant", [], ["y"], value_ints=range(300))),
        model_with(helper.make_node("If", ["table_3"], ["y"], **BRANCHES)),
    ],
    ids=["empty", "no nodes", "attribute", "list", "branches"],
)
def test_parts_make_up_the_model(model):
    parts = FileParts(model)
    data = b"".join(parts)

    assert onnx.ModelProto.FromString(data) == model
    assert parts.size == len(data)


def test_no_part_holds_two_tables():
    model = model_with()
    largest = max(t.ByteSize() for t in model.graph.initializer)

    assert max(map(len, FileParts(model))) == largest
