"""Operators of ai.onnx.ml, in every version, dtype and form of their attributes, answer as onnxruntime's kernels do.

The combinations come from `tests.passes.operators`, and ONNX's own schemas say whether these are all. By default any
two values of an operator's axes are tried together; with `--hypothesis-profile=deep` any three, on many more rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from tests.passes.operators.agreement import BIT_EQUAL, BOUNDED, NO_KERNEL, outcomes
from tests.passes.operators.columns import CARRIED
from tests.passes.operators.combination import make_example, name_of
from tests.passes.operators.everything import OPERATORS
from tests.passes.operators.table import BLOCK, STRENGTH, TARGETS, first_columns

DEEP = settings.get_current_profile_name() == "deep"
CASES = [(operator, choice) for operator in OPERATORS for choice in operator.choices(3 if DEEP else STRENGTH)]
FLAGS = {"zeros": {0, 1}, "one_class": {0, 1}, "multi_class": {0, 1}, "nodes_missing_value_tracks_true": {0, 1}}
"""Attributes whose text names no values, but that are switches."""


@pytest.mark.parametrize(("operator", "choice"), CASES, ids=[name_of(*case) for case in CASES])
@given(data=st.data())
@settings(settings() if DEEP else settings(max_examples=1, derandomize=True, database=None), deadline=None)
def test_lowered_operators_answer_as_onnxruntime(operator, choice, data):
    example = make_example(operator, choice, seed=data.draw(st.integers(0, 2**16)), draw=data.draw)
    for outcome in outcomes(example, TARGETS).values():
        if outcome not in {BIT_EQUAL, BOUNDED, NO_KERNEL}:
            assert operator.refused(choice), outcome
            assert operator.refused(choice) in outcome


@pytest.fixture(scope="module")
def tried():
    """Return what the models of all cases hold: (operator, version) -> (attribute or parameter, value) pairs."""
    found = defaultdict(set)
    for operator, choice in CASES:
        model = make_example(operator, choice).model
        version = next(o.version for o in model.opset_import if o.domain == "ai.onnx.ml")
        node = model.graph.node[0]
        schema = onnx.defs.get_schema(operator.name, choice["version"], "ai.onnx.ml")
        assert schema.since_version <= version
        pairs = found[operator.name, schema.since_version]
        types = {v.name: _type_name(v.type) for v in [*model.graph.input, *model.graph.output]} | {
            CARRIED: "tensor(string)"
        }
        for names, parameters in ((node.input, schema.inputs), (node.output, schema.outputs)):
            pairs |= {(p.type_str, types[n]) for n, p in zip(names, parameters, strict=False) if n in types}
        for attribute in node.attribute:
            value = helper.get_attribute_value(attribute)
            values = onnx.numpy_helper.to_array(value).ravel().tolist() if attribute.HasField("t") else value
            listed = values if isinstance(values, list) else [values]
            pairs |= {(attribute.name, v.decode() if isinstance(v, bytes) else v) for v in listed}
    return found


def _type_name(kind):
    """Return a type as ONNX's schemas write it."""
    if kind.HasField("map_type"):
        key = onnx.TensorProto.DataType.Name(kind.map_type.key_type).lower()
        return f"map({key}, {_type_name(kind.map_type.value_type)[7:-1]})"
    if kind.HasField("sequence_type"):
        return f"seq({_type_name(kind.sequence_type.elem_type)})"
    return f"tensor({onnx.TensorProto.DataType.Name(kind.tensor_type.elem_type).lower()})"


SCHEMAS = [s for s in onnx.defs.get_all_schemas_with_history() if s.domain == "ai.onnx.ml" and not s.deprecated]


@pytest.mark.parametrize("schema", SCHEMAS, ids=[f"{s.name}-{s.since_version}" for s in SCHEMAS])
def test_the_cases_hold_all_that_a_schema_allows(tried, schema):
    pairs = tried[schema.name, schema.since_version]
    types = {(t.type_param_str, kind) for t in schema.type_constraints for kind in t.allowed_type_strs}
    assert types - pairs == set()
    assert set(schema.attributes) - {name for name, _ in pairs} == set()
    values = {(name, value) for name, attribute in schema.attributes.items() for value in _documented(name, attribute)}
    assert values - pairs == set()


def _documented(name, attribute):
    """Return the values that the text of an attribute lists, by name or by number."""
    if name in FLAGS:
        return FLAGS[name]
    if not re.search(r"(?i)one of|enumeration", attribute.description) or name in {"nodes_splits", "membership_values"}:
        return set()
    if attribute.type in {onnx.defs.OpSchema.AttrType.INT, onnx.defs.OpSchema.AttrType.TENSOR}:
        return {int(number) for number in re.findall(r"\b\d\b", attribute.description)}
    return set(re.findall(r"'([A-Z][A-Z0-9_]+)", attribute.description))


def test_the_readme_counts_these_combinations():
    lines = BLOCK.read((Path(__file__).parents[2] / "README.md").read_text()).splitlines()[2:]
    expected = [first_columns(operator) for operator in OPERATORS]
    assert [line[: len(start)] for line, start in zip(lines, expected, strict=True)] == expected
    assert all(re.search("bit-equal|within rounding", line) for line in lines)
