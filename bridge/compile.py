"""The public functions that put the stages together: export, lower, compile."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bridge.artifact import Metadata, get_metadata, read_file, set_metadata, write_model
from bridge.data.analysis import Analysis
from bridge.data.beside import check_writable
from bridge.data.table import fits_float32, in_fitted_order
from bridge.errors import ArtifactError, InputError, ParityError
from bridge.export.first_steps import object_rows, reads_images
from bridge.export.graph import export_graph
from bridge.installed import installed_version
from bridge.method import Classes
from bridge.mixed import to_float16
from bridge.passes.data_file import large_constants_beside
from bridge.passes.decisions import EXACT_DECISIONS
from bridge.passes.file_form import FileForm, set_form
from bridge.passes.lower_ops import NOTES
from bridge.passes.mixed_rows import MIXED_ROWS
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.precision.float32 import has_float64
from bridge.passes.read import read_model as read_graph
from bridge.passes.rule import Options
from bridge.plain import describe_plain
from bridge.row_bytes import batch_bytes
from bridge.runtime.native import find_native
from bridge.runtime.predictor import load
from bridge.runtime.providers import cuda_is_usable
from bridge.targets import Precision, Strategy, Target, check_precision, check_strategy, check_target
from bridge.verify.check import check_model

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import onnx_ir as ir

    from bridge.data.schema import Column, Schema
    from bridge.runtime.predictor import Predictor
    from bridge.verify.report import Report

logger = logging.getLogger("bridge")

VERSIONS = ("onnx-bridge", "scikit-learn", "skl2onnx", "onnx", "onnx-ir", "numpy", "onnxruntime", "onnxruntime-gpu")
"""The distributions whose versions a file records."""


def export(
    estimator: Any,
    X: Any,  # noqa: N803
    path: str | os.PathLike[str] | None = None,
    *,
    target: str = "portable",
    precision: str | None = None,
    methods: Sequence[str] | None = None,
    check: bool = True,
    strategy: str = "auto",
    opset: int | None = None,
    ir_version: int | None = None,
    batch_size: int | None = None,
) -> onnx.ModelProto:
    """Return a fitted estimator as an ONNX model, and write it to `path` where one is given.

    Parameters
    ----------
    estimator
        A fitted scikit-learn estimator or pipeline.
    X
        A sample of what `predict` will get, at least one row: a DataFrame (pandas or polars), an array, a sparse
        matrix, a list of texts. The inputs' names, dtypes and shapes come from it.
    path
        Where to write the file; it appears there whole or not at all.
    target
        "portable": `ai.onnx` operators alone, for any runtime. "cuda": every node has a CUDA kernel in onnxruntime.
        "cpu": fastest in onnxruntime on a CPU.
    precision
        "exact": the dtypes that scikit-learn computes in (default for "cpu" and "cuda"). "float32" (default for
        "portable"). "float16" (mixed): float32, but for the products and tables that float16 holds to within 2e-3 on
        the sample; not for "cpu", whose runtime has few kernels for it.
    methods
        The inference methods to export; by default all that the estimator has.
    check
        Compare the model with the estimator on the sample, on rows moved onto its thresholds and on special values,
        and raise `ParityError`, writing nothing, where it differs.
    strategy
        The form of tree ensembles: "auto", "gemm", "tournament", "traverse", "oblivious", for trees that ask one
        question a level, or "forest": one node `bridge::Forest` with a function in operators of `ai.onnx`, for
        runtimes with a kernel of that name and all that know functions (targets "cpu" and "cuda"). "auto" is never
        "forest": by its function alone, on a machine without the kernel, that is the slower form.
    opset, ir_version, batch_size
        For target "portable": the operator set (13 by default) and the IR version (7) of the file, and a number of
        rows to write into it for runtimes that need one.

    Returns
    -------
    onnx.ModelProto
        One output a method, named after it; `bridge.load` gives it back the estimator's methods.

    Raises
    ------
    NotFittedError, InputTypeError, InputError
        The estimator or the sample cannot be used.
    UnsupportedError
        A step has no converter; the message names it.
    LoweringError
        Some nodes cannot be written for the target; the message lists them.
    ParityError
        The model does not give the estimator's answers.
    """
    chosen = check_target(target)
    chosen_precision = check_precision(precision, chosen)
    if path is not None:
        check_writable(path)
    options = Options(chosen, check_strategy(strategy, chosen))
    form = FileForm(opset, ir_version, batch_size)
    form.check(chosen)
    X = np.asarray(X) if reads_images(estimator) else object_rows(estimator, X)  # noqa: N806
    order = _Order(estimator, X, path, options, chosen_precision, methods, form)
    if not check:
        return _made(order, check=False)
    if chosen_precision != "float32":
        return _made(order)
    try:
        return _made(order, with_room=True)
    except ParityError as plain:
        kept = getattr(plain.report, "ok", False)
        logger.info("Float32 alone keeps too few digits of %s: trying pairs of float32.", type(estimator).__name__)
    try:
        return _made(order, pairs=True, with_room=kept)
    except ParityError:
        if not kept:
            raise
    return _made(order)


@dataclass(frozen=True)
class _Order:
    """What `export` was asked for."""

    estimator: Any
    X: Any
    path: str | os.PathLike[str] | None
    options: Options
    precision: Precision
    methods: Sequence[str] | None
    form: FileForm


def _made(order: _Order, *, pairs: bool = False, check: bool = True, with_room: bool = False) -> onnx.ModelProto:
    """Return the model, written where it shall be; raises `ParityError` where it differs, or `with_room`, nearly does.

    `pairs` is as in `run_pipeline`; converters may ask for them too.
    """
    estimator, path, options, precision = order.estimator, order.path, order.options, order.precision
    exported = export_graph(estimator, order.X, methods=order.methods)
    pairs = pairs or (exported.fine and precision == "float32")
    sample = in_fitted_order(order.X, exported.schema.feature_names)
    model = run_pipeline(
        exported.model,
        options,
        precision="exact" if precision == "exact" else "float32",
        inputs_are_rounded=not fits_float32(sample, exported.schema),
        never_missing=_never_missing(exported.schema),
        pairs=pairs,
    )
    _check_batches(model, order.form)
    metadata = Metadata(
        estimator=exported.estimator_class,
        target=options.target,
        precision=precision,
        schema=exported.schema if precision == "exact" else _narrowed(exported.schema),
        methods=exported.methods,
        classes=_classes(estimator),
        classes_is_list=isinstance(getattr(estimator, "classes_", None), list),
        **batch_bytes(model, batched=not model.meta[MIXED_ROWS]),
        sums_float32=exported.sums_float32,
        refused=exported.refused,
        reasons=exported.reasons,
        left_out=exported.left_out,
        exact_decisions=bool(model.meta.get(EXACT_DECISIONS)),
        pairs=pairs,
        forms=model.meta[NOTES],
        versions=_versions(),
    )
    if precision == "float16":
        model, mixed = to_float16(model, metadata, sample)
        metadata = replace(metadata, mixed=mixed)
    with large_constants_beside(model, path) as folder:
        if check:
            report = _check(estimator, to_proto(model), metadata, folder, sample)
            if not (report.has_room if with_room else report.ok):
                raise ParityError(report, _hint(report, precision))
            metadata = replace(metadata, parity=report.to_json())
    proto = _to_proto(model, options.target, order.form)
    set_metadata(proto, metadata)
    if path is not None:
        write_model(proto, path)
    return proto


def _never_missing(schema: Schema) -> frozenset[str]:
    """Return the inputs that never hold NaN: those that refuse it, and the counts of terms."""
    refuse = {c.name if c.analysis is None else c.analysis.counts for c in schema.columns if not c.takes("nan")}
    return frozenset(refuse | {c.analysis.counts for c in schema.columns if isinstance(c.analysis, Analysis)})


def _check_batches(model: ir.Model, form: FileForm) -> None:
    if form.batch_size is not None and model.meta[MIXED_ROWS]:
        raise InputError(
            "batch_size cannot be written into a model whose answer for a row hangs on the other rows: to fill up a "
            "batch would change it. Leave batch_size out."
        )


def _hint(report: Report, precision: Precision) -> str:
    """Return what a user can do about a report that is not ok."""
    apart = {m.name.split(", ")[0] for m in report.methods if not m.ok(report.bounds)}
    equal = [m.name for m in report.methods if m.name not in apart and ", " not in m.name]
    hints = ["Targets 'cpu' and 'cuda', and precision='exact', compute in float64."] if precision == "float32" else []
    if equal:
        hints.append(f"The rest alone can be exported with methods={equal!r}.")
    return " ".join(hints)


def _check(estimator: Any, proto: onnx.ModelProto, metadata: Metadata, folder: Path | None, sample: Any) -> Report:
    """Return the comparison of a model with its estimator; in `folder` lies its external data, if it has any."""
    set_metadata(proto, metadata)
    if folder is None:
        return check_model(estimator, proto, sample)
    draft = folder / "draft.onnx"
    write_model(proto, draft)
    return check_model(estimator, draft, sample)


def lower(
    model_or_path: onnx.ModelProto | str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    target: str = "portable",
    precision: str | None = None,
    strategy: str = "auto",
    opset: int | None = None,
    ir_version: int | None = None,
    batch_size: int | None = None,
) -> onnx.ModelProto:
    """Return an existing ONNX model, from any exporter, as a graph for `target`; the given model is left unchanged.

    Parameters
    ----------
    model_or_path
        The model, or an .onnx file.
    path
        Where to write the result; it appears there whole or not at all.
    target, strategy, opset, ir_version, batch_size
        As in `export`; a file whose operators opset 13 has in another form keeps its own opset by default.
    precision
        None keeps the dtypes of the model: float64 stays where it is, and target "portable" brings none into a model
        that has none. "float32" turns float64 into float32.

    Raises
    ------
    ArtifactError
        The file is no whole ONNX model.
    LoweringError
        Some nodes cannot be written for the target; the message lists each with its reason.
    """
    chosen = check_target(target)
    asked = None if precision is None else check_precision(precision, chosen)
    if asked == "float16":
        raise InputError(
            "precision 'float16' is chosen on a sample, and a file brings none.\n"
            "Use precision 'float32', or export the estimator with precision='float16'."
        )
    if path is not None:
        check_writable(path)
    form = FileForm(opset, ir_version, batch_size)
    form.check(chosen)
    options = Options(chosen, check_strategy(strategy, chosen))
    source = _read(model_or_path)
    model = run_pipeline(source, options, precision=asked or _precision_as_found(source, chosen))
    _check_batches(model, form)
    with large_constants_beside(model, path):
        proto = _to_proto(model, chosen, form)
    metadata = _lowered_metadata(proto, chosen, precision)
    if metadata is not None:
        forms = model.meta[NOTES] or metadata.forms
        # An estimator's file may be run in batches of rows, any other only where each row is answered for itself.
        batched = bool(metadata.row_bytes or not model.meta[MIXED_ROWS])
        metadata = replace(metadata, **batch_bytes(model, batched=batched), forms=forms, versions=_versions())
        set_metadata(proto, metadata)
    if path is not None:
        write_model(proto, path)
    return proto


def _read(model_or_path: onnx.ModelProto | str | os.PathLike[str]) -> ir.Model:
    """Return the graph of a model, or of a file, which is not parsed whole: its tables may be most of it."""
    if isinstance(model_or_path, onnx.ModelProto):
        return read_graph(model_or_path)
    data = read_file(model_or_path)
    return read_graph(data, name=str(model_or_path), folder=Path(model_or_path).parent)


def _precision_as_found(model: ir.Model, target: Target) -> Precision:
    """Return the precision that leaves the dtypes of a model as they are: rules sum in float64, whatever they read."""
    return "float32" if target == "portable" and not has_float64(model) else "exact"


def _to_proto(model: ir.Model, target: Target, form: FileForm) -> onnx.ModelProto:
    """Return the finished graph of a file."""
    if target == "portable":
        set_form(model, form)
    return to_proto(model, for_good=True)


def _lowered_metadata(proto: onnx.ModelProto, target: Target, precision: str | None) -> Metadata | None:
    """Return what the lowered model says of itself: one of bridge's own says what it said before, but the parity.

    None, with a word in the log, for a model that reads something else than a table.
    """
    found = get_metadata(proto)
    if found is None:
        try:
            return describe_plain(proto, target=target, precision=precision or "as found")
        except ArtifactError as reason:
            logger.warning("%s The lowered model is for runtimes, not for bridge.load.", reason)
            return None
    if precision == "float32":
        found = replace(found, schema=_narrowed(found.schema), precision=precision, exact_decisions=False)
    return replace(found, target=target, parity={})


def compile(  # noqa: A001
    estimator: Any,
    X: Any,  # noqa: N803
    *,
    device: str = "auto",
    threads: int | None = None,
    check: bool = True,
) -> Predictor:
    """Return a predictor for a fitted estimator, made for this machine: target "cuda" where it can be used, else "cpu".

    The same as `export` and `load` in memory; see these for the parameters and errors. On a CPU trees take the strategy
    "forest" where bridge's own kernels are installed, which `export` cannot know of the machines that a file is for.
    """
    target = check_target("cuda" if device == "cuda" or (device == "auto" and cuda_is_usable()) else "cpu")
    model = export(estimator, X, target=target, check=check, strategy=_strategy_here(target))
    return load(model, device=device, threads=threads)


def _strategy_here(target: Target) -> Strategy:
    """Return the fastest form of trees on this machine.

    From one tree to 300, and from one row on, the kernel took at most the time of "auto" (1 to 30 times as fast); but
    for 500 to 5,000 rows of trees with more than a million nodes, where it took up to 1.6 times as long.
    """
    return "forest" if target == "cpu" and find_native().path is not None else "auto"


def _narrowed(schema: Schema) -> Schema:
    """Return the schema of a graph whose float64 inputs became float32."""
    return schema.with_columns(map(_narrowed_column, schema.columns))


def _narrowed_column(column: Column) -> Column:
    if column.analysis is not None and column.analysis.dtype == "float64":
        return replace(column, analysis=replace(column.analysis, dtype="float32"))
    return replace(column, tensor="float32") if column.tensor == "float64" else column


def _classes(estimator: Any) -> tuple[Classes, ...]:
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return ()
    return tuple(map(Classes.of, classes)) if isinstance(classes, list) else (Classes.of(classes),)


def _versions() -> dict[str, str]:
    return {name: number for name in VERSIONS if (number := installed_version(name))}
