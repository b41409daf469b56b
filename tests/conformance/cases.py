"""Model files and batches of rows: what every runtime is asked to run."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.zoo import Model

BATCHES = {"one": 1, "many": 7}
MISSING = "missing"
"""A third batch, of the rows of "many" with NaN in places, for models that take NaN."""
SAMPLE = (
    "flights-logistic",
    "forest-digits",
    "histogram-strings",
    "boosting-regressor",
    "scaler-forest",
    "tree-missing",
    "indicator-histogram",
    "logistic-strings",
    "linear",
    "normalizer-forest",
    "isolation-forest",
)
"""One of each kind of graph: matrix products, trees of one and many outputs, missing values, text, transformers."""

Family = Literal["tree", "forest", "boosting", "linear", "other"]
_FAMILIES: dict[str, Family] = {"tree": "tree", "linear_model": "linear", "svm": "linear"}


class NoFileError(Exception):
    """Says why there is no file of a model."""


@dataclass(frozen=True)
class Case:
    """One file, and for each batch its inputs and onnxruntime's answers, both in the graph's order.

    Attributes
    ----------
    fixed
        The same model with the number of rows written in, by batch.
    """

    name: str
    model: Path
    fixed: dict[str, Path]
    inputs: list[str]
    outputs: list[str]
    feeds: dict[str, list[NDArray[Any]]]
    answers: dict[str, list[NDArray[Any]]]


def bridge_case(model: Model, folder: Path) -> Case:
    """Return the portable file of a reference model."""
    import bridge
    from bridge.artifact import get_metadata
    from bridge.data.encode import Encoder

    data = model.data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = bridge.export(model.fitted(), data.held_out[:200], check=False)
        fixed = {
            name: bridge.export(model.fitted(), data.held_out[:200], check=False, batch_size=rows)
            for name, rows in BATCHES.items()
        }
    schema = get_metadata(proto).schema
    encode = Encoder(schema)
    feeds = {name: encode(data.held_out[:rows]) for name, rows in BATCHES.items()}
    takes_nan = [c.name for c in schema.columns if c.allow_nan and c.tensor.startswith("float")]
    if takes_nan:
        feeds[MISSING] = {
            n: _with_gaps(a, i) if n in takes_nan else a for i, (n, a) in enumerate(feeds["many"].items())
        }
    return _case(model.name, proto, fixed, feeds, folder)


def skl2onnx_case(model: Model, folder: Path) -> Case:
    """Return the file that skl2onnx makes of a reference model; raises `NoFileError` where it makes none.

    In the form that most runtimes take: opset 13, the number of rows named, float32 in, no ZipMap, and integers for
    labels that are text.
    """
    import skl2onnx

    data = model.data()
    rows = _as_float32(data.held_out[: BATCHES["many"]])
    estimator = _fitted_on_arrays(model)
    last = _last_step(estimator)
    # LinearSVC's converter refuses the option, and the default that a pipeline passes to it.
    wanted: dict[str, Any] = {} if isinstance(last, LinearSVC) else {"zipmap": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            proto = skl2onnx.to_onnx(
                estimator,
                rows[:1],
                options={id(last): wanted} if hasattr(last, "classes_") else None,
                target_opset={"": 13, "ai.onnx.ml": 3},
            )
    except Exception as error:  # skl2onnx raises what its converters happen to raise
        raise NoFileError(f"{type(error).__name__}: {str(error).splitlines()[0][:100]}") from error
    (name,) = (i.name for i in proto.graph.input)
    feeds = {batch: {name: rows[:count]} for batch, count in BATCHES.items()}
    fixed = {batch: _with_batch(proto, count) for batch, count in BATCHES.items()}
    return _case(model.name, _with_batch(proto, "batch"), fixed, feeds, folder)


def family_of(model: Model) -> Family:
    """Return the kind of the model's last step."""
    last = type(_last_step(model.build()))
    package = last.__module__.split(".")[1]
    if package == "ensemble":
        return "boosting" if "Boosting" in last.__name__ else "forest"
    return _FAMILIES.get(package, "other")


def _last_step(estimator: Any) -> Any:
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def _fitted_on_arrays(model: Model) -> Any:
    data = model.data()
    rows, labels = data.train, data.labels
    if hasattr(labels, "dtype") and labels.dtype.kind in "fi" and not hasattr(rows, "iloc"):
        return model.fitted()
    codes = labels if labels.dtype.kind in "fi" else np.unique(labels, return_inverse=True)[1]
    return model.build().fit(_as_float32(rows), codes)


def _as_float32(rows: Any) -> NDArray[np.float32]:
    try:
        return np.asarray(rows, np.float32)
    except ValueError as error:
        raise NoFileError("its columns of text are for bridge alone here") from error


def _with_gaps(array: NDArray[Any], seed: int) -> NDArray[Any]:
    gaps = np.random.default_rng(seed).random(array.shape) < 0.3
    return np.where(gaps, np.float32("nan"), array)


def _with_batch(proto: onnx.ModelProto, rows: int | str) -> onnx.ModelProto:
    """Return a copy with a number of rows, or a name for it: some runtimes refuse a length that has neither."""
    copy = onnx.ModelProto.FromString(proto.SerializeToString())
    for value in (*copy.graph.input, *copy.graph.output):
        if value.type.tensor_type.shape.dim:
            length = value.type.tensor_type.shape.dim[0]
            setattr(length, "dim_value" if isinstance(rows, int) else "dim_param", rows)
    return copy


def _case(
    name: str,
    proto: onnx.ModelProto,
    fixed: dict[str, onnx.ModelProto],
    feeds: dict[str, dict[str, NDArray[Any]]],
    folder: Path,
) -> Case:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    onnx.save(proto, path)
    fixed_paths = {}
    for batch, copy in fixed.items():
        fixed_paths[batch] = folder / f"model_{batch}.onnx"
        onnx.save(copy, fixed_paths[batch])
    if MISSING in feeds:
        fixed_paths[MISSING] = fixed_paths["many"]
    inputs = [i.name for i in proto.graph.input]
    outputs = [o.name for o in proto.graph.output]
    ordered = {batch: [arrays[n] for n in inputs] for batch, arrays in feeds.items()}
    answers = {batch: _answers(path, inputs, outputs, arrays) for batch, arrays in ordered.items()}
    return Case(name, path, fixed_paths, inputs, outputs, ordered, answers)


def _answers(path: Path, inputs: list[str], outputs: list[str], feeds: list[NDArray[Any]]) -> list[NDArray[Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    return session.run(outputs, dict(zip(inputs, feeds, strict=True)))
