"""`bridge::Forest` in files: the node, its tables, its function, and the way back to every other form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import bridge
from bridge.errors import LoweringError
from bridge.forest import TABLES, concatenate
from bridge.operator_counts import count_operators
from bridge.passes.keep_forests import in_file_form
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.read import read_model
from bridge.passes.rule import Options
from bridge.row_bytes import row_bytes
from bridge.runtime.reference import make_reference
from tests.forests import forests, oblivious_tree, rows_at, tree_of, walk
from tests.passes.judge import run
from tests.passes.test_forest_lowering import forest_model, full_tree, lowered

WIDTH = 4


def any_forest(seed=0, *, depth=4, trees=3):
    rng = np.random.default_rng(seed)
    options = {"n_features": WIDTH, "categories": True, "missing": True}
    return concatenate([tree_of(rng, depth=depth, **options) for _ in range(trees)])


def kept(forest, width=WIDTH, dtype=np.float32, target="cuda"):
    return lowered(forest, width, dtype, target, "forest")


def tables_of(model):
    (node,) = [n for n in model.graph.node if n.domain == "bridge"]
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return dict(zip(TABLES, (constants[name] for name in node.input[1:]), strict=True))


def test_file_holds_the_node_that_a_kernel_takes():
    forest = any_forest()

    model = kept(forest)

    (node,) = model.graph.node
    assert (node.domain, node.op_type, len(node.attribute), len(node.output)) == ("bridge", "Forest", 0, 1)
    assert {o.domain: o.version for o in model.opset_import} == {"": 13, "bridge": 1}
    assert node.input[0] == "X"
    assert {name: t.dtype for name, t in tables_of(model).items()} == TABLES
    assert " ".join(TABLES) == (
        "feature threshold left right leaf missing_left roots values category set_starts set_members"
    )


def test_file_holds_one_function_in_operators_of_ai_onnx():
    model = kept(any_forest())

    (function,) = model.functions
    assert (function.domain, function.name, function.overload) == ("bridge", "Forest", "")
    assert list(function.input) == ["x", *TABLES]
    assert {(o.domain, o.version) for o in function.opset_import} == {("", 13)}
    assert {n.domain for n in function.node} == {""}
    assert model.ir_version == 8
    onnx.checker.check_model(model, full_check=True)


def test_onnx_infers_the_shape_of_the_sums():
    model = kept(concatenate([full_tree(3, outputs=5)] * 2), 2)
    del model.graph.value_info[:]

    (output,) = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output

    assert output.type.tensor_type.elem_type == TensorProto.DOUBLE
    assert output.type.tensor_type.shape.dim[1].dim_value == 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(drawn=forests())
def test_reference_evaluator_reaches_the_same_leaves(dtype, drawn):
    forest, width = drawn
    x = rows_at(forest, width, dtype, rows=20)
    evaluator = make_reference(kept(forest, width, dtype))

    for rows in (x, x[:1], x[:0]):
        (total,) = evaluator.run(None, {"X": rows})

        assert total.dtype == np.float64
        np.testing.assert_array_equal(total, walk(forest, rows))


def test_operator_of_a_runtime_takes_the_place_of_the_function():
    forest = any_forest()
    x = rows_at(forest, WIDTH, np.float32, rows=5)

    class Forest(OpRun):
        op_domain = "bridge"

        def _run(self, x, *tables):
            return (np.full((len(x), tables[7].shape[1]), len(tables), np.float64),)

    (total,) = ReferenceEvaluator(kept(forest), new_ops=[Forest]).run(None, {"X": x})

    assert total.tolist() == [[11.0]] * 5


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(drawn=forests(categories=True, missing=True))
def test_tables_in_files_say_the_same_and_let_leaves_wait(drawn):
    forest, width = drawn

    tables = in_file_form(forest)

    tables.check(width)
    x = rows_at(forest, width, np.float64, rows=50)
    np.testing.assert_array_equal(walk(tables, x), walk(forest, x))
    leaf = tables.is_leaf
    assert np.isnan(tables.threshold[leaf | (tables.category >= 0)]).all()
    np.testing.assert_array_equal(tables.right[leaf], np.flatnonzero(leaf))
    assert (tables.left[leaf] == -1).all()
    assert (tables.category[leaf] == -1).all()
    assert not tables.missing_left[leaf].any()
    sizes = np.diff(tables.set_starts)
    assert (sizes[tables.category[tables.category >= 0]] > 0).all()


def _asking(sets, *, missing=False):
    """Return a tree that asks for one set after another along its right side."""
    rng = np.random.default_rng(0)
    n = len(sets)
    inner = np.arange(2 * n + 1) < n
    leaf = np.where(inner, -1, np.arange(2 * n + 1) - n)
    number = np.arange(2 * n + 1)
    return replace(
        tree_of(rng, depth=0, n_features=1),
        feature=np.zeros(2 * n + 1, np.int32),
        threshold=np.zeros(2 * n + 1),
        left=np.where(inner, n + number, -1).astype(np.int32),
        right=np.where(inner, np.where(number == n - 1, 2 * n, number + 1), -1).astype(np.int32),
        leaf=leaf.astype(np.int32),
        missing_left=inner & missing & (number == n - 1),
        values=np.arange(1.0, n + 2)[:, None],
        category=np.where(inner, number, -1).astype(np.int32),
        set_starts=np.cumsum([0, *map(len, sets)]).astype(np.int64),
        set_members=np.concatenate([np.asarray(s, np.int64) for s in sets]),
    )


SETS = {
    "one member": [[0]],
    "empty": [[], [3], []],
    "only empty ones": [[]],
    "out of order": [[9, 2, 5], [7, 1]],
    "repeated": [[4, 4, 4], [1, 1]],
    "the last number": [[2**24 - 1], [0]],
    "of every length": [list(range(100 * i, 100 * i + i)) for i in range(1, 20)],
    "long": [range(0, 3000, 3), range(1, 3000, 3)],
}


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("sets", SETS.values(), ids=SETS)
def test_every_member_of_a_set_is_found_and_nothing_else(sets, missing):
    forest = _asking(sets, missing=missing)
    members = np.unique(forest.set_members).astype(np.float64)
    odd = [np.nan, np.inf, -np.inf, -0.0, 0.0, -0.5, -1.0, 2.0**24, 2.0**24 - 0.5, 1e18, -1e18, 1e300]
    x = np.concatenate([members, members - 0.5, members + 0.5, members + 1, members - 1, odd])[:, None]

    (total,) = run(kept(forest, 1, np.float64), {"X": x})

    np.testing.assert_array_equal(total, walk(forest, x))


def test_forests_of_unlike_needs_share_a_function():
    rng = np.random.default_rng(1)
    parts = [
        tree_of(rng, depth=0, n_features=2),
        full_tree(6),
        tree_of(rng, depth=4, n_features=2, missing=True),
        tree_of(rng, depth=4, n_features=2, categories=True),
    ]

    def tables(b, x):
        total = b.forest(parts[0], x)
        for part in parts[1:]:
            total = b.add(total, b.forest(part, x))
        return total

    model = forest_model(parts[0], 2, np.float32, tables=tables)
    proto = to_proto(run_pipeline(model, Options("cuda", "forest"), precision="exact"))
    x = rows_at(concatenate(parts), 2, np.float32)

    assert len(proto.functions) == 1
    assert [n.op_type for n in proto.graph.node].count("Forest") == 4
    np.testing.assert_array_equal(run(proto, {"X": x})[0], sum(walk(part, x) for part in parts))


def test_every_operator_of_the_function_is_said_to_run_on_cuda():
    operators, functions = count_operators(kept(any_forest()))

    assert {o.place for o in (*operators, *functions[0].operators)} == {"CUDA"}
    assert [(f.domain, f.name) for f in functions] == [("bridge", "Forest")]


@pytest.mark.parametrize("opset", [13, 15, 18, 21, 23, 25])
def test_function_is_of_the_operator_set_of_its_model(opset):
    forest = any_forest(4)
    model = forest_model(forest, WIDTH, np.float64)
    model.graph.opset_imports[""] = opset
    x = rows_at(forest, WIDTH, np.float64)

    proto = to_proto(run_pipeline(model, Options("cpu", "forest"), precision="exact"))

    assert [(o.domain, o.version) for o in proto.functions[0].opset_import] == [("", opset)]
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_array_equal(run(proto, {"X": x})[0], walk(forest, x))


@pytest.mark.parametrize("sees", [np.float32, np.float64])
def test_thresholds_are_rounded_where_the_input_is_to_be_and_nowhere_else(sees):
    rng = np.random.default_rng(0)
    forest = replace(full_tree(6), threshold=np.where(full_tree(6).is_leaf, 0.0, rng.random(127)))
    model = forest_model(forest, 2, np.float64, tables=lambda b, x: b.forest(forest, b.cast(x, sees)))

    lowered = run_pipeline(model, Options("cuda", "forest"), precision="float32", inputs_are_rounded=True)

    inner = ~forest.is_leaf
    nearest = forest.threshold.astype(np.float32).astype(np.float64)
    expected = forest.threshold if sees is np.float32 else nearest
    found = tables_of(to_proto(lowered))["threshold"]
    np.testing.assert_array_equal(found[inner], expected[inner])
    assert found.dtype == np.float64
    assert lowered.meta.get("bridge.moved_decisions", False) == (sees is np.float64)


def test_rows_of_the_function_count_for_the_size_of_batches_without_a_kernel():
    forest = concatenate([full_tree(2, outputs=3)] * 50)
    model = run_pipeline(forest_model(forest, 2, np.float32), Options("cuda", "forest"), precision="exact")

    assert row_bytes(model) == 50 * (3 * 8 + 4)
    assert row_bytes(model, has_kernel=True) == 2 * 4 + 3 * 8


WAYS_BACK = [
    (target, strategy)
    for target in ("cpu", "cuda", "portable")
    for strategy in ("auto", "gemm", "tournament", "traverse", "forest")
    if (target, strategy) != ("portable", "forest")
]


@pytest.mark.parametrize(("target", "strategy"), WAYS_BACK)
def test_file_is_lowered_again_to_every_form(target, strategy):
    forest = any_forest(5)
    x = rows_at(forest, WIDTH, np.float32)
    file = kept(forest)
    before = file.SerializeToString()
    precision = "float32" if target == "portable" else None

    model = bridge.lower(file, target=target, strategy=strategy, precision=precision)

    assert file.SerializeToString() == before
    assert bool(model.functions) == (strategy == "forest")
    assert ("Forest" in {n.op_type for n in model.graph.node}) == (strategy == "forest")
    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))


def test_oblivious_trees_are_found_again():
    forest = concatenate([oblivious_tree(np.random.default_rng(i), depth=5, n_features=3) for i in range(5)])
    x = rows_at(forest, 3, np.float32)

    model = bridge.lower(kept(forest, 3), target="cuda", strategy="oblivious")

    assert "MatMul" in {n.op_type for n in model.graph.node}
    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))


def test_file_kept_twice_is_the_same():
    once = kept(any_forest())

    twice = bridge.lower(once, target="cuda", strategy="forest")

    for name, table in tables_of(once).items():
        np.testing.assert_array_equal(tables_of(twice)[name], table)
    assert twice.functions[0] == once.functions[0]


def test_trees_of_ai_onnx_ml_become_a_forest():
    forest = replace(any_forest(2), category=np.full(any_forest(2).n_nodes, -1, np.int32))
    forest = replace(forest, set_starts=np.zeros(1, np.int64), set_members=np.zeros(0, np.int64))
    x = rows_at(forest, WIDTH, np.float32)
    old = lowered(forest, WIDTH, np.float64, "cpu", "auto")

    model = bridge.lower(old, target="cuda", strategy="forest")

    assert [n.op_type for n in model.graph.node].count("Forest") == 1
    np.testing.assert_array_equal(run(model, {"X": x.astype(np.float64)})[0], walk(forest, x))


def test_tables_that_a_call_hands_to_a_function_are_known():
    file = kept(any_forest(3))
    x = rows_at(any_forest(3), WIDTH, np.float32)
    (call,) = file.graph.node
    outer = helper.make_function(
        "outer",
        "Wrapped",
        list(call.input),
        ["y"],
        [helper.make_node("Forest", list(call.input), ["y"], domain="bridge")],
        [helper.make_opsetid("bridge", 1)],
    )
    file.functions.append(outer)
    call.op_type, call.domain = "Wrapped", "outer"
    file.opset_import.append(helper.make_opsetid("outer", 1))

    model = bridge.lower(file, target="cuda", strategy="traverse")

    assert not model.functions
    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(any_forest(3), x))


def test_forest_of_computed_tables_is_computed_by_its_function():
    file = kept(any_forest(3))
    x = rows_at(any_forest(3), WIDTH, np.float32)
    (call,) = file.graph.node
    doubled = helper.make_node("Add", [call.input[8], call.input[8]], ["doubled"])
    call.input[8] = "doubled"
    file.graph.node.insert(0, doubled)

    model = bridge.lower(file, target="cuda", strategy="traverse")

    assert not model.functions
    np.testing.assert_array_equal(run(model, {"X": x})[0], 2 * walk(any_forest(3), x))


@pytest.mark.parametrize("strategy", ["auto", "traverse", "forest"])
@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_set_that_two_nodes_share_is_asked_by_each_in_its_own_way(target, strategy):
    forest = _asking([[1, 3], [0], [1, 3]], missing=True)
    shared = replace(forest, category=np.where(forest.category == 2, 0, forest.category))
    x = np.array([np.nan, -1, 0, 1, 2, 3, 4])[:, None]

    model = lowered(shared, 1, np.float64, target, strategy)

    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))


DAMAGE = {
    "left beyond the nodes": ("left", lambda t: np.where(t >= 0, 10**6, t), "'left' points to 1000000"),
    "right below the nodes": ("right", lambda t: t - 10**6, "'right' points to -"),
    "a root beyond the nodes": ("roots", lambda t: t + 10**6, "'roots' points to"),
    "a feature beyond the columns": ("feature", lambda t: t + 100, "'feature' points to"),
    "a leaf beyond the values": ("leaf", lambda t: t + 10**6, "'leaf' points to"),
    "a circle": ("right", np.zeros_like, "loop"),
    "a set beyond the sets": ("category", lambda t: t + 10**6, "'category' points to"),
    "sets that overlap": ("set_starts", lambda t: t[::-1], "'set_starts' does not cut"),
    "a member below zero": ("set_members", lambda t: t - 10, "'set_members' points to -"),
    "too short": ("threshold", lambda t: t[1:], "'threshold' has"),
    "no trees": ("roots", lambda t: t[:0], "has no trees"),
    "float32 thresholds": ("threshold", lambda t: t.astype(np.float32), "'threshold' is float32 with 1 axes"),
    "text": ("missing_left", lambda t: t.astype(str).astype(object), r"'missing_left' is \|S5"),
    "a vector of values": ("values", lambda t: t[:, 0], "'values' is float64 with 1 axes, expected float64 with 2"),
}


@pytest.mark.parametrize("strategy", ["auto", "forest", "traverse"])
@pytest.mark.parametrize(("table", "change", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_tables_of_a_file_are_refused_with_reason(strategy, table, change, reason):
    file = kept(any_forest())
    (node,) = file.graph.node
    name = node.input[1 + list(TABLES).index(table)]
    (tensor,) = [t for t in file.graph.initializer if t.name == name]
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))

    with pytest.raises(LoweringError, match=f"bridge::Forest.*{reason}"):
        bridge.lower(file, target="cuda", strategy=strategy)


@pytest.mark.parametrize("strategy", ["forest", "traverse"])
def test_forest_without_all_of_its_tables_is_refused(strategy):
    file = kept(any_forest())
    del file.graph.node[0].input[-1]
    del file.functions[:]

    with pytest.raises(LoweringError, match="a forest has 11 tables, found 10"):
        bridge.lower(file, target="cuda", strategy=strategy)


def test_input_of_whole_numbers_is_refused_with_reason():
    model = forest_model(any_forest(), WIDTH, np.int64)

    with pytest.raises(LoweringError, match="Forest is not known to be float32 or float64"):
        run_pipeline(model, Options("cuda", "forest"), precision="exact")


def test_inspect_says_how_trees_are_kept():
    model = run_pipeline(forest_model(any_forest(), WIDTH, np.float32), Options("cuda", "forest"), precision="exact")

    (note,) = model.meta["bridge.notes"]
    assert note.startswith(f"3 trees to depth {any_forest().depth}: forest, by its function about ")


def test_model_is_left_as_it_was_where_other_forms_are_asked_for():
    model = to_proto(forest_model(any_forest(), WIDTH, np.float32))
    before = model.SerializeToString()

    run_pipeline(read_model(model), Options("cuda", "forest"), precision="exact")

    assert model.SerializeToString() == before
