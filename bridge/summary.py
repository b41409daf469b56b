"""What a model file holds: inputs, methods, operators, and where they would run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from bridge.artifact import Metadata, batch_size, data_files, get_metadata
from bridge.placement import NEEDS_CUDNN, Place, Use, place, short_dtype
from bridge.plain import describe_plain, other_outputs, text_copies
from bridge.portability import portable_tier
from bridge.proto_nodes import model_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAIN_DOMAIN_NAME = "ai.onnx"
CRASHES_UNTYPED = frozenset({"LabelEncoder", "DictVectorizer", "TreeEnsemble", "RegexFullMatch"})
"""Operators on which ONNX's shape inference (1.23) ends the process where their input has no type."""


@dataclass(frozen=True)
class OperatorCount:
    """How often an operator with one dtype of its main input stands in the graph, and where onnxruntime puts it."""

    domain: str
    name: str
    dtype: str
    place: Place
    nodes: int

    @property
    def needs_cudnn(self) -> bool:
        return self.place == "CUDA" and self.domain == MAIN_DOMAIN_NAME and self.name in NEEDS_CUDNN


@dataclass(frozen=True)
class Summary:
    """The facts of one model.

    Attributes
    ----------
    metadata
        What the file says of itself, or what its inputs and outputs say.
    exported
        Whether bridge made the file.
    opsets
        Domain to version; the main domain is "ai.onnx".
    ir_version, bytes
        Of the file.
    data_files
        The files beside it that hold its external data, and the bytes in each.
    batch_size
        The number of rows that is written into the file; None where it is free.
    tier, beyond_core
        1 where the file keeps to what every measured runtime computes alike, else 2, and what it holds beyond that.
    operators
        By domain and name; subgraphs and local functions included.
    other_outputs
        The outputs that answer no method, each with its dtype and shape in words.
    host_work
        What is done on the host whatever the device, in words.
    """

    metadata: Metadata
    exported: bool
    opsets: dict[str, int]
    ir_version: int
    bytes: int
    data_files: Mapping[str, int]
    batch_size: int | None
    tier: int
    beyond_core: tuple[str, ...]
    operators: tuple[OperatorCount, ...]
    other_outputs: Mapping[str, str]
    host_work: tuple[str, ...]

    @property
    def nodes(self) -> int:
        return sum(o.nodes for o in self.operators)

    def nodes_at(self, where: Place) -> int:
        """Return how many nodes are placed there."""
        return sum(o.nodes for o in self.operators if o.place == where)


def summarize(model: onnx.ModelProto) -> Summary:
    """Return the facts of a model, whether bridge made it or not."""
    found = get_metadata(model)
    metadata = found or describe_plain(model)
    dtypes = _dtypes(model)

    def dtype_of(name: str) -> str:
        return dtypes.get(name, "?")

    opsets = {o.domain or MAIN_DOMAIN_NAME: o.version for o in model.opset_import}
    counts: Counter[tuple[str, str, str, Place]] = Counter()
    text: Counter[str] = Counter()
    functions = {(f.domain, f.name) for f in model.functions}
    for node in model_nodes(model):
        if (node.domain, node.op_type) in functions:
            continue  # its own nodes count
        domain = node.domain or MAIN_DOMAIN_NAME
        use = Use.of(node, opsets.get(domain, 1), dtype_of)
        counts[domain, node.op_type, use.main_dtype, place(use)] += 1
        text[node.op_type] += use.is_on_text
    tier, beyond_core = portable_tier(model)
    return Summary(
        metadata=metadata,
        exported=found is not None,
        opsets=opsets,
        ir_version=model.ir_version,
        bytes=model.ByteSize(),
        data_files=data_files(model),
        batch_size=batch_size(model),
        tier=tier,
        beyond_core=tuple(beyond_core),
        operators=tuple(OperatorCount(*key, nodes) for key, nodes in sorted(counts.items())),
        other_outputs=other_outputs(model, metadata),
        host_work=tuple(_host_work(metadata, +text, text_copies(model))),
    )


def _host_work(metadata: Metadata, text: Counter[str], copies: Mapping[str, str]) -> Iterator[str]:
    coded = [c.name for c in metadata.schema.columns if c.is_text and c.tensor != "str"]
    if coded:
        yield f"text to codes, by the predictor: {', '.join(coded)}"
    named = [m.name for m in metadata.methods if m.labels]
    if named:
        yield f"codes to label names, by the predictor: {', '.join(named)}"
    if copies:
        repeated = [f"{output} of {source}" for output, source in copies.items()]
        yield f"outputs that repeat a text input, by the caller: {', '.join(repeated)}"
    if text:
        named = [f"{name} ({nodes} nodes)" if nodes > 1 else name for name, nodes in sorted(text.items())]
        yield f"operators on text, by onnxruntime on the CPU: {', '.join(named)}"


def _dtypes(model: onnx.ModelProto) -> dict[str, str]:
    """Return the short dtype of every value of the main graph whose type is known, inferring what is not written."""
    graph = _inferred(model).graph
    found = {i.name: short_dtype(i.data_type) for i in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        found[value.name] = short_dtype(value.type.tensor_type.elem_type)
    return found


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    typed = {v.name for v in (*model.graph.input, *model.graph.value_info, *model.graph.output)}
    if all(name in typed for node in model.graph.node for name in node.output if name):
        return model
    if any(n.op_type in CRASHES_UNTYPED and not typed.issuperset(n.input) for n in model.graph.node):
        return model
    try:
        return onnx.shape_inference.infer_shapes(model)
    except (onnx.shape_inference.InferenceError, ValueError):  # an odd model, or one of over 2 GB: types stay unknown
        return model
