"""Of two forms of a number each target takes its own, and nothing is left of the other."""

import numpy as np
import onnx_ir as ir
import pytest

from bridge.export.builder import Builder
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options


def _model():
    b = Builder()
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape(["n", 2]))
    chosen = b.either(b.op("Exp", x), b.op("Tanh", x))
    chosen.name, chosen.shape = "y", ir.Shape(["n", 2])
    imports = {"": 13, BRIDGE_DOMAIN: BRIDGE_OPSET}
    graph = ir.Graph([x], [chosen], nodes=b.nodes, initializers=b.initializers, opset_imports=imports, name="g")
    return ir.Model(graph, ir_version=7)


@pytest.mark.parametrize(("target", "operator"), [("cpu", "Exp"), ("cuda", "Exp"), ("portable", "Tanh")])
def test_target_takes_its_form_alone(target, operator):
    precision = "float32" if target == "portable" else "exact"
    model = run_pipeline(_model(), Options(target), precision=precision)
    assert [n.op_type for n in model.graph if n.op_type != "Cast"] == [operator]
    assert set(model.graph.opset_imports) == {""}
    np.testing.assert_equal([o.name for o in model.graph.outputs], ["y"])
