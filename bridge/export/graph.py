"""From an estimator and a sample to a whole graph with named inputs and one output a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from bridge.data.frame import is_frame
from bridge.data.schema import Schema, as_vector, infer_schema
from bridge.data.table import in_fitted_order, row_count, take_rows
from bridge.errors import InputError, InputTypeError, NotFittedError, UnsupportedError
from bridge.export.asking import answer_quietly
from bridge.export.block import Block
from bridge.export.builder import Builder, get_rounding
from bridge.export.entries import DENSE_COLUMNS, close_entries, entries_of
from bridge.export.first_steps import reads_images
from bridge.export.frames import find_frame_form, with_own_columns
from bridge.export.inputs import finish_schema, name_terms, open_inputs
from bridge.export.left_out import answering_methods, exportable_methods
from bridge.export.probe import probe_schema
from bridge.export.refusals import close_refusals
from bridge.export.registry import Answer, Given, Labels, Neighbours, Refused, RowsEach, RowsSecond, convert
from bridge.export.terms import write_spreads
from bridge.export.text_columns import close_text
from bridge.method import METHODS, PREDICT_STD, SEARCHES, Classes, FrameForm, Method, offers
from bridge.opset import (
    BRIDGE_DOMAIN,
    BRIDGE_OPSET,
    IR_VERSION,
    MAIN_DOMAIN,
    MAIN_OPSET,
    MICROSOFT_DOMAIN,
    ML_DOMAIN,
    ML_OPSET,
    PRODUCER,
)

IMPORTS = {MAIN_DOMAIN: MAIN_OPSET, ML_DOMAIN: ML_OPSET, BRIDGE_DOMAIN: BRIDGE_OPSET, MICROSOFT_DOMAIN: 1}

WIDEST = 2**17
"""The most columns of a dense answer: 1 MB a row."""
PROBE_ROWS = 3
"""Rows of the sample that each method is asked once, for its dtype and shape."""


_ROUNDING = frozenset(
    {"MatMul", "Gemm", "ReduceSum", "ReduceMean", "Exp", "Log", "Pow", "Tanh", "Sin", "Cos", "Softmax", "LogSoftmax"}
)
"""Operators whose last digits hang on the order of a sum, or on the library of functions."""


@dataclass(frozen=True)
class Exported:
    """A graph in scikit-learn's own dtypes, and what a predictor must know beside it."""

    model: ir.Model
    schema: Schema
    methods: tuple[Method, ...]
    estimator_class: str
    sums_float32: bool = False
    fine: bool = False
    refused: str = ""
    reasons: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def export_graph(estimator: Any, sample: object, *, methods: Sequence[str] | None = None) -> Exported:
    """Return the graph of `estimator` for inputs like `sample`.

    Raises `NotFittedError`, `InputTypeError` where it is no estimator, `UnsupportedError` where a step has no
    converter (naming the step), and `InputError` where the sample does not fit.
    """
    names = _method_names(estimator, methods)
    _check_labels(estimator)
    schema = infer_schema(sample, takes_vector=_takes_vector(estimator, sample), takes_images=reads_images(estimator))
    problems = [c.problem for c in schema.columns if c.problem]
    if not row_count(sample):
        raise InputError("the sample has no rows; give at least one, so that dtypes and shapes can be read from it.")
    few = take_rows(sample, np.arange(min(PROBE_ROWS, row_count(sample))))
    left_out: dict[str, str] = {}
    if methods is None:
        names, left_out = answering_methods(estimator, names, few)
    actual = {name: _ask(estimator, name, few, problems) for name in names}
    in_order = in_fitted_order(sample, getattr(estimator, "feature_names_in_", None))
    if in_order is not sample:
        sample, schema = in_order, infer_schema(in_order)
    b = Builder()
    inputs, block = open_inputs(b, schema)
    answers = dict(convert(b, estimator, block))
    if "predict_proba" in answers and "predict_log_proba" in names and "predict_log_proba" not in answers:
        answers["predict_log_proba"] = _log(b, answers["predict_proba"])
    if methods is None:
        names, left_out = exportable_methods(estimator, names, answers, left_out)
    outputs: list[ir.Value] = []
    specs = []
    inputs += name_terms(inputs, block)
    taken = {v.name for v in inputs}
    for name in names:
        given = answers.get(name)
        if given is None or isinstance(given, Refused):
            others = [n for n in names if n in answers and not isinstance(answers[n], Refused)]
            reason = f": {given.reason}" if given is not None else ""
            raise UnsupportedError(
                f"{type(estimator).__name__}.{name} cannot be exported{reason}.\nLeave it out with methods={others!r}."
            )
        form = find_frame_form(estimator, name, few, actual[name])
        if isinstance(given, Block) and form is not None:
            form = with_own_columns(form, given, few, actual[name])
        values, spec = _close_method(b, name, given, actual[name], form, taken)
        outputs += values
        specs.append(spec)
    refused, reasons = close_refusals(b, taken, names)
    outputs += refused
    write_spreads(b, outputs)
    schema = finish_schema(schema, block)
    _rename_constants(b.initializers, taken)
    graph = ir.Graph(
        [v for v in inputs if v.uses()],
        outputs,
        nodes=b.nodes,
        initializers=b.initializers,
        name=type(estimator).__name__,
        opset_imports=dict(IMPORTS),  # passes change it
    )
    model = ir.Model(graph, ir_version=IR_VERSION, producer_name=PRODUCER)
    cls = type(estimator)
    return Exported(
        model,
        probe_schema(estimator, schema, sample, names),
        tuple(specs),
        f"{cls.__module__}.{cls.__qualname__}",
        fine=b.fine,
        sums_float32=any(n.op_type in _ROUNDING and n.outputs[0].dtype == ir.DataType.FLOAT for n in b.nodes),
        refused="".join(str(value.name) for value in refused),
        reasons=reasons,
        left_out=left_out,
    )


def _method_names(estimator: Any, methods: Sequence[str] | None) -> list[str]:
    from sklearn.exceptions import NotFittedError as SklearnNotFittedError
    from sklearn.utils.validation import check_is_fitted

    cls = type(estimator)
    if isinstance(estimator, type):
        raise InputTypeError(f"expected a fitted estimator, found the class {estimator.__name__} itself")
    if not (hasattr(estimator, "get_params") and hasattr(estimator, "fit")):
        raise InputTypeError(f"expected a fitted scikit-learn estimator, found {cls.__module__}.{cls.__qualname__}")
    try:
        check_is_fitted(estimator)
    except SklearnNotFittedError as error:
        raise NotFittedError(f"{cls.__name__} is not fitted. Call fit before export.") from error
    offered = [name for name in METHODS if offers(estimator, name)]
    if methods is None:
        if not offered:
            raise UnsupportedError(f"{cls.__name__} has no inference method; expected one of {', '.join(METHODS)}")
        return [name for name in offered if name not in SEARCHES] or offered
    if isinstance(methods, str):
        raise InputTypeError(f"methods is the text {methods!r}; expected a list of names, such as [{methods!r}]")
    if not methods:
        raise InputError(f"methods is empty; choose from {', '.join(offered)}")
    if unknown := [m for m in methods if m not in offered]:
        raise InputError(f"{cls.__name__} has no method {', '.join(unknown)}; it has {', '.join(offered)}")
    # The standard deviation is the second of two answers.
    return list(dict.fromkeys(["predict", *methods] if PREDICT_STD in methods else methods))


def _takes_vector(estimator: Any, sample: object) -> bool:
    """Return whether the estimator takes numbers without a second dimension, as IsotonicRegression does."""
    from sklearn.utils import get_tags

    vector = as_vector(sample)
    if vector is None or vector.dtype.kind in "OUT":
        return False
    tags = get_tags(estimator)
    return bool(tags.input_tags.one_d_array or tags.target_tags.one_d_labels)


def _check_labels(estimator: Any) -> None:
    """Raise for labels that a file cannot hold: bytes, dates."""
    classes = getattr(estimator, "classes_", None)
    for labels in classes if isinstance(classes, list) else [] if classes is None else [classes]:
        array = np.asarray(labels)
        if array.dtype.kind not in "biufUO" or not all(isinstance(v, (str, int, float)) for v in array.tolist()):
            raise UnsupportedError(
                f"{type(estimator).__name__} has labels of dtype {array.dtype}; a file holds text, integers, booleans "
                "and floats.\nFit with such labels."
            )


def _ask(estimator: Any, method: str, few: Any, problems: Sequence[str]) -> Any:
    """Return what the estimator itself answers for a few rows; raises `InputError` where it refuses them."""
    from sklearn.exceptions import NotFittedError as SklearnNotFittedError

    name = type(estimator).__name__
    try:
        found = answer_quietly(estimator, method, few)
    except SklearnNotFittedError as error:
        raise NotFittedError(f"a part of {name} is not fitted: {error}\nCall fit before export.") from error
    except Exception as error:  # estimators refuse with whatever their code happens to raise
        raise InputError(
            "\n".join([f"{name}.{method} itself refuses the sample: {error}", *problems])
            + "\nExport with a sample of data that it takes."
        ) from error
    return found


def _rename_constants(initializers: Sequence[ir.Value], taken: set[str | None]) -> None:
    """Give constants other names than the inputs and outputs have: a column may be called like one of them."""
    for value in initializers:
        while value.name in taken:
            value.name = f"{value.name}_"


def _log(b: Builder, proba: Answer) -> Answer:
    if isinstance(proba, ir.Value):
        return b.op("Log", proba)
    if isinstance(proba, Sequence):
        return [b.op("Log", v) for v in proba if isinstance(v, ir.Value)]
    raise TypeError(f"predict_proba gave {type(proba).__name__}, expected values")


def _close_method(
    b: Builder, name: str, given: Given, actual: Any, form: FrameForm | None, taken: set[str | None]
) -> tuple[list[ir.Value], Method]:
    """Make the graph outputs of one method; `actual` is what the estimator itself returned for a few rows."""
    if isinstance(given, Block) and given.width > DENSE_COLUMNS and hasattr(actual, "toarray"):
        entries = entries_of(b, given)
        if entries is not None:
            return close_entries(b, name, entries, actual)
    if isinstance(given, Block) and given.width > WIDEST:
        raise UnsupportedError(
            f"{name} has {given.width:,} columns, and a file answers with all of them, zeros too.\n"
            f"Up to {WIDEST:,} can be exported; a classifier or regressor behind it in a Pipeline has no such bound."
        )
    if isinstance(given, Neighbours):
        return _close_neighbours(b, name, given, actual)
    row_axis = 0
    if isinstance(given, RowsSecond):
        given, actual, row_axis = given.value, np.moveaxis(actual, 1, 0), 1
    each = given.each if isinstance(given, RowsEach) else 1
    given = given.value if isinstance(given, RowsEach) else given
    actual = actual.to_numpy() if is_frame(actual) else actual
    if isinstance(given, Block) and given.has_text and actual.ndim == 2:
        return close_text(b, name, given, actual, form, taken)
    is_list = isinstance(actual, list)
    answers = list(given) if isinstance(given, Sequence) else [given]
    arrays = actual if is_list else [actual]
    rounding = get_rounding(given.parts[0].value if isinstance(given, Block) and given.parts else given)
    values = []
    labels = []
    for i, one in enumerate(answers):
        output, classes = _close_answer(b, one)
        output_name = name if len(answers) == 1 else f"{name}_{i}"
        while output_name in taken:
            output_name += "_output"
        taken.add(output_name)
        output.name = output_name
        tail = arrays[i].shape[1:] if len(arrays) == len(answers) else ()
        output.shape = ir.Shape(["batch" if each == 1 else f"{name}_rows", *map(int, tail)])
        values.append(output)
        labels += [classes] if classes is not None else []
    return values, Method(
        name,
        tuple(str(v.name) for v in values),
        dtype=arrays[0].dtype.str if arrays[0].dtype.kind in "US" else arrays[0].dtype.name,
        shape=tuple(map(int, arrays[0].shape[1:])),
        labels=tuple(labels),
        stacked=len(answers) > len(arrays),
        sparse=getattr(actual, "format", None) if hasattr(actual, "toarray") else None,
        row_axis=row_axis,
        each=each,
        frame=form,
        is_list=is_list,
        roots=(isinstance(given, Block) and given.roots) or rounding.in_square,
        rounding=rounding.error,
        rounding_size=rounding.size,
    )


def _close_neighbours(b: Builder, name: str, given: Neighbours, actual: Any) -> tuple[list[ir.Value], Method]:
    """Make the outputs `<name>_distances` and `<name>_indices`."""
    values = [b.op("Identity", given.distance), b.op("Identity", given.index)]
    for value, what in zip(values, ("distances", "indices"), strict=True):
        value.name = f"{name}_{what}"
        value.shape = ir.Shape(["batch", f"{name}_width"] if given.ragged else ["batch", int(actual[0].shape[1])])
    arrays = [array[0] for array in actual] if given.ragged else list(actual)
    return values, Method(
        name,
        tuple(str(v.name) for v in values),
        dtype=arrays[0].dtype.name,
        shape=() if given.ragged else tuple(map(int, arrays[0].shape[1:])),
        roots=not given.rounding,
        rounding=given.rounding,
        rounding_size=1.0 if given.rounding else 0.0,
        tuple_of=tuple(array.dtype.name for array in arrays),
        ragged=given.ragged,
    )


def _close_answer(b: Builder, given: ir.Value | Labels | Block) -> tuple[ir.Value, Classes | None]:
    """Return a value that no other node or output uses, and the labels that it points into."""
    if isinstance(given, Labels):
        if given.classes.dtype.kind in "iu":
            table = b.constant(given.classes.astype(np.int64))
            return b.op("Gather", table, given.index, axis=0), None
        return b.op("Identity", given.index), Classes.of(given.classes)
    return b.op("Identity", given.matrix() if isinstance(given, Block) else given), None
