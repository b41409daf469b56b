"""Constants taken out of a graph."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from bridge.passes.initializers import drop_unused


def graph_of(use):
    """Return a graph with one constant that is used so, and the constant."""
    table = ir.Value(name="table", const_value=ir.tensor(np.arange(3.0), name="table"))
    result = ir.Value(name="x")
    nodes = [ir.node("Neg", [table], outputs=[result])] if use == "node" else []
    inputs, outputs = ([table] if use == place else [] for place in ("input", "output"))
    return ir.Graph(inputs, outputs, nodes=nodes, initializers=[table], name="g"), table


def test_constant_without_a_use_goes_with_its_data():
    graph, table = graph_of(None)

    drop_unused(graph, table)

    assert not graph.initializers
    assert table.const_value is None


@pytest.mark.parametrize("use", ["node", "input", "output"])
def test_constant_in_use_stays(use):
    graph, table = graph_of(use)

    drop_unused(graph, table)

    assert graph.initializers["table"] is table
    assert table.const_value is not None


def test_constant_of_another_graph_stays():
    graph, _ = graph_of(None)
    _, table = graph_of(None)

    drop_unused(graph, table)

    assert len(graph.initializers) == 1
    assert table.const_value is not None
