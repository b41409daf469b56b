"""Damaged tables are refused by a text when the session is created, or when a row would need what is not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper, numpy_helper

from bridge.forest import TABLES
from bridge.passes.keep_forests import in_file_form
from tests.forests import rows_at, walk
from tests.native.shapes import SHAPES, WIDTH, grown, kept


def changed(model, table, array):
    """Return the model with other numbers in one table."""
    (node,) = model.graph.node
    name = node.input[1 + list(TABLES).index(table)]
    (tensor,) = [t for t in model.graph.initializer if t.name == name]
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return model


def _at_inner(forest, name, number):
    table = getattr(forest, name).copy()
    table[np.flatnonzero(~forest.is_leaf)[-1]] = number
    return table


DAMAGE = {
    "left beyond the nodes": ("left", lambda f: _at_inner(f, "left", 10**6), "'left' points to 1000000"),
    "left the largest number": ("left", lambda f: _at_inner(f, "left", 2**31 - 1), "'left' points to 2147483647"),
    "right beyond the nodes": ("right", lambda f: _at_inner(f, "right", 10**6), "'right' points to 1000000"),
    "right below the nodes": ("right", lambda f: _at_inner(f, "right", -1), "'right' points to -1"),
    "a node that is its own child": ("left", lambda f: _at_inner(f, "left", np.flatnonzero(~f.is_leaf)[-1]), "loop"),
    "a way back to the root": ("right", lambda f: _at_inner(f, "right", f.roots[-1]), "loop"),
    "two parents": ("right", lambda f: np.where(f.is_leaf, f.right, f.left), "loop"),
    "a root beyond the nodes": ("roots", lambda f: f.roots + 10**6, "'roots' points to"),
    "a root below the nodes": ("roots", lambda f: f.roots - 10**6, "'roots' points to -"),
    "a root twice": ("roots", lambda f: np.append(f.roots, f.roots[0]), "loop"),
    "more roots than nodes": ("roots", lambda f: np.resize(f.roots, 10**5), "more roots than nodes"),
    "no trees": ("roots", lambda f: f.roots[:0], "there are no trees"),
    "a feature below zero": ("feature", lambda f: _at_inner(f, "feature", -5), "'feature' points to -5"),
    "a leaf beyond the values": ("leaf", lambda f: f.leaf + 10**6, "'leaf' points to"),
    "a leaf below the values": ("leaf", lambda f: f.leaf - 10**6, "'leaf' points to -"),
    "a set beyond the sets": ("category", lambda f: _at_inner(f, "category", 10**6), "'category' points to"),
    "sets that go back": ("set_starts", lambda f: f.set_starts[::-1], "does not cut"),
    "sets that start late": ("set_starts", lambda f: f.set_starts + 1, "does not cut"),
    "no sets at all": ("set_starts", lambda f: f.set_starts[:0], "does not cut"),
    "sets that end early": ("set_starts", lambda f: np.minimum(f.set_starts, 1), "does not cut"),
    "a member below zero": ("set_members", lambda f: f.set_members - 10, "'set_members' holds -"),
    "an absurd member": ("set_members", lambda f: f.set_members + 2**62, r"'set_members' holds \d+, outside"),
    "thresholds too short": ("threshold", lambda f: f.threshold[1:], "'threshold' has"),
    "missing_left too long": ("missing_left", lambda f: np.append(f.missing_left, True), "'missing_left' has"),
    "values of no outputs": ("values", lambda f: f.values[:, :0], "0 outputs"),
    "no values": ("values", lambda f: f.values[:0], "'values' has 0 numbers"),
    "a vector of values": ("values", lambda f: f.values[:, 0], "1 axes, expected 2"),
    "a matrix of features": ("feature", lambda f: f.feature[:, None], "2 axes, expected 1"),
}


@pytest.mark.parametrize(("table", "change", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_tables_are_refused_with_reason(open_kernel, table, change, reason):
    forest = in_file_form(SHAPES["categories"]())

    with pytest.raises(Exception, match=f"bridge::Forest.*{reason}"):
        open_kernel(changed(kept(forest), table, change(forest)))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("feature", [WIDTH, 10**6, 2**31 - 1])
def test_feature_beyond_the_columns_is_refused_when_rows_come(open_kernel, feature):
    forest = SHAPES["small trees"]()
    session = open_kernel(changed(kept(forest), "feature", _at_inner(forest, "feature", feature)))

    with pytest.raises(Exception, match=f"x has {WIDTH} columns, but table 'feature' asks for {feature + 1}"):
        session.run(None, {"X": np.zeros((3, WIDTH), np.float32)})


def test_tree_of_absurd_depth_is_refused_with_reason(open_kernel):
    forest = grown(np.random.default_rng(0), 4098, deepest=True)

    with pytest.raises(Exception, match="deeper than 4096"):
        open_kernel(_with_tables(kept(SHAPES["stumps"]()), forest))


def _with_tables(model, forest):
    for name in TABLES:
        changed(model, name, getattr(forest, name))
    return model


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_leaves_and_sets_do_not_read_may_be_anything(open_kernel, dtype):
    forest = in_file_form(SHAPES["categories and missing values"]())
    leaf, rng = forest.is_leaf, np.random.default_rng(0)
    model = kept(forest, dtype)
    noise = rng.integers(-(2**31), 2**31, forest.n_nodes).astype(np.int32)
    changed(model, "feature", np.where(leaf, noise, forest.feature))
    changed(model, "right", np.where(leaf, noise, forest.right))
    changed(model, "left", np.where(leaf, -np.abs(noise) - 1, forest.left).astype(np.int32))
    changed(model, "leaf", np.where(leaf, forest.leaf, noise))
    changed(model, "category", np.where(leaf, noise, forest.category))
    x = rows_at(forest, WIDTH, dtype)

    np.testing.assert_array_equal(open_kernel(model).run(None, {"X": x})[0], walk(forest, x))


@pytest.mark.usefixtures("isa")
def test_threshold_that_is_not_a_number_sends_every_number_to_the_right(open_kernel):
    forest = SHAPES["missing values"]()
    odd = np.where(~forest.is_leaf & (np.arange(forest.n_nodes) % 5 == 0), np.nan, forest.threshold)
    model = changed(kept(forest), "threshold", odd)
    x = rows_at(forest, WIDTH, np.float32)

    np.testing.assert_array_equal(open_kernel(model).run(None, {"X": x})[0], walk(replace(forest, threshold=odd), x))


def test_computed_tables_are_read_at_each_run(open_kernel):
    forest = SHAPES["five outputs"]()
    model = kept(forest)
    (call,) = model.graph.node
    model.graph.node.insert(0, helper.make_node("Mul", [call.input[8], "factor"], ["scaled"]))
    model.graph.node[1].input[8] = "scaled"
    model.graph.input.append(helper.make_tensor_value_info("factor", 11, [1]))
    session = open_kernel(model)
    x = rows_at(forest, WIDTH, np.float32)

    for factor in (2.0, -1.0):
        (sums,) = session.run(None, {"X": x, "factor": np.array([factor])})

        np.testing.assert_array_equal(sums, factor * walk(forest, x))


def test_setting_that_names_no_kernels_is_refused_with_reason(open_kernel, monkeypatch):
    monkeypatch.setenv("BRIDGE_FOREST_ISA", "mmx")

    with pytest.raises(Exception, match="BRIDGE_FOREST_ISA is 'mmx'; this machine runs"):
        open_kernel(kept(SHAPES["stumps"]()))
