"""The shapes that operators of ai.onnx.ml make, of which ONNX's shape inference knows nothing."""

from __future__ import annotations

import onnx_ir as ir

from bridge.opset import MAIN_DOMAIN, ML_DOMAIN

MAKES_FLOATS = frozenset({"FeatureVectorizer", "Normalizer", "OneHotEncoder", "Scaler"})
LOOKS_UP = frozenset({"CategoryMapper", "LabelEncoder"})
KEEPS_SHAPE = frozenset(
    {
        *((MAIN_DOMAIN, op) for op in ("Cast", "Identity")),
        *((ML_DOMAIN, op) for op in ("Binarizer", "Imputer", "Normalizer", "Scaler", *LOOKS_UP)),
    }
)
"""Operators whose output is of their input's shape."""
VALUES = {
    "values_strings": ir.DataType.STRING,
    "values_int64s": ir.DataType.INT64,
    "values_floats": ir.DataType.FLOAT,
}


class SetMlShapes(ir.passes.InPlacePass):
    """Set the shapes of what follows the inputs as far as it can be told, whatever the file says of them.

    ML.NET declares (rows, categories) for what a OneHotEncoder makes of (rows, 1), which has three axes: onnxruntime
    overlooks that.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        modified = False
        for node in model.graph:
            x = node.inputs[0] if node.inputs else None
            if x is None or x.shape is None:
                continue
            (output, *_), shape = node.outputs, _shape_made(node, x.shape)
            dtype = output.dtype or _dtype_made(node, x)
            if shape is not None and dtype is not None:
                output.shape, output.type = shape, output.type or ir.TensorType(dtype)
                modified = True
        return ir.passes.PassResult(model, modified)


def _shape_made(node: ir.Node, x: ir.Shape) -> ir.Shape | None:
    if (node.domain, node.op_type) in KEEPS_SHAPE:
        return ir.Shape(x)
    if (node.domain, node.op_type) == (ML_DOMAIN, "OneHotEncoder"):
        return ir.Shape([*x, max(len(_list(node, name)) for name in ("cats_int64s", "cats_strings"))])
    if (node.domain, node.op_type) == (ML_DOMAIN, "FeatureVectorizer") and len(x) > 1:
        return ir.Shape([x[0], sum(map(int, _list(node, "inputdimensions")))])
    return None


def _dtype_made(node: ir.Node, x: ir.Value) -> ir.DataType | None:
    if node.op_type in MAKES_FLOATS:
        return ir.DataType.FLOAT
    if node.op_type == "Cast":
        return ir.DataType(node.attributes["to"].as_int())
    if node.op_type not in LOOKS_UP:
        return x.dtype
    if any(name.startswith("values_") for name in node.attributes):
        return next((dtype for name, dtype in VALUES.items() if name in node.attributes), None)
    return ir.DataType.INT64 if x.dtype == ir.DataType.STRING else ir.DataType.STRING


def _list(node: ir.Node, name: str) -> list[int | str]:
    attribute = node.attributes.get(name)
    is_list = attribute is not None and attribute.type in {ir.AttributeType.INTS, ir.AttributeType.STRINGS}
    return list(attribute.value) if attribute is not None and is_list and not attribute.is_ref() else []
