"""Matrices of few entries a row stay entries until a step needs them dense."""

import numpy as np
import onnx_ir as ir
import pytest

from bridge.errors import UnsupportedError
from bridge.export.builder import SPREAD, Builder, Terms
from bridge.export.loop import repeat
from bridge.export.terms import write_spreads


def terms(width=9):
    columns = ir.Value(name="c", type=ir.TensorType(ir.DataType.INT64))
    return Terms(columns, ir.Value(name="v", type=ir.TensorType(ir.DataType.DOUBLE)), width)


def names(b):
    return [node.op_type for node in b.nodes]


def test_what_reads_the_entries_needs_no_matrix():
    b = Builder()
    x = b.spread(terms())
    scaled = b.combine("Mul", x, np.arange(9.0))
    chosen = b.take_columns(b.above(scaled, 0.5), [4, 2])
    output = b.project(chosen, np.ones((2, 3)))
    b.add(x, x)  # which no output needs
    write_spreads(b, [output])
    assert SPREAD not in names(b)
    assert "ScatterElements" not in names(b)
    assert "Add" not in names(b)


def test_a_step_that_needs_the_matrix_gets_it_where_it_stood():
    b = Builder()
    x = b.spread(terms())
    output = b.add(x, b.like(1, x))
    write_spreads(b, [output])
    assert names(b)[-3:] == ["ScatterElements", "Slice", "Add"]
    assert output.producer().inputs[0].producer().op_type == "Slice"
    assert [node.op_type for node, _ in b.terms[x].values.uses()] == ["ScatterElements"]


def test_negative_and_repeated_columns_are_taken_from_the_matrix():
    b = Builder()
    x = b.spread(terms())
    for indices in ([-1], [2, 2]):
        assert b.take_columns(x, indices) not in b.terms
    assert b.above(x, -1.0) not in b.terms  # what is 0 would be 1


def test_terms_in_the_body_of_a_loop_are_written_there():
    b = Builder()
    x = b.spread(terms())
    state = b.take_columns(b.constant(np.zeros((1, 9))), [0])
    (output,) = repeat(b, lambda _, s: (None, [b.add(s[0], b.take_columns(x, [3]))]), [state], 2)
    write_spreads(b, [output])
    (loop,) = [node for node in b.nodes if node.op_type == "Loop"]
    body = [node.op_type for node in loop.attributes["body"].as_graph()]
    assert SPREAD not in body
    assert "ScatterElements" in body


def test_a_matrix_of_very_many_columns_is_refused():
    b = Builder()
    x = b.spread(terms(2**23))
    with pytest.raises(UnsupportedError, match=r"a step needs all 8,388,608 columns"):
        write_spreads(b, [b.add(x, x)])
