from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from bridge.errors import ArtifactError, LoweringError
from tests.passes.judge import assert_same, edge_rows, element, lower, op_types, run

NODE = helper.make_node
SHAPED = {"Shape", "ConstantOfShape", "Tile", "Expand"}


def model(nodes, *, dtype=np.float32, result=TensorProto.FLOAT, width=3, **constants):
    """Return a model of X (rows, width) and Y, with these initializers."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", element(np.zeros(0, dtype)), [None, width] if width else [None])],
        [helper.make_tensor_value_info("Y", result, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def value(number, dtype=np.float32):
    return numpy_helper.from_array(np.array([number], dtype))


ROWS = [NODE("Shape", ["X"], ["shape"]), NODE("Gather", ["shape", "zero"], ["rows"])]
ROWS_AND_TWO = [*ROWS, NODE("Concat", ["rows", "two"], ["wanted"], axis=0)]
COUNTS = {"zero": [0], "two": [2]}
CASES = {
    "a vector": ([*ROWS, NODE("ConstantOfShape", ["rows"], ["Y"], value=value(7))], COUNTS),
    "a matrix": ([*ROWS_AND_TWO, NODE("ConstantOfShape", ["wanted"], ["Y"])], COUNTS),
    "first length": (
        [NODE("Shape", ["X"], ["rows"], end=1), NODE("ConstantOfShape", ["rows"], ["Y"], value=value(7))],
        {},
    ),
    "sliced": (
        [
            NODE("Shape", ["X"], ["shape"]),
            NODE("Slice", ["shape", "start", "end"], ["rows"]),
            NODE("ConstantOfShape", ["rows"], ["Y"], value=value(7)),
        ],
        {"start": [0], "end": [1]},
    ),
    "squeezed and back": (
        [
            *ROWS,
            NODE("Squeeze", ["rows"], ["count"]),
            NODE("Unsqueeze", ["count", "zero"], ["again"]),
            NODE("ConstantOfShape", ["again"], ["Y"]),
        ],
        COUNTS,
    ),
    "repeated": (
        [*ROWS, NODE("Tile", ["pattern", "rows"], ["Y"])],
        {"zero": [0], "pattern": np.array([1.5, np.nan, -0.0], np.float32)},
    ),
    "beside what it has the shape of": (
        [
            NODE("IsNaN", ["X"], ["missing"]),
            NODE("Shape", ["X"], ["shape"]),
            NODE("ConstantOfShape", ["shape"], ["zeros"]),
            NODE("Where", ["missing", "zeros", "X"], ["Y"]),
        ],
        {},
    ),
    "known width": (
        [
            NODE("Shape", ["X"], ["shape"]),
            NODE("Gather", ["shape", "one"], ["columns"]),
            NODE("ConstantOfShape", ["columns"], ["ones"], value=value(1)),
            NODE("Mul", ["X", "ones"], ["Y"]),
        ],
        {"one": [1]},
    ),
    "reshaped": (
        [*ROWS, NODE("Concat", ["rows", "inner"], ["wanted"], axis=0), NODE("Reshape", ["X", "wanted"], ["Y"])],
        {"zero": [0], "inner": [1, 3]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_shapes_are_not_computed(target, case):
    nodes, constants = CASES[case]
    whole = model(nodes, **constants)
    lowered = lower(whole, target)
    assert not SHAPED & set(op_types(lowered))
    for rows in (40, 1, 0):
        x = {"X": edge_rows(3)[:rows]}
        assert_same(run(lowered, x), run(whole, x))


def test_a_slice_of_a_shape_that_goes_nowhere_is_refused(target):
    nodes = [
        NODE("Shape", ["X"], ["shape"]),
        NODE("Slice", ["shape", "zero", "two", "zero", "zero"], ["rows"]),
        NODE("ConstantOfShape", ["rows"], ["Y"], value=value(7)),
    ]
    with pytest.raises((ArtifactError, LoweringError)):
        lower(model(nodes, **COUNTS), target)


@pytest.mark.parametrize(("dtype", "width"), [(np.int64, 2), (np.float32, None), (np.float64, 20)])
def test_rows_are_counted_of_any_numbers(dtype, width):
    nodes, constants = CASES["a vector"]
    whole = model(nodes, dtype=dtype, width=width, **constants)
    lowered = lower(whole, "cuda")
    assert not SHAPED & set(op_types(lowered))
    x = {"X": edge_rows(width or 1, dtype)}
    x = x if width else {"X": x["X"][:, 0]}
    assert_same(run(lowered, x), run(whole, x))


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([*ROWS_AND_TWO, NODE("Reshape", ["X", "wanted"], ["Y"])], {"zero": [0], "two": [-1]}),
        ([NODE("Shape", ["X"], ["shape"]), NODE("ConstantOfShape", ["shape"], ["Y"])], {}),
    ],
    ids=["two lengths to find", "unknown width"],
)
def test_shapes_stay_where_more_than_the_rows_is_unknown(nodes, constants):
    whole = model(nodes, width="columns", **constants)
    lowered = lower(whole, "cuda")
    assert "Shape" in op_types(lowered)
    assert_same(run(lowered, {"X": edge_rows(3)}), run(whole, {"X": edge_rows(3)}))
