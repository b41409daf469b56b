"""A finished model file: the graph, and in its metadata all that a predictor needs beside it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field, fields
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import onnx
from google.protobuf.message import DecodeError

from bridge.data.analysis import Analysis
from bridge.data.beside import written_beside
from bridge.data.naming import Naming
from bridge.data.schema import Column, Schema
from bridge.errors import ArtifactError, InputTypeError
from bridge.file_parts import FileParts
from bridge.method import Classes, FrameForm, Method
from bridge.opset import METADATA_KEY, PRODUCER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

T = TypeVar("T")

FORMAT = 1
"""The version of the JSON; readers refuse a newer one."""


@dataclass(frozen=True)
class Metadata:
    """What a bridge file says of itself.

    Attributes
    ----------
    estimator
        The full name of the estimator's class.
    target, precision
        What the graph was made for.
    schema
        The inputs, with dtypes, vocabularies and what each refuses.
    methods
        The inference methods, and which output answers which.
    classes
        `classes_` of the estimator: one entry, or one a target for a multi-output classifier; empty without classes.
    classes_is_list
        Whether `classes_` is a list, which may have one entry.
    row_bytes
        The bytes that the widest step of the graph needs for one row: predictors size their batches by it.
    kernel_row_bytes
        The same where kernels of bridge's own operators are at hand; their functions need far more for a row.
    entry_bytes
        The same for one entry of a row, where it holds any number of them: a term of a text.
    exact_decisions
        Whether every decision is taken on the estimator's own bits, so that rows on a threshold agree too.
    sums_float32
        Whether the estimator itself sums, or takes exponentials, in float32: its answers then have float32's rounding.
    refused, reasons
        The output that says which rows the estimator raises for, int64 (rows,): 0 for none of them, else 1 + the
        position of its reason. "" where it raises for no row that the schema takes.
    left_out
        The estimator's other methods that could not be exported, by default, each with the reason.
    pairs
        Whether the graph computes with pairs of float32, because float32 alone keeps too few digits.
    forms
        How each group of trees is written, in words.
    mixed
        What precision "float16" left in float32, and why, in words.
    versions
        The versions of the libraries that made the file.
    parity
        What the check against the estimator found, by method; empty if there was none.
    """

    estimator: str
    target: str
    precision: str
    schema: Schema
    methods: tuple[Method, ...]
    classes: tuple[Classes, ...] = ()
    classes_is_list: bool = False
    row_bytes: int = 0
    kernel_row_bytes: int = 0
    entry_bytes: int = 0
    exact_decisions: bool = False
    sums_float32: bool = False
    refused: str = ""
    reasons: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    pairs: bool = False
    forms: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the metadata as strict JSON, without NaN or infinity."""
        return json.dumps({"format": FORMAT, **asdict(self)}, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Metadata:
        """Return the metadata that `to_json` wrote; raises `ArtifactError` where it is damaged or too new."""
        try:
            data = json.loads(text)
            _check_format(data.pop("format"))
            schema = data["schema"]
            data["schema"] = _build(Schema, {**schema, "columns": [_build_column(c) for c in schema["columns"]]})
            for method in data["methods"]:
                method["labels"] = [_build(Classes, c) for c in method["labels"]]
                if method.get("frame") is not None:
                    method["frame"] = _build(FrameForm, method["frame"])
            data["methods"] = [_build(Method, m) for m in data["methods"]]
            data["classes"] = [_build(Classes, c) for c in data["classes"]]
            _check_columns(data["schema"])
            return _build(Metadata, data)
        except ArtifactError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ArtifactError(f"the file's bridge metadata is damaged ({error}). Export the model again.") from error


_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "tuple": list,
    "Mapping": dict,
}
_JSON_TYPES |= {"Kind": str, "Analyzer": str, "Accents": str, "Form": str}
_JSON_TYPES |= {"Schema": Schema, "Analysis": (Analysis, Naming), "FrameForm": FrameForm}


def _build(cls: type[T], data: dict[str, Any]) -> T:
    """Return the dataclass `cls` from JSON; raise `TypeError` where a field has another type than `cls` says."""
    for each in fields(cls):  # type: ignore[arg-type]
        written = str(each.type)  # as in the source: "tuple[str, ...] | None"
        expected = _JSON_TYPES[re.split(r"\W", written)[0]]
        value = data.get(each.name)
        is_absent = value is None and (each.name not in data or written.endswith("| None"))
        if not is_absent and not isinstance(value, expected):
            raise TypeError(f"{each.name} is {value!r}, expected {written}")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})


def _build_column(data: dict[str, Any]) -> Column:
    analysis = data.get("analysis")
    if analysis is None:
        return _build(Column, data)
    kind: type[Analysis | Naming] = Naming if "form" in analysis else Analysis
    return _build(Column, {**data, "analysis": _build(kind, analysis)})


def _check_columns(schema: Schema) -> None:
    """Raise `ValueError` where an input's columns lie outside of the table."""
    ends = [c.index + c.width for c in schema.columns]
    unknown = schema.feature_names is None and not schema.n_features  # a plain model may not say its width
    known = schema.n_features if schema.feature_names is None else len(schema.feature_names)
    if any(c.index < 0 or c.width < 0 for c in schema.columns) or (max(ends, default=0) > known and not unknown):
        raise ValueError(f"its inputs do not fit into a table of {known} columns")
    if wrong := [c for c in schema.columns if c.image and prod(c.image) != c.width]:
        raise ValueError(f"images of shape {wrong[0].image} and {wrong[0].width} numbers")


def _check_format(version: int) -> None:
    if version > FORMAT:
        raise ArtifactError(
            f"the file has metadata of format {version}; this bridge reads up to {FORMAT}. Upgrade onnx-bridge."
        )


def set_metadata(model: onnx.ModelProto, metadata: Metadata) -> None:
    """Write `metadata` into the model, in place of what it had."""
    kept = [p for p in model.metadata_props if p.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=METADATA_KEY, value=metadata.to_json())
    _describe_entries(model.graph, metadata.methods)


def _describe_entries(graph: onnx.GraphProto, methods: Iterable[Method]) -> None:
    """Say in the outputs that hold the entries of a sparse matrix what they are, for other runtimes."""
    outputs = {output.name: output for output in graph.output}
    for method in methods:
        if method.entries:
            for name, what in zip(method.outputs, ("column", "value"), strict=True):
                if name in outputs:
                    outputs[name].doc_string = (
                        f"For each row the {what} of every entry of the sparse matrix that {method.name} answers with, "
                        f"of {method.shape[0]} columns; column {method.shape[0]} stands for no entry."
                    )


def get_metadata(model: onnx.ModelProto) -> Metadata | None:
    """Return the model's bridge metadata, or None if it has none."""
    text = next((p.value for p in model.metadata_props if p.key == METADATA_KEY), None)
    if text is None and model.producer_name == PRODUCER:
        raise ArtifactError(
            "bridge made this model, but its bridge metadata is gone: the file is truncated, or another tool dropped "
            "it.\nWithout it, text and labels are mere numbers. Export the model again."
        )
    return None if text is None else Metadata.from_json(text)


def as_model(path_or_model: onnx.ModelProto | str | os.PathLike[str]) -> onnx.ModelProto:
    """Return the model itself, or the one in a file; raises `InputTypeError` for anything else."""
    return path_or_model if isinstance(path_or_model, onnx.ModelProto) else read_model(path_or_model)


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file; raises `FileNotFoundError`, `ArtifactError` for a folder, `InputTypeError`."""
    if not isinstance(path, str) and not hasattr(path, "__fspath__"):
        raise InputTypeError(f"expected a path or an onnx.ModelProto, found {type(path).__name__}")
    file = Path(path)
    if file.is_dir():
        raise ArtifactError(f"{file} is a folder; expected an .onnx file")
    return file.read_bytes()


def read_model(path: str | os.PathLike[str]) -> onnx.ModelProto:
    """Return the model in a file; raises `ArtifactError` where it is no whole ONNX model, else as `read_file`."""
    data = read_file(path)
    if len(data) >= onnx.checker.MAXIMUM_PROTOBUF:
        raise ArtifactError(
            f"{path} has {len(data)} bytes; an ONNX file holds at most 2 GB, and external data the rest."
        )
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ArtifactError(f"{path} is no ONNX model, or it is truncated ({len(data)} bytes read).") from error
    if not model.HasField("graph") or not model.opset_import:
        raise ArtifactError(f"{path} is no ONNX model, or it is truncated: it holds no graph ({len(data)} bytes read).")
    return model


def write_model(model: onnx.ModelProto, path: str | os.PathLike[str]) -> None:
    """Write the model to `path` whole or not at all: beside it first, then renamed.

    Data files of a model that `path` was before are removed. Those of `model` must lie beside `path` already.
    """
    parts = FileParts(model)
    if parts.size >= onnx.checker.MAXIMUM_PROTOBUF:
        raise ArtifactError(f"the model has {parts.size} bytes, and one ONNX file holds at most 2 GB.")
    with written_beside(path) as beside, beside.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    for stale in set(_data_files_of(Path(path))) - data_files(model).keys():
        (Path(path).parent / stale).unlink(missing_ok=True)


def batch_size(model: onnx.ModelProto) -> int | None:
    """Return the number of rows that is written into the model, the same in all inputs; None where it is free."""
    constants = {tensor.name for tensor in model.graph.initializer}
    shapes = [i.type.tensor_type.shape.dim for i in model.graph.input if i.name not in constants]
    rows = {shape[0].dim_value if shape else 0 for shape in shapes}
    return (rows.pop() or None) if len(rows) == 1 else None


def data_files(model: onnx.ModelProto) -> dict[str, int]:
    """Return the files that hold external data of the graph's constants, and how many bytes of it."""
    found: dict[str, int] = {}
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
            found[location] = found.get(location, 0) + _item_bytes(tensor) * prod(tensor.dims)
    return found


def _item_bytes(tensor: onnx.TensorProto) -> int:
    try:
        return onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except KeyError as error:
        raise ArtifactError(f"the constant {tensor.name!r} has the unknown element type {tensor.data_type}.") from error


def _data_files_of(path: Path) -> Iterator[str]:
    """Yield the names of all data files that were written for the model file `path`."""
    for file in path.parent.iterdir():
        if file.name.startswith(path.name) and re.fullmatch(r"\.[0-9a-f]{16}\.data", file.name[len(path.name) :]):
            yield file.name
