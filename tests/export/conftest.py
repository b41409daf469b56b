"""Runs exported graphs through onnxruntime and compares every method with the estimator that they came from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
from scipy import sparse

from bridge.data.encode import Encoder
from bridge.export.graph import export_graph
from bridge.method import answer as answer_of
from bridge.opset import FOREST
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options

ROUTES = (("cpu", "exact"), ("cuda", "exact"), ("portable", "float32"))
NEVER_SEEN = "never seen"

_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_NUMBERS = _FLOATS | {"INT32", "INT64"}
_ANYTHING = _NUMBERS | {"BOOL"}
# Operators, and dtypes of their first input (of the second, for Where), with a CUDA kernel in onnxruntime 1.31.1 that
# needs no cuDNN. Measured; ReduceMax and the like are placed on CUDA too, but fail at run without cuDNN.
CUDA_KERNELS = {
    **dict.fromkeys(
        ("Gather", "GatherElements", "Cast", "Concat", "Slice", "Reshape", "Unsqueeze", "Squeeze"), _ANYTHING
    ),
    **dict.fromkeys(("Transpose", "Flatten", "Expand", "Split", "Identity", "ScatterElements"), _ANYTHING),
    **dict.fromkeys(("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Where", "Tile"), _NUMBERS),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Mod", "Abs", "Neg", "Sign", "ReduceSum", "TopK", "CumSum"), _NUMBERS),
    **dict.fromkeys(("Min", "Max", "Pow"), _NUMBERS),
    **dict.fromkeys(("And", "Or", "Not", "Xor"), frozenset({"BOOL"})),
    **dict.fromkeys(("MatMul", "Gemm", "Softmax", "LogSoftmax", "Sigmoid", "Exp", "Log", "Sqrt", "Tanh"), _FLOATS),
    **dict.fromkeys(("Floor", "Ceil", "Round", "Reciprocal", "Sin", "Cos", "Erf", "IsNaN", "IsInf", "ArgMax"), _FLOATS),
    **dict.fromkeys(("Relu", "ConstantOfShape", "Shape"), _ANYTHING),
    "Clip": _FLOATS | {"INT64"},
    "Equal": _ANYTHING,
    "NonZero": frozenset({"BOOL", "FLOAT", "INT64"}),
    "ScatterND": _NUMBERS,
    "Loop": _ANYTHING,
}


@dataclass(frozen=True)
class Route:
    """One exported graph in a session, and how its outputs become the estimator's answers."""

    target: str
    precision: str
    exported: object
    session: object

    def __call__(self, table):
        feeds = Encoder(self.exported.schema)(table)
        wanted = {i.name: i.type for i in self.session.get_inputs()}
        narrow = {n: v.astype(np.float32) if wanted[n] == "tensor(float)" else v for n, v in feeds.items()}
        names = [o.name for o in self.session.get_outputs()]
        outputs = dict(zip(names, self.session.run(None, narrow), strict=True))
        return {m.name: _answer(m, [outputs[name] for name in m.outputs]) for m in self.exported.methods}


def open_route(exported, target, precision):
    model = run_pipeline(exported.model.clone(), Options(target), precision=precision)
    if target == "cuda" or not _has_forest(exported):
        _check_kernels(model)
    proto = to_proto(model)
    onnx.checker.check_model(proto)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(
        proto.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["MatMulScaleFusion"],  # as bridge.runtime opens its sessions
    )
    return Route(target, precision, exported, session)


@pytest.fixture
def agree():
    return check_agreement


@pytest.fixture
def open_graph():
    return lambda estimator, sample: open_route(export_graph(estimator, sample), "cpu", "exact")


def check_agreement(
    estimator,
    sample,
    *more,
    routes=ROUTES,
    tolerance=1e-12,
    float32_tolerance=2e-5,
    methods=None,
    special=True,
    loose=0.0,
    rounded=True,
    empty=True,
):
    """Assert that the graph of `estimator` answers as it does, on `sample`, special values, one row and no rows.

    `tolerance` bounds the scaled error in float64, 0 asks for equal bits; `float32_tolerance` where float32 enters.
    `loose` is the share of rows that may differ in float32, where a value lies on a threshold. The estimator is asked
    about the float32 values that a float32 graph sees, or with `rounded=False` about the original ones.
    """
    exported = export_graph(estimator, sample, methods=methods)
    for target, precision in routes:
        if (target, precision) == ("cuda", "exact") and ("cpu", "exact") in routes and not _has_forest(exported):
            continue  # nothing is lowered otherwise, and the kernels were checked on the other graph
        route = open_route(exported, target, precision)
        tables = [sample, _take(sample, slice(1, 2)), *more]
        if special:
            tables += _special_tables(sample, route.exported.schema, extremes=precision == "exact")
        for table in tables:
            data = _rounded(table) if precision == "float32" and rounded else table
            expected = _ask(estimator, route.exported.methods, data)
            is_float32 = precision == "float32" or _holds_float32(sample)
            bound = float32_tolerance if is_float32 and tolerance else tolerance
            for name, answer in route(data).items():
                if precision == "float32" and name == "predict_log_proba":
                    continue  # in float32, 1 - p keeps no digits of a small probability
                where = f"{type(estimator).__name__}.{name} for {target} {precision}"
                # The error of a logarithm is the relative error of its probability, however near to 0 it is.
                unit = 1.0 if name == "predict_log_proba" or (is_float32 and name == "predict_proba") else 0.0
                _compare(answer, expected[name], bound, where, loose if is_float32 else 0.0, unit)
        if empty:  # onnxruntime 1.31.1 divides by zero in a three-dimensional MatMul of no rows
            _check_no_rows(route, sample)


def _check_no_rows(route, sample):
    methods = {m.name: m for m in route.exported.methods}
    for name, answer in route(_take(sample, slice(0, 0))).items():
        for one in answer if isinstance(answer, list) else [answer]:
            assert one.shape[0] == 0, name
            if len(methods[name].outputs) == 1:
                assert one.shape[1:] == methods[name].shape, name


def _has_forest(exported):
    return any(node.op_type == FOREST for node in exported.model.graph)


def _check_kernels(model):
    for node in model.graph.all_nodes():
        dtypes = CUDA_KERNELS.get(node.op_type)
        assert dtypes is not None, f"{node.op_type} has no CUDA kernel that works without cuDNN"
        tested = node.inputs[1 if node.op_type == "Where" else 0]
        assert tested is None or tested.dtype is None or tested.dtype.name in dtypes, (node.op_type, tested.dtype)


def _answer(method, arrays):
    if method.labels:
        arrays = [classes.array()[codes] for classes, codes in zip(method.labels, arrays, strict=True)]
    if method.stacked:
        return np.column_stack(arrays)
    return list(arrays) if method.is_list else arrays[0]


def _ask(estimator, methods, data):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        answers = {m.name: answer_of(estimator, m.name, data) for m in methods}
    return {k: v.toarray() if sparse.issparse(v) else v for k, v in answers.items()}


def _compare(actual, expected, tolerance, where, loose, unit=0.0):
    if isinstance(expected, list):
        assert len(actual) == len(expected), where
        for a, e in zip(actual, expected, strict=True):
            _compare(a, e, tolerance, where, loose, unit)
        return
    expected = np.asarray(expected)
    assert actual.shape == expected.shape, where
    if expected.dtype.kind == "O":
        try:
            expected = expected.astype(np.float64)
        except (TypeError, ValueError):
            expected = expected.astype(str)
            actual = actual.astype(str)
    if expected.dtype.kind != "f":
        differ = actual != expected
        assert differ.mean() <= loose if differ.size else True, (where, actual[differ][:5], expected[differ][:5])
        return
    if tolerance == 0:
        np.testing.assert_array_equal(actual, expected.astype(actual.dtype), err_msg=where)
        return
    error = _scaled_error(actual, expected, unit).reshape(len(expected), -1).max(axis=1, initial=0.0)
    bad = np.flatnonzero(error > tolerance)
    assert len(bad) <= loose * len(error), (where, error.max(), bad[:5], actual[bad[:3]], expected[bad[:3]])


def _scaled_error(actual, expected, unit):
    """Return errors relative to the value, the root mean square of its column, or `unit`, whichever is largest."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    with np.errstate(all="ignore"):
        finite = np.isfinite(expected)
        typical = np.sqrt(np.mean(np.square(np.where(finite, expected, 0.0)), axis=0, keepdims=True))
        size = np.maximum(np.maximum(np.abs(expected), typical), unit)
        error = np.abs(actual - expected) / np.where(size > 0, size, 1.0)
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        return np.where(same, 0.0, np.where(finite & np.isfinite(actual), error, np.inf))


def _take(table, chosen):
    if hasattr(table, "iloc"):
        return table.iloc[chosen]
    return table.tocsr()[chosen] if sparse.issparse(table) else table[chosen]


def _holds_float32(table):
    dtypes = list(table.dtypes) if hasattr(table, "dtypes") else [table.dtype]
    return any(d == np.float32 for d in dtypes)


def _rounded(table):
    """Return `table` with its floats rounded to float32, in their own dtype: what a float32 graph gets to see."""
    if hasattr(table, "iloc"):
        floats = table.select_dtypes("float64").columns
        return table.assign(**{c: table[c].astype(np.float32).astype(np.float64) for c in floats})
    return table.astype(np.float32).astype(table.dtype) if table.dtype.kind == "f" else table


def _special_tables(sample, schema, *, extremes):
    """Return rows with signed zeros, missing and unknown values, infinities and denormals, where each is accepted."""
    if sparse.issparse(sample):
        return []
    base = _take(sample, slice(0, 1))
    rows = []
    for column in schema.columns:
        values = [0.0, -0.0]
        if extremes:
            values += [5e-324, -1e-310]
        if column.is_text:
            values = [] if column.strict else [NEVER_SEEN]
            values += [np.nan] if column.allow_nan else []
            values += [None] if column.allow_none else []
        elif column.tensor.startswith("float"):
            values += [np.nan] if column.allow_nan else []
            values += [np.inf, -np.inf] if column.allow_inf and extremes else []
        else:
            continue
        for position in range(min(column.width, 3)):
            known = _allowed(column, position)
            accepted = [v for v in values if known is None or v in known or (v != v and column.allow_nan)]  # noqa: PLR0124
            rows += [_with(base, column.index + position, v) for v in accepted]
    if not rows:
        return []
    return [pd.concat(rows, ignore_index=True) if hasattr(base, "iloc") else np.concatenate(rows)]


def _allowed(column, position):
    """Return the numbers that a column may hold, or None where any will do."""
    if column.is_text or not column.strict:
        return None
    if not column.allowed_counts:
        return column.allowed
    start = sum(max(count, 0) for count in column.allowed_counts[:position])
    count = column.allowed_counts[position]
    return column.allowed[start : start + count] if count >= 0 else None


def _with(row, position, value):
    row = row.copy()
    if hasattr(row, "iloc"):
        name = row.columns[position]
        row[name] = pd.Series([value], index=row.index, dtype=row[name].dtype)
    else:
        row[0, position] = value
    return row
