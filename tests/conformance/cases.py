"""Model files and batches of rows: what every runtime is asked to run."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.zoo import Model

BATCHES = {"one": 1, "many": 7}
MISSING = "missing"
"""A third batch, of the rows of "many" with NaN in places, for models that take NaN."""


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
        fixed[MISSING] = fixed["many"]
    return _case(model.name, proto, fixed, feeds, folder)


def skl2onnx_case(model: Model, folder: Path) -> Case:
    """Return the file that skl2onnx makes of a reference model, for float32 numbers."""
    import skl2onnx

    data = model.data()
    rows = data.held_out[: BATCHES["many"]]
    if hasattr(rows, "iloc"):
        raise TypeError("skl2onnx is shown on arrays alone")
    estimator = model.fitted()
    options = {"zipmap": False} if hasattr(estimator, "classes_") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = skl2onnx.to_onnx(estimator, rows[:1].astype(np.float32), options=options)
    (name,) = (i.name for i in proto.graph.input)
    feeds = {batch: {name: rows[:count].astype(np.float32)} for batch, count in BATCHES.items()}
    fixed = {batch: _with_fixed_batch(proto, count) for batch, count in BATCHES.items()}
    return _case(model.name, proto, fixed, feeds, folder)


def _with_gaps(array: NDArray[Any], seed: int) -> NDArray[Any]:
    gaps = np.random.default_rng(seed).random(array.shape) < 0.3
    return np.where(gaps, np.float32("nan"), array)


def _with_fixed_batch(proto: onnx.ModelProto, rows: int) -> onnx.ModelProto:
    copy = onnx.ModelProto.FromString(proto.SerializeToString())
    for value in (*copy.graph.input, *copy.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = rows
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
