"""Whether a graph reaches the leaves that the library reaches: the sums of numbers that tell leaves apart say so."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from bridge.data.table import fits_float32
from bridge.errors import LoweringError
from bridge.export.graph import export_graph
from bridge.forest import Forest
from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options, require_constant
from bridge.runtime.session import open_session
from bridge.targets import TARGET_SPECS
from tests.parity.leaves.kinds import draw
from tests.parity.leaves.library import FLOAT64_DECISIONS, REFUSE_INFINITY, columns_of, leaf_reader, members
from tests.parity.leaves.rows import adversarial, lost_in_float32

FORMS = {
    "cpu auto": ("cpu", "auto"),
    "cuda auto": ("cuda", "auto"),
    "cuda oblivious": ("cuda", "oblivious"),
    "cuda tournament": ("cuda", "tournament"),
    "cuda traverse": ("cuda", "traverse"),
    "cuda gemm": ("cuda", "gemm"),
    "cuda forest": ("cuda", "forest"),
    "portable auto": ("portable", "auto"),
    "portable oblivious": ("portable", "oblivious"),
    "portable tournament": ("portable", "tournament"),
    "portable traverse": ("portable", "traverse"),
    "portable gemm": ("portable", "gemm"),
}
DECLINING = ("oblivious", "tournament", "gemm")
"""The forms that trees can be too deep for, or of another shape."""
BATCH = 2000
HELD_OUT_SEED = 2
EXACT_BITS = {"exact": 53, "float32": 24}
"""Whole numbers of so many bits have exact sums."""
LEAF, VALUES = ([t.name for t in Forest.__dataclass_fields__.values()].index(name) for name in ("leaf", "values"))


@dataclass(frozen=True)
class Outcome:
    """What came of one kind in one form on rows of one dtype.

    Attributes
    ----------
    rows, leaves
        How many were compared: every row reaches a leaf of every tree.
    lost
        Rows left out: float32 cannot tell them from a threshold that the library parts them from in float64.
    differing
        Rows that reach another leaf of some tree; None where the form declines the forest.
    """

    kind: str
    form: str
    dtype: str
    rows: int
    leaves: int
    lost: int
    differing: int | None


def check_kind(kind, estimator, dtype, count, forms=FORMS):
    """Yield the outcome of each form for `count` rows of one dtype; `estimator` is what `kind.fit` returned."""
    sample = draw(50, seed=HELD_OUT_SEED, missing=kind.missing).astype(dtype)
    exported = export_graph(estimator, sample, methods=["predict"])
    (column,) = exported.schema.columns
    forests = [_forest(node) for node in _forest_nodes(exported.model)]
    parts = list(zip(members(estimator), forests, strict=True))
    rows = adversarial(
        draw(count, seed=HELD_OUT_SEED, missing=kind.missing),
        forests,
        columns_of(estimator),
        dtype,
        nan=column.allow_nan,
        inf=not isinstance(estimator, REFUSE_INFINITY),
    )
    reached = [leaf_reader(member, forest)(rows) for member, forest in parts]
    lost = np.zeros(len(rows), bool)
    for member, forest in parts:
        if dtype == np.float64 and isinstance(member, FLOAT64_DECISIONS):
            lost |= lost_in_float32(rows, forest, columns_of(estimator))
    for form in forms:
        target, strategy = FORMS[form]
        compared = ~lost if target == "portable" else np.ones(len(rows), bool)
        try:
            wrong = _differing(exported, sample, rows, reached, target, strategy)
        except LoweringError:
            if strategy not in DECLINING:
                raise
            differing = None
        else:
            differing = int((wrong & compared).sum())
        n_rows = int(compared.sum())
        n_leaves = n_rows * sum(r.shape[1] for r in reached)
        left_out = len(rows) - n_rows
        yield Outcome(kind.name, form, np.dtype(dtype).name, n_rows, n_leaves, left_out, differing)


def _differing(exported, sample, rows, reached, target, strategy):
    """Return which rows reach other leaves in this form than in the library."""
    precision = TARGET_SPECS[target].precision
    model = ir.from_proto(ir.to_proto(exported.model))
    tables = _leave_fingerprints(model, EXACT_BITS[precision])
    schema = exported.schema
    lowered = run_pipeline(
        model,
        Options(target, strategy),
        precision=precision,
        inputs_are_rounded=not fits_float32(sample, schema),
        never_missing=frozenset(c.name for c in schema.columns if not c.allow_nan),
    )
    session = open_session(to_proto(lowered).SerializeToString(), device="cpu", threads=1)
    with np.errstate(over="ignore"):
        feed = rows.astype(np.float32) if precision == "float32" else rows
    wrong = np.zeros(len(rows), bool)
    for start in range(0, len(rows), BATCH):
        part = slice(start, start + BATCH)
        sums = session.run(list(session.outputs), {session.inputs[0]: feed[part]})
        for found, table, leaves in zip(sums, tables, reached, strict=True):
            wrong[part] |= (found != table[leaves[part]].sum(axis=1)).any(axis=1)
    return wrong


def _forest_nodes(model):
    return [n for n in model.graph if (n.domain, n.op_type) == (BRIDGE_DOMAIN, FOREST)]


def _forest(node):
    """Return the forest of a node, each of its leaves with a row of `values` of its own, by which it is known."""
    forest = Forest.from_tables([require_constant(t, "a table") for t in node.inputs[1:]])
    leaf = np.where(forest.is_leaf, np.cumsum(forest.is_leaf) - 1, -1).astype(np.int32)
    return replace(forest, leaf=leaf, values=forest.values[forest.leaf[forest.is_leaf]])


def _leave_fingerprints(model, bits):
    """Give every leaf a fingerprint for its values, and the graph the forests' sums for outputs; return the tables."""
    tables, outputs = [], []
    for i, node in enumerate(_forest_nodes(model)):
        forest = _forest(node)
        values = fingerprints(forest, bits)
        tables.append(values)
        for place, table in ((LEAF, forest.leaf), (VALUES, values)):
            tensor = ir.tensor(table, name=f"fingerprints_{i}_{place}")
            value = ir.Value(
                name=tensor.name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(table.shape), const_value=tensor
            )
            model.graph.register_initializer(value)
            node.replace_input_with(1 + place, value)
        (output,) = node.outputs
        output.name, output.shape = f"sums_{i}", ir.Shape(["batch", forest.n_outputs])
        outputs.append(output)
    model.graph.outputs[:] = outputs
    common.RemoveUnusedNodesPass()(model)
    return tables


def fingerprints(forest, bits):
    """Return values for the leaves: random whole numbers, no two alike, whose sums over all trees are exact.

    One wrong leaf always shows; that several wrong ones cancel out takes a chance of one in 2 ** bits / trees. What is
    zero stays so, and two outputs that add up to the same in all leaves still do: lowerings look for these.
    """
    most = 2**bits // forest.n_trees
    number = np.random.default_rng(0).choice(most - 1, len(forest.values), replace=False)[:, None] + 1.0
    sums = forest.values.sum(axis=1)
    if forest.n_outputs == 2 and np.ptp(sums) <= 1e-15:
        return np.hstack([most - number, number])
    scored = forest.values != 0
    scored[~scored.any(axis=1), 0] = True
    return scored * number
