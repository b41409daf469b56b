"""Every reference model on real data gives the estimator's answers, for every target."""

from __future__ import annotations

import json

import onnx
import pytest
from onnx import TensorProto

from bridge.data.schema import is_frame
from bridge.data.table import row_count, take_rows
from bridge.method import METHODS
from bridge.opset import IR_VERSION, MAIN_OPSET
from bridge.portability import portable_tier
from bridge.runtime.predictor import load_reference
from bridge.targets import TARGETS
from bridge.verify.compare import compare
from models.zoo import ZOO

LABELS_IN_FLOAT32 = 3e-5
"""The share of labels that float32 may change, each where rounding decides."""
PROBABILITY = 1e-6


def _cases(models, *rest):
    """Return one parameter a model and target; the ids keep those of a model in one process (see tests/conftest.py)."""
    return [pytest.param((m, t, *rest), id="/".join((f"zoo:{m}", t, *rest))) for m in models for t in TARGETS]


every_case = pytest.mark.parametrize("case", _cases(ZOO), indirect=True)
exact_cases = pytest.mark.parametrize("case", [c for c in _cases(ZOO) if c.values[0][1] != "portable"], indirect=True)
portable_cases = pytest.mark.parametrize(
    "case", [c for c in _cases(ZOO) if c.values[0][1] == "portable"], indirect=True
)


@exact_cases
def test_every_held_out_row_has_the_same_label_and_numbers(case):
    report = case.verify(case.rows)

    assert report.ok, report
    assert [m for m in report.methods if m.labels_differing or m.explained] == [], report
    assert [m for m in report.methods if "proba" in m.name and m.max_absolute > PROBABILITY] == [], report


@portable_cases
def test_float32_changes_next_to_no_label_and_each_is_explained(case):
    report = case.verify(case.rows)

    assert report.ok, report
    assert [m for m in report.methods if m.loose_rows] == [], report
    assert [m for m in report.methods if m.labels_differing > LABELS_IN_FLOAT32 * m.rows] == [], report


@every_case
def test_graph_holds_only_operators_of_the_target(case):
    domains = {n.domain for n in case.graph.graph.node}

    assert domains <= ({"", "ai.onnx.ml"} if case.target == "cpu" else {""})
    assert "ZipMap" not in {n.op_type for n in case.graph.graph.node}
    assert case.target != "portable" or portable_tier(case.graph) == (1, [])
    assert not case.graph.functions


@every_case
def test_graph_is_valid_at_the_opset_of_most_runtimes(case):
    onnx.checker.check_model(case.graph, full_check=True)

    assert {o.version for o in case.graph.opset_import if o.domain == ""} == {MAIN_OPSET}
    if case.target == "portable":
        assert [o.domain for o in case.graph.opset_import] == [""]
        assert case.graph.ir_version == IR_VERSION


@portable_cases
def test_portable_graph_computes_in_float32(case):
    inferred = onnx.shape_inference.infer_shapes(case.graph).graph
    tensors = [*inferred.input, *inferred.output, *inferred.value_info]

    assert [t.name for t in tensors if t.type.tensor_type.elem_type == TensorProto.DOUBLE] == []
    assert [i.name for i in inferred.initializer if i.data_type == TensorProto.DOUBLE] == []


@every_case
def test_inputs_are_the_columns(case):
    sample = case.model.data().train
    found = [i.name for i in case.graph.graph.input]

    if is_frame(sample):
        columns = [c for c in sample.columns if c in found]
        assert found == columns
        assert len(found) == len(case.predictor.metadata.schema.columns)
    else:
        assert found == ["X"]


@every_case
def test_every_method_is_an_output_of_its_name(case):
    offered = [name for name in METHODS if hasattr(case.estimator, name)]

    assert [o.name for o in case.graph.graph.output] == offered
    assert [m.name for m in case.predictor.methods] == offered


@every_case
def test_metadata_is_strict_json_with_the_parity_that_was_found(case):
    (text,) = (p.value for p in case.graph.metadata_props if p.key == "bridge")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    metadata = json.loads(text, parse_constant=refuse)

    assert {name.partition(",")[0] for name in metadata["parity"]} == {m.name for m in case.predictor.methods}
    assert all(found["rows"] > 0 for found in metadata["parity"].values())
    assert metadata["versions"]["scikit-learn"]
    assert (metadata["target"], metadata["format"]) == (case.target, 1)


@portable_cases
def test_another_runtime_gives_the_same_answers(case):
    few = take_rows(case.rows, range(min(5, row_count(case.rows))))

    report = compare(case.estimator, load_reference(case.graph), few)

    assert report.ok, report


SMALL_FORESTS = [m for m in ZOO if m.name in {"tree", "forest-strings", "forest-missing", "boosting", "minmax-tree"}]


@pytest.mark.parametrize("case", [*_cases(SMALL_FORESTS, "gemm"), *_cases(SMALL_FORESTS, "traverse")], indirect=True)
def test_either_form_of_a_forest_gives_the_same_answers(case):
    report = case.verify(case.rows)

    assert report.ok, report
    assert [m for m in report.methods if m.labels_differing] == [], report
    assert ("MatMul" in {n.op_type for n in case.graph.graph.node}) == (case.strategy == "gemm")
    assert "TreeEnsemble" not in {n.op_type for n in case.graph.graph.node}
