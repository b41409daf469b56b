"""`bridge::Forest` in each of its forms reaches the very leaves that its tables say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from onnx import numpy_helper

from bridge.errors import LoweringError
from bridge.export.builder import Builder
from bridge.forest import MAX_DEPTH, concatenate
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, FOREST, IR_VERSION, MAIN_DOMAIN, MAIN_OPSET, ML_DOMAIN, ML_OPSET
from bridge.passes.lower_ops import LowerOps
from bridge.passes.lowering.trees import cost, forest_op, gemm
from bridge.passes.lowering.trees.cost import Cost, cheapest, rows_to_switch
from bridge.passes.lowering.trees.levels import find_oblivious
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options
from bridge.proto_nodes import all_nodes
from bridge.row_bytes import row_bytes
from tests.forests import forests, oblivious_tree, rows_at, shuffled, tree_of, walk
from tests.passes.judge import run

FORMS = {
    "ai.onnx.ml": ("cpu", "auto", "exact"),
    "cuda": ("cuda", "auto", "exact"),
    "gemm": ("cuda", "gemm", "exact"),
    "tournament": ("cuda", "tournament", "exact"),
    "traversal": ("cuda", "traverse", "exact"),
    "gemm on the cpu": ("cpu", "gemm", "exact"),
    "traversal on the cpu": ("cpu", "traverse", "exact"),
    "function": ("cuda", "forest", "exact"),
    "function on the cpu": ("cpu", "forest", "exact"),
    "function in float32": ("cuda", "forest", "float32"),
    "portable": ("portable", "auto", "float32"),
    "portable tournament": ("portable", "tournament", "float32"),
    "portable gemm": ("portable", "gemm", "float32"),
}
STEP = ("GatherElements", "GatherElements", "GatherElements", "LessOrEqual", "GatherElements", "Cast", "Sub")
"""One level of the walk: what the node asks, the value, its threshold, the decision, its right child, the child."""

every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
every_form = pytest.mark.parametrize(("target", "strategy", "precision"), FORMS.values(), ids=FORMS)


def forest_model(forest, width, dtype, *, tables=None):
    """Return a model that is one Forest node over the input X."""
    b = Builder()
    element = ir.TensorType(ir.DataType.from_numpy(np.dtype(dtype)))
    x = ir.Value(name="X", type=element, shape=ir.Shape(["batch", width]))
    total = b.forest(forest, x) if tables is None else tables(b, x)
    total.name, total.shape = "total", ir.Shape(["batch", forest.n_outputs])
    opsets = {MAIN_DOMAIN: MAIN_OPSET, ML_DOMAIN: ML_OPSET, BRIDGE_DOMAIN: BRIDGE_OPSET}
    graph = ir.Graph([x], [total], nodes=b.nodes, initializers=b.initializers, opset_imports=opsets, name="forest")
    return ir.Model(graph, ir_version=IR_VERSION)


def lowered(forest, width, dtype, target, strategy, precision="exact"):
    model = forest_model(forest, width, dtype)
    return to_proto(run_pipeline(model, Options(target, strategy), precision=precision))


def operators(model):
    return Counter(n.op_type for n in all_nodes(model.graph.node))


def branches(model):
    """Return the two graphs that a model chooses between by the number of rows, and that number."""
    (choice,) = [n for n in model.graph.node if n.op_type == "If"]
    found = {a.name: a.g for a in choice.attribute}
    (less,) = [n for n in model.graph.node if n.op_type == "Less"]
    (most,) = [numpy_helper.to_array(t) for t in model.graph.initializer if t.name == less.input[1]]
    (width,) = [i.type.tensor_type.shape.dim[1].dim_value for i in model.graph.input]
    return found["then_branch"], found["else_branch"], int(most) // width


@every_form
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(drawn=forests())
def test_every_row_reaches_its_leaves(target, strategy, precision, dtype, drawn):
    forest, width = drawn
    if precision == "float32":
        dtype = np.float32
    x = rows_at(forest, width, dtype)

    (total,) = run(lowered(forest, width, dtype, target, strategy, precision), {"X": x})

    assert total.dtype == (np.float32 if precision == "float32" else np.float64)
    np.testing.assert_array_equal(total, walk(forest, x))


@every_form
@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(drawn=forests())
def test_nodes_may_stand_in_any_order(target, strategy, precision, drawn):
    forest, width = drawn
    x = rows_at(forest, width, np.float32)
    mixed = shuffled(forest, np.random.default_rng(0))

    (total,) = run(lowered(mixed, width, np.float32, target, strategy, precision), {"X": x})

    np.testing.assert_array_equal(total, walk(forest, x))


@every_form
@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_leaves_may_share_what_they_score(target, strategy, precision, outputs):
    rng = np.random.default_rng(outputs)
    forest = concatenate([tree_of(rng, depth=6, n_features=3) for _ in range(20)])
    values = rng.integers(1, 100, (3, outputs)).astype(np.float64)
    forest = replace(forest, leaf=np.where(forest.is_leaf, forest.leaf % 3, -1).astype(np.int32), values=values)
    x = rows_at(forest, 3, np.float32)

    (total,) = run(lowered(forest, 3, np.float32, target, strategy, precision), {"X": x})

    np.testing.assert_array_equal(total, walk(forest, x))


@pytest.mark.parametrize("depth", [9, 10])
@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_of_large_trees_are_looked_up_by_their_numbers(depth, outputs):
    forest = full_tree(depth)
    values = np.arange(outputs * 2.0).reshape(2, outputs)
    forest = replace(forest, leaf=np.where(forest.is_leaf, forest.leaf % 2, -1).astype(np.int32), values=values)
    x = rows_at(forest, 2, np.float32)

    model = lowered(forest, 2, np.float32, "cuda", "traverse")

    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))
    assert operators(model)["GatherElements"] == 4 * (depth - 1) + outputs + (depth == 10)


@every_form
@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_and_one_row(target, strategy, precision, rows):
    forest = tree_of(np.random.default_rng(3), depth=4, n_features=3, categories=True, missing=True)
    x = rows_at(forest, 3, np.float32, rows=rows)

    (total,) = run(lowered(forest, 3, np.float32, target, strategy, precision), {"X": x})

    assert total.shape == (rows, 1)
    np.testing.assert_array_equal(total, walk(forest, x))


def full_tree(depth, outputs=1):
    """Return a tree whose every path has `depth` decisions, without sets and missing-value routes."""
    inner = 2**depth - 1
    nodes = 2 * inner + 1
    number = np.arange(nodes)
    values = np.arange((inner + 1.0) * outputs).reshape(inner + 1, outputs) + 1
    rng = np.random.default_rng(0)
    return replace(
        tree_of(rng, depth=0, n_features=2),
        feature=np.where(number < inner, rng.integers(2, size=nodes), 0).astype(np.int32),
        threshold=np.where(number < inner, rng.normal(size=nodes), 0.0),
        left=np.where(number < inner, 2 * number + 1, -1).astype(np.int32),
        right=np.where(number < inner, 2 * number + 2, -1).astype(np.int32),
        leaf=np.where(number < inner, -1, number - inner).astype(np.int32),
        missing_left=np.zeros(nodes, np.bool_),
        values=values,
        category=np.full(nodes, -1, np.int32),
    )


def tall_tree(rng, bushy, tall):
    """Return a tree with all nodes down to depth `bushy`, of which one leaf goes on as a chain down to `tall`."""
    left, right = [], []
    level = [0]
    for depth in range(tall):
        parents = level if depth < bushy else level[-1:]
        first = level[-1] + 1
        for node in range(len(left), len(left) + len(level)):
            at = parents.index(node) if node in parents else None
            left.append(-1 if at is None else first + 2 * at)
            right.append(-1 if at is None else first + 2 * at + 1)
        level = list(range(first, first + 2 * len(parents)))
    left += [-1] * len(level)
    right += [-1] * len(level)
    is_leaf = np.array(left) < 0
    return replace(
        tree_of(rng, depth=0, n_features=3),
        feature=np.where(is_leaf, 0, rng.integers(3, size=len(left))).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, rng.normal(size=len(left)) - 1),  # most rows go right
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32),
        missing_left=np.zeros(len(left), np.bool_),
        values=rng.integers(100, size=(is_leaf.sum(), 2)).astype(np.float64),
        category=np.full(len(left), -1, np.int32),
    )


@pytest.mark.parametrize("strategy", ["traverse", "auto"])
@every_dtype
def test_cpu_walks_on_with_latecomers_alone(monkeypatch, strategy, dtype):
    monkeypatch.setattr(cost, "WORTH", 0.1)
    rng = np.random.default_rng(0)
    forest = concatenate([tall_tree(rng, bushy=5, tall=int(tall)) for tall in rng.integers(20, 30, size=60)])
    x = rows_at(forest, 3, dtype, rows=400)

    model = lowered(forest, 3, dtype, "cpu", strategy)

    assert operators(model)["NonZero"] == operators(model)["ScatterElements"] >= 1
    assert operators(model)["If"] == (strategy == "auto")
    for rows in (x, x[:1], x[:0], x[7:8], np.full((5, 3), np.nan, dtype)):
        np.testing.assert_array_equal(run(model, {"X": rows})[0], walk(forest, rows))


def test_no_row_is_late_in_complete_trees():
    assert operators(lowered(concatenate([full_tree(8)] * 60), 2, np.float32, "cpu", "traverse"))["NonZero"] == 0


def test_gpus_and_other_runtimes_walk_with_all_rows():
    forest = concatenate([tall_tree(np.random.default_rng(0), bushy=5, tall=25)] * 60)

    for target in ("cuda", "portable"):
        assert operators(lowered(forest, 3, np.float32, target, "traverse"))["NonZero"] == 0


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("target", ["cuda", "portable"])
def test_traversal_makes_one_round_of_look_ups_a_level(target, depth):
    model = lowered(full_tree(depth), 2, np.float32, target, "traverse")

    start, end = ("Transpose", "Gather", "LessOrEqual", "Cast", "Sub"), ("GatherElements", "ReduceSum", "Transpose")
    expected = Counter([*start, *STEP * (depth - 1), *end])
    if target == "portable":  # some runtimes cast bools to float32 alone
        expected["Cast"] *= 2
    assert operators(model) == expected


def test_gemm_makes_two_products():
    model = lowered(full_tree(4), 2, np.float32, "cuda", "gemm")

    decide = ("Transpose", "Gather", "LessOrEqual", "Cast", "MatMul")
    assert operators(model) == Counter([*decide, "LessOrEqual", "Cast", "MatMul", "ReduceSum", "Transpose"])


@pytest.mark.parametrize(
    ("depth", "trees", "look_ups"),
    [(3, 100, 1), (4, 100, 13), (4, 1, 1)],
    ids=["many shallow", "many deep", "one deep"],
)
@pytest.mark.parametrize("target", ["cuda", "portable"])
def test_the_cheaper_form_is_taken(target, depth, trees, look_ups):
    forest = concatenate([full_tree(depth)] * trees)

    assert operators(lowered(forest, 2, np.float32, target, "auto"))["GatherElements"] == look_ups


def test_trees_of_unlike_depth_are_walked_apart():
    forest = concatenate([full_tree(depth) for depth in [2, 9] * 40])
    x = rows_at(forest, 2, np.float32)

    model = lowered(forest, 2, np.float32, "cuda", "traverse")

    assert operators(model)["GatherElements"] == 4 * (1 + 8) + 2
    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))


def test_deep_trees_are_no_tournament():
    with pytest.raises(LoweringError, match="'tournament' takes trees of depth 12; these have 13"):
        lowered(full_tree(13), 2, np.float32, "cuda", "tournament")


OBLIVIOUS_FORMS = {
    "cuda": ("cuda", "oblivious", "exact"),
    "cuda's choice": ("cuda", "auto", "exact"),
    "cpu's choice": ("cpu", "auto", "exact"),
    "portable": ("portable", "oblivious", "float32"),
}


@pytest.mark.parametrize(("target", "strategy", "precision"), OBLIVIOUS_FORMS.values(), ids=OBLIVIOUS_FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("outputs", [1, 3, 6])
def test_every_row_reaches_its_leaves_in_oblivious_trees(target, strategy, precision, dtype, outputs):
    rng = np.random.default_rng(outputs)
    depths = [0, 1, 2, 2, 5, 9] * 3
    trees = [oblivious_tree(rng, depth=d, n_features=4, missing=True, outputs=outputs) for d in depths]
    forest = concatenate(trees)
    x = rows_at(forest, 4, np.float32 if precision == "float32" else dtype)

    model = lowered(forest, 4, x.dtype, target, strategy, precision)

    assert operators(model)["MatMul"] >= 1
    for rows in (x, x[:1], x[:0]):
        np.testing.assert_array_equal(run(model, {"X": rows})[0], walk(forest, rows))


@pytest.mark.parametrize("depth", [1, 3, 10])
@pytest.mark.parametrize("target", ["cuda", "portable"])
def test_oblivious_trees_of_any_depth_make_one_product(target, depth):
    forest = concatenate([oblivious_tree(np.random.default_rng(i), depth=depth, n_features=3) for i in range(5)])

    model = lowered(forest, 3, np.float32, target, "oblivious")

    decide = ("Transpose", "Gather", "LessOrEqual", "Cast")
    leaves = ("Reshape", "MatMul", "Reshape", "Cast", "GatherElements", "ReduceSum", "Transpose")
    assert operators(model) == Counter([*decide, *leaves])


def test_oblivious_trees_of_unlike_depth_share_a_product():
    rng = np.random.default_rng(0)
    forest = concatenate([oblivious_tree(rng, depth=d, n_features=3) for d in [3, 4, 5] * 3])

    assert operators(lowered(forest, 3, np.float32, "cuda", "auto"))["MatMul"] == 1


@pytest.mark.parametrize(("strategy", "products"), [("auto", 1), ("traverse", 0)])
def test_oblivious_trees_stand_apart_from_others(strategy, products):
    rng = np.random.default_rng(0)
    kinds = [oblivious_tree(rng, depth=6, n_features=2), full_tree(6)] * 40
    forest = concatenate(kinds)
    x = rows_at(forest, 2, np.float32)

    model = lowered(forest, 2, np.float32, "cuda", strategy)

    assert operators(model)["MatMul"] == products
    assert operators(model)["GatherElements"] > 10
    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))


def test_a_few_oblivious_trees_join_the_others():
    rng = np.random.default_rng(0)
    forest = concatenate([oblivious_tree(rng, depth=6, n_features=2), *[full_tree(6)] * 40])

    assert operators(lowered(forest, 2, np.float32, "cuda", "auto"))["MatMul"] == 0


def test_trees_that_ask_several_questions_a_level_are_not_oblivious():
    forest = concatenate([oblivious_tree(np.random.default_rng(0), depth=3, n_features=2), full_tree(4)])

    with pytest.raises(LoweringError, match="one question a level; 1 trees of up to 4 levels ask several"):
        lowered(forest, 2, np.float32, "cuda", "oblivious")


@pytest.mark.parametrize("change", ["feature", "threshold", "missing_left", "category", "left"])
def test_one_node_that_differs_makes_a_tree_not_oblivious(change):
    tree = oblivious_tree(np.random.default_rng(0), depth=3, n_features=2)
    table = getattr(tree, change).copy()
    if change == "left":  # a leaf above the others
        table[6] = -1
    else:
        table[6] += 1
    changed = replace(tree, **{change: table})

    assert find_oblivious(concatenate([tree, changed, tree])).tolist() == [True, False, True]


@pytest.mark.parametrize(("trees", "operator"), [(1, "TreeEnsemble"), (50, "MatMul")])
def test_cpu_takes_the_faster_of_kernel_and_bits(trees, operator):
    forest = concatenate([oblivious_tree(np.random.default_rng(0), depth=4, n_features=2)] * trees)

    assert operator in operators(lowered(forest, 2, np.float32, "cpu", "auto"))


@every_dtype
def test_cpu_takes_the_kernel_for_few_rows_and_the_walk_for_many(dtype):
    rng = np.random.default_rng(0)
    forest = concatenate([tree_of(rng, depth=7, n_features=4, categories=True, missing=True) for _ in range(100)])

    model = lowered(forest, 4, dtype, "cpu", "auto")

    few, many, rows = branches(model)
    assert "TreeEnsemble" in {n.op_type for n in few.node}
    assert {n.op_type for n in many.node} >= {"GatherElements", "LessOrEqual"}
    assert "TreeEnsemble" not in {n.op_type for n in many.node}
    assert 2 < rows < 100
    x = rows_at(forest, 4, dtype, rows=3 * rows)
    for count in (0, 1, rows - 1, rows, rows + 1, 3 * rows):
        np.testing.assert_array_equal(run(model, {"X": x[:count]})[0], walk(forest, x[:count]))


def test_cpu_takes_either_form_for_two_forests_of_one_model():
    rng = np.random.default_rng(0)
    first, second = (concatenate([tree_of(rng, depth=6, n_features=4) for _ in range(60)]) for _ in range(2))
    model = forest_model(first, 4, np.float32)
    builder = Builder()
    other = builder.forest(second, model.graph.inputs[0])
    for value in builder.initializers:
        value.name = f"second_{value.name}"
        model.graph.register_initializer(value)
    model.graph.extend(builder.nodes)
    other.name, other.shape = "other", ir.Shape(["batch", 1])
    model.graph.outputs.append(other)
    x = rows_at(first, 4, np.float32, rows=200)

    made = to_proto(run_pipeline(model, Options("cpu"), precision="exact"))

    assert operators(made)["If"] == 2
    for count in (1, 200):
        total, second_total = run(made, {"X": x[:count]})
        np.testing.assert_array_equal(total, walk(first, x[:count]))
        np.testing.assert_array_equal(second_total, walk(second, x[:count]))


def test_memory_of_a_row_is_that_of_the_form_for_many_rows():
    forest = concatenate([full_tree(5)] * 100)
    models = {
        target: run_pipeline(forest_model(forest, 2, np.float32), Options(target), precision="exact")
        for target in ("cpu", "cuda")
    }

    assert operators(to_proto(models["cpu"]))["If"] == 1
    assert row_bytes(models["cpu"]) == row_bytes(models["cuda"]) > 1000


def test_rows_from_which_on_another_form_is_worth_its_tables():
    kernel = Cost(1.0, 3.0)

    assert rows_to_switch(kernel, Cost(21.0, 1.0)) == 10
    assert rows_to_switch(kernel, Cost(2.0, 1.0)) == 0  # never much slower
    assert rows_to_switch(kernel, Cost(21.0, 2.9)) is None  # hardly ever faster
    assert rows_to_switch(kernel, Cost(1e6, 1.0)) is None  # faster beyond what runs have


def test_large_forests_have_no_kernel(monkeypatch):
    monkeypatch.setattr(forest_op, "MOST_KERNEL_NODES", 100)

    assert "TreeEnsemble" in operators(lowered(full_tree(5), 2, np.float32, "cpu", "auto"))
    assert "TreeEnsemble" not in operators(lowered(full_tree(6), 2, np.float32, "cpu", "auto"))


def test_trees_of_any_depth_have_a_cheapest_form():
    assert cheapest(MAX_DEPTH, 1, oblivious=False) == "traverse"


def test_cpu_takes_one_tree_ensemble():
    model = lowered(full_tree(4), 2, np.float64, "cpu", "auto")

    (node,) = model.graph.node
    assert (node.domain, node.op_type) == (ML_DOMAIN, "TreeEnsemble")
    assert {o.domain: o.version for o in model.opset_import}[ML_DOMAIN] == ML_OPSET


def test_cpu_sums_leaves_with_many_outputs_in_float64():
    forest = full_tree(3, outputs=3)
    forest = replace(forest, values=forest.values / 3)
    x = rows_at(forest, 2, np.float32)

    model = lowered(forest, 2, np.float32, "cpu", "auto")

    assert operators(model) == Counter(["TreeEnsemble", "Cast", "Gather", "ReduceSum"])
    np.testing.assert_array_equal(run(model, {"X": x})[0], walk(forest, x))


def test_left_missing_routes_are_a_copy_of_the_column():
    forest = full_tree(1)
    forest = replace(forest, missing_left=~forest.is_leaf)

    model = lowered(forest, 2, np.float32, "cuda", "traverse")

    copy = ("Gather", "IsNaN", "Where", "Concat")
    walk = ("Transpose", "Gather", "LessOrEqual", "Cast", "Sub", "GatherElements", "ReduceSum", "Transpose")
    assert operators(model) == Counter([*copy, *walk])
    assert [n.op_type for n in lowered(forest, 2, np.float64, "cpu", "auto").graph.node] == ["TreeEnsemble"]


def test_thresholds_of_float32_columns_are_rounded_down():
    forest = replace(full_tree(1), threshold=np.array([0.1, 0.0, 0.0]))

    for strategy in ("gemm", "tournament", "traverse"):
        graph = ir.from_proto(lowered(forest, 2, np.float32, "cuda", strategy)).graph
        tables = [v.const_value.numpy() for v in graph.initializers.values() if v.dtype == ir.DataType.FLOAT]
        assert any(np.nextafter(np.float32(0.1), np.float32(0)) in table for table in tables)
        assert not any(np.float32(0.1) in table for table in tables)


def test_constants_are_told_apart_from_computed_tables():
    forest = full_tree(2)

    def computed(b, x):
        tables = [b.constant(t) for t in forest.tables()]
        tables[1] = b.add(tables[1], b.op("ReduceSum", b.cast(x, np.float64), keepdims=0))
        return b.op(FOREST, x, *tables, domain=BRIDGE_DOMAIN, dtype=ir.DataType.DOUBLE)

    model = forest_model(forest, 2, np.float32, tables=computed)

    with pytest.raises(LoweringError, match="a table of Forest is not a constant"):
        run_pipeline(model, Options("cuda"), precision="exact")


@pytest.mark.parametrize("target", ["portable", "cuda", "cpu"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"right": np.array([0, -1, -1], np.int32)}, "loop"),
        ({"left": np.array([9, -1, -1], np.int32)}, "'left' points to 9"),
        ({"feature": np.array([2, 0, 0], np.int32)}, "'feature' points to 2"),
    ],
)
def test_tables_that_point_nowhere_are_declined(target, change, reason):
    model = forest_model(replace(full_tree(1), **change), 2, np.float32)

    with pytest.raises(LoweringError, match=reason):
        run_pipeline(model, Options(target), precision="exact")


def test_path_matrix_beyond_all_memory_is_declined(monkeypatch):
    monkeypatch.setattr(gemm, "MOST_CELLS", 100)
    model = forest_model(full_tree(4), 2, np.float32)

    with pytest.raises(LoweringError, match=r"1 path matrices of 15 x 16; use 'traverse'"):
        run_pipeline(model, Options("cuda", "gemm"), precision="exact")


def test_declined_forest_leaves_the_graph_as_it_was():
    model = forest_model(replace(full_tree(1), left=np.array([9, -1, -1], np.int32)), 2, np.float32)
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    lowering = LowerOps(Options("cuda"))

    result = lowering(model)

    assert not result.modified
    assert ["'left' points to 9" in reason for reason in lowering.declined.values()] == [True]
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before
