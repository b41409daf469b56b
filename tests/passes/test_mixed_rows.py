"""A file in which rows hang on one another is run whole, any other in batches."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import bridge
from bridge.artifact import get_metadata
from bridge.errors import InputError
from bridge.runtime import predictor

NODE = helper.make_node
SCALED = NODE("Scaler", ["X"], ["S"], domain="ai.onnx.ml", offset=[1.0], scale=[2.0])
MIXED = {
    "mean of the batch": [NODE("ReduceMean", ["S"], ["m"], axes=[0]), NODE("Sub", ["S", "m"], ["variable"])],
    "mean of all": [NODE("ReduceMean", ["S"], ["m"]), NODE("Sub", ["S", "m"], ["variable"])],
    "softmax over the batch": [NODE("Softmax", ["S"], ["variable"], axis=0)],
    "negative axis": [NODE("ReduceMax", ["S"], ["m"], axes=[-2]), NODE("Sub", ["S", "m"], ["variable"])],
    "turned": [
        NODE("Transpose", ["S"], ["t"], perm=[1, 0]),
        NODE("Softmax", ["t"], ["s"], axis=1),
        NODE("Transpose", ["s"], ["variable"], perm=[1, 0]),
    ],
    "running sum": [NODE("CumSum", ["S", "zero"], ["variable"])],
}
APART = {
    "mean of a row": [NODE("ReduceMean", ["S"], ["m"], axes=[1]), NODE("Sub", ["S", "m"], ["variable"])],
    "softmax of a row": [NODE("Softmax", ["S"], ["variable"])],
    "turned": [
        NODE("Transpose", ["S"], ["t"], perm=[1, 0]),
        NODE("Softmax", ["t"], ["s"], axis=0),
        NODE("Transpose", ["s"], ["variable"], perm=[1, 0]),
    ],
    "product": [NODE("MatMul", ["S", "weights"], ["variable"])],
}


def model(nodes):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in ("X", "variable"))
    constants = {"zero": np.int64(0), "weights": np.eye(3, dtype=np.float32)}
    tables = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph([SCALED, *nodes], "g", [x], [y], tables)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


@pytest.mark.parametrize("case", MIXED)
def test_rows_that_hang_on_one_another_are_run_together(target, case, monkeypatch):
    monkeypatch.setattr(predictor, "CACHE_BYTES", 100)
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    lowered = bridge.lower(model(MIXED[case]), target=target)

    for file in (lowered, bridge.lower(lowered, target=target)):
        answers = bridge.load(file, device="cpu").run(rows)["variable"]
        np.testing.assert_allclose(answers, bridge.load(model(MIXED[case])).run(rows)["variable"], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("case", APART)
def test_rows_that_do_not_are_run_in_batches(target, case):
    assert get_metadata(bridge.lower(model(APART[case]), target=target)).row_bytes > 0


def test_a_number_of_rows_is_not_written_where_filling_up_would_change_answers():
    with pytest.raises(InputError, match=r"hangs on the other rows.*Leave batch_size out"):
        bridge.lower(model(MIXED["mean of all"]), batch_size=8)
