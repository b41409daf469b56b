"""Scaling and imputing in front of a forest become its thresholds, and every decision stays, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_ir.passes import common

from bridge.export.builder import Builder
from bridge.forest import Forest, concatenate
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, FOREST, IR_VERSION, MAIN_DOMAIN, MAIN_OPSET, ML_DOMAIN, ML_OPSET
from bridge.passes.fold_into_forest import FoldIntoForest
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options, constant_of
from tests.passes.judge import run

MEAN = np.array([3.3, -0.7, 1e6])
SCALE = np.array([0.1, 7.0, 1e-3])
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e308, -1e308, 1e-40])


def stumps(thresholds, *, missing_left=False, category=False):
    """Return a forest of one decision a tree; tree i asks feature i modulo 3, and adds 2 ** i where it goes left.

    So the sum says which way a row went in each of up to 53 trees.
    """
    return concatenate(
        [
            Forest(
                feature=np.array([i % 3, 0, 0], np.int32),
                threshold=np.array([threshold, 0.0, 0.0]),
                left=np.array([1, -1, -1], np.int32),
                right=np.array([2, -1, -1], np.int32),
                leaf=np.array([-1, 0, 1], np.int32),
                missing_left=np.array([missing_left, False, False]),
                roots=np.zeros(1, np.int32),
                values=np.array([[2.0**i], [0.0]]),
                category=np.array([0 if category else -1, -1, -1], np.int32),
                set_starts=np.array([0, 2] if category else [0]),
                set_members=np.array([1, 4] if category else [], np.int64),
            )
            for i, threshold in enumerate(thresholds)
        ]
    )


def model_of(forest, before, *, dtype=np.float64, width=3):
    """Return a model in which `before` turns the input X into what the forest sees; shapes are known everywhere."""
    b = Builder()
    element = ir.TensorType(ir.DataType.from_numpy(np.dtype(dtype)))
    x = ir.Value(name="X", type=element, shape=ir.Shape(["batch", width]))
    total = b.forest(forest, before(b, x))
    total.name, total.shape = "total", ir.Shape(["batch", forest.n_outputs])
    opsets = {MAIN_DOMAIN: MAIN_OPSET, ML_DOMAIN: ML_OPSET, BRIDGE_DOMAIN: BRIDGE_OPSET}
    graph = ir.Graph([x], [total], nodes=b.nodes, initializers=b.initializers, opset_imports=opsets, name="forest")
    return common.ShapeInferencePass()(ir.Model(graph, ir_version=IR_VERSION)).model


def fold(model):
    """Return the operators left in front of the forest, and the forest as it is now."""
    FoldIntoForest()(model)
    common.RemoveUnusedNodesPass()(model)
    *before, node = model.graph
    assert node.op_type == FOREST
    return [n.op_type for n in before], Forest.from_tables([constant_of(v) for v in node.inputs[1:]])


def decisions(model, x):
    (total,) = run(ir.to_proto(run_pipeline(model, Options("cuda", "traverse"), precision="exact")), {"X": x})
    return total


def unfolded(model, x, monkeypatch):
    """Return the decisions of the graph as it is, with no fold before the forest is written out."""
    with monkeypatch.context() as patch:
        patch.setattr(FoldIntoForest, "_fold", lambda *_: None)
        return decisions(model, x)


def standard(b, x):
    return b.div(b.sub(x, b.constant(MEAN)), b.constant(SCALE))


def standard_float32(b, x):
    return b.cast(standard(b, x), np.float32)


def minmax(b, x):
    return b.add(b.mul(x, b.constant(1 / SCALE)), b.constant(-MEAN[:, None].T))


def imputed(b, x):
    return standard(b, b.where(b.op("IsNaN", x), b.constant(MEAN), x))


def imputed_after(b, x):
    scaled = standard(b, x)
    return b.where(b.op("IsNaN", scaled), b.constant(np.zeros(3)), scaled)


def shuffled(b, x):
    return b.concat([standard(b, x), b.take_columns(x, [2, 0])])


def in_float32(b, x):
    narrow = b.cast(x, np.float32)
    return b.div(b.sub(narrow, b.like(MEAN, narrow)), b.like(SCALE, narrow))


STEPS = [standard, standard_float32, minmax, imputed, imputed_after, shuffled, in_float32]


def points(rng, count=40_000):
    """Return thresholds that the scaled values take, and rows of three numbers around those that reach them."""
    raw = rng.normal(size=(30, 3)) * SCALE * 3 + MEAN
    with np.errstate(all="ignore"):
        scaled = ((raw - MEAN) / SCALE).ravel()
    thresholds = np.concatenate([scaled[:24], [0.0, -0.0, 1 / 3, np.inf, 1e-300, 3e38]])
    near = [raw.ravel()]
    for _ in range(3):
        near += [np.nextafter(near[-1], np.inf), np.nextafter(near[-1], -np.inf)]
    near += [np.nextafter(raw.astype(np.float32), np.float32(s)).astype(np.float64).ravel() for s in (-np.inf, np.inf)]
    pool = np.concatenate([*near, raw.astype(np.float32).astype(np.float64).ravel(), SPECIAL, rng.normal(size=500)])
    return thresholds, rng.choice(pool, (count, 3))


@pytest.mark.parametrize("before", STEPS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("missing_left", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_decisions_stay_bit_for_bit(before, missing_left, dtype, monkeypatch):
    thresholds, x = points(np.random.default_rng(0))
    with np.errstate(over="ignore"):
        x = x.astype(dtype)

    def wide(b, value):
        return before(b, b.cast(value, np.float64))

    forest = stumps(thresholds, missing_left=missing_left)

    found = decisions(model_of(forest, wide, dtype=dtype), x)

    np.testing.assert_array_equal(found, unfolded(model_of(forest, wide, dtype=dtype), x, monkeypatch))
    assert len(np.unique(found)) > 100


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.floats(-1e10, 1e10),
    st.floats(1e-8, 1e8),
    st.lists(st.floats(allow_nan=False, width=32), min_size=3, max_size=6),
)
def test_moved_threshold_is_the_last_number_that_went_left(mean, scale, thresholds):
    def before(b, x):
        return b.cast(b.div(b.sub(x, b.constant([mean])), b.constant([scale])), np.float32)

    operators, folded = fold(model_of(stumps(thresholds), before))

    assert operators == []
    moved, original = folded.threshold[~folded.is_leaf], np.array(thresholds)
    with np.errstate(over="ignore"):
        at, after = (((v - mean) / scale).astype(np.float32) for v in (moved, np.nextafter(moved, np.inf)))
    assert (at <= original).all()
    assert ((after > original) | (moved == np.inf)).all()


@pytest.mark.parametrize("before", [standard, standard_float32, minmax, imputed, imputed_after])
def test_nothing_is_left_in_front_of_the_forest(before):
    operators, folded = fold(model_of(stumps([0.5, -1.0, 2.0]), before))

    assert operators == []
    assert folded.n_nodes == 9
    assert not np.isin(folded.threshold[~folded.is_leaf], [0.5, -1.0, 2.0]).any()


def test_columns_that_the_forest_asks_are_gathered():
    forest = stumps([0.5, 0.5, 0.5])
    forest = replace(forest, feature=np.where(forest.is_leaf, 0, 2).astype(np.int32))

    operators, folded = fold(model_of(forest, standard))

    assert operators == ["Gather"]
    assert set(folded.feature) == {0}


def test_missing_values_take_the_side_of_what_is_imputed():
    # (3.3 - 3.3) / 0.1 is 0: imputed rows go left of 0.5 and right of -0.5, whatever the tree said of missing values.
    forest = stumps([0.5, 0.5, 0.5, -0.5, -0.5, -0.5], missing_left=True)

    _, folded = fold(model_of(forest, imputed))

    assert folded.missing_left[~folded.is_leaf].tolist() == [True, True, True, False, False, False]


def test_missing_values_keep_their_side_behind_a_scaler():
    forest = stumps([0.5] * 3, missing_left=True)

    _, folded = fold(model_of(forest, standard))

    assert folded.missing_left[~folded.is_leaf].all()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(lambda b, x: b.div(x, b.constant([1.0, -1.0, 1.0])), id="scale below zero"),
        pytest.param(lambda b, x: b.mul(x, b.constant([1.0, 0.0, 1.0])), id="scale zero"),
        pytest.param(lambda b, x: b.sub(b.constant(MEAN), x), id="constant minus x"),
        pytest.param(lambda b, x: b.div(x, b.constant([np.inf, 1.0, 1.0])), id="infinite scale"),
        pytest.param(lambda b, x: b.sub(x, b.constant([np.nan, 0.0, 0.0])), id="mean is not a number"),
        pytest.param(lambda b, x: b.mul(x, x), id="two computed values"),
        pytest.param(lambda b, x: b.op("Abs", x), id="absolute value"),
        pytest.param(lambda b, x: b.matmul(x, b.constant(np.eye(3))), id="matrix product"),
        pytest.param(lambda b, x: b.where(b.op("IsInf", x), b.constant(MEAN), x), id="infinities replaced"),
        pytest.param(
            lambda b, x: b.where(b.op("IsNaN", b.op("Neg", x)), b.constant(MEAN), x), id="another value is tested"
        ),
    ],
)
def test_step_that_may_turn_the_order_over_stays(before):
    forest = stumps([0.5, -1.0, 2.0])
    model = model_of(forest, before)
    nodes = [n.op_type for n in model.graph if n.op_type != FOREST]

    operators, folded = fold(model)

    assert operators == nodes
    np.testing.assert_array_equal(folded.threshold, forest.threshold)


def test_columns_behind_a_negative_scale_stay_beside_folded_ones():
    def before(b, x):
        scaled, turned = standard(b, b.take_columns(x, [0, 1, 2])), b.op("Neg", b.take_columns(x, [1]))
        return b.concat([b.take_columns(scaled, [0, 2]), turned])

    forest = stumps([0.5, -1.0, 2.0])
    model = model_of(forest, before)

    operators, folded = fold(model)

    assert "Neg" in operators
    assert "Div" not in operators
    assert 2.0 in folded.threshold  # of the column behind Neg
    assert not {0.5, -1.0} & set(folded.threshold)


def test_category_sets_see_their_own_column():
    forest = stumps([0.5, 0.5, 0.5], category=True)
    model = model_of(forest, standard)

    operators, folded = fold(model)

    assert operators == ["Sub", "Div"]
    np.testing.assert_array_equal(folded.category, forest.category)


def test_numbers_fold_beside_category_sets(monkeypatch):
    sets, numbers = stumps([0.0], category=True), stumps([0.0, 0.5, -1.0])
    forest = concatenate(
        [sets, replace(numbers, values=8 * numbers.values, feature=np.array([1, 0, 0, 1, 0, 0, 2, 0, 0], np.int32))]
    )
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(-1, 7, 500), rng.normal(size=(500, 2)) * SCALE[1:] + MEAN[1:]])

    def before(b, value):
        return b.concat([b.take_columns(value, [0]), b.take_columns(standard(b, value), [1, 2])])

    operators, _ = fold(model_of(forest, before))
    found = decisions(model_of(forest, before), x)

    assert "Div" not in operators
    np.testing.assert_array_equal(found, unfolded(model_of(forest, before), x, monkeypatch))


def test_forest_that_sees_the_input_itself_is_untouched():
    model = model_of(stumps([0.5, -1.0, 2.0]), lambda b, x: b.cast(x, np.float32))
    before = ir.to_proto(model).SerializeToString(deterministic=True)

    result = FoldIntoForest()(model)

    assert not result.modified
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before


def test_casts_alone_fold_where_that_is_asked_for():
    limits = [0.1, -0.7, 1e6, 1 / 3, 5e-46, 16777217.0]
    model = model_of(stumps(limits), lambda b, x: b.cast(x, np.float32))
    below, above = np.nextafter(limits, -np.inf), np.nextafter(limits, np.inf)
    halfway = np.concatenate(
        [np.float32(limits).astype(np.float64) + d for d in (np.spacing(np.float32(limits)) / 2, 0)]
    )
    values = np.concatenate([limits, below, above, halfway, np.nextafter(halfway, np.inf), SPECIAL[:7]])
    x = np.repeat(values[:, None], 3, axis=1)
    expected = decisions(model_of(stumps(limits), lambda b, x: b.cast(x, np.float32)), x)

    result = FoldIntoForest(casts=True)(model)

    assert result.modified
    (forest,) = [node for node in model.graph if node.op_type == FOREST]
    assert forest.inputs[0] is model.graph.inputs[0]
    with np.errstate(over="ignore"):
        narrow = x.astype(np.float32)
    by_hand = [sum(2.0**i for i, t in enumerate(limits) if row[i % 3] <= t) for row in narrow.astype(np.float64)]
    np.testing.assert_array_equal(expected.ravel(), by_hand)
    np.testing.assert_array_equal(decisions(model, x).ravel(), by_hand)


def test_casts_stay_where_the_columns_would_be_cast_to_stand_side_by_side():
    def before(b, x):
        first, rest = (b.cast(b.take_columns(x, some), np.float64) for some in ([0], [1, 2]))
        return b.concat([first, b.op("Exp", rest)])

    assert not FoldIntoForest(casts=True)(model_of(stumps([0.1, 0.2, 0.3]), before, dtype=np.float32)).modified
