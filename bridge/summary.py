"""What a model file holds: inputs, methods, operators, and where they would run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.artifact import Metadata, batch_size, data_files, get_metadata
from bridge.operator_counts import MAIN_DOMAIN_NAME, FunctionCount, OperatorCount, count_operators
from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.plain import describe_plain, other_outputs, text_copies
from bridge.portability import portable_tier
from bridge.runtime.native import describe_native

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

    from bridge.placement import Place


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
        By domain and name; subgraphs included, and a call of a local function is one node.
    functions
        The local functions that are called, with their own operators.
    other_outputs
        The outputs that answer no method, each with its dtype and shape in words.
    host_work
        What is done on the host whatever the device, in words.
    kernel
        What computes the file's `bridge::Forest` nodes on a CPU here, in words; None where it has none.
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
    functions: tuple[FunctionCount, ...]
    other_outputs: Mapping[str, str]
    host_work: tuple[str, ...]
    kernel: str | None

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
    operators, functions = count_operators(model)
    text: Counter[str] = Counter()
    for operator in (*operators, *(o for f in functions for o in f.operators)):
        text[operator.name] += operator.nodes if operator.is_on_text else 0
    tier, beyond_core = portable_tier(model)
    return Summary(
        metadata=metadata,
        exported=found is not None,
        opsets={o.domain or MAIN_DOMAIN_NAME: o.version for o in model.opset_import},
        ir_version=model.ir_version,
        bytes=model.ByteSize(),
        data_files=data_files(model),
        batch_size=batch_size(model),
        tier=tier,
        beyond_core=tuple(beyond_core),
        operators=operators,
        functions=functions,
        other_outputs=other_outputs(model, metadata),
        host_work=tuple(_host_work(metadata, +text, text_copies(model))),
        kernel=describe_native() if any((o.domain, o.name) == (BRIDGE_DOMAIN, FOREST) for o in operators) else None,
    )


def _host_work(metadata: Metadata, text: Counter[str], copies: Mapping[str, str]) -> Iterator[str]:
    columns = metadata.schema.columns
    coded = [c.name for c in columns if c.is_text and c.tensor != "str" and c.analysis is None]
    if coded:
        yield f"text to codes, by the predictor: {', '.join(coded)}"
    yield from _entries_work(metadata)
    named = [m.name for m in metadata.methods if m.labels]
    if named:
        yield f"codes to label names, by the predictor: {', '.join(named)}"
    named = [m.name for m in metadata.methods if m.texts]
    if named:
        yield f"codes to text, by the predictor: {', '.join(named)}"
    for reason in metadata.reasons:
        yield f"rows refused by the predictor, which output {metadata.refused!r} names: {reason}"
    if copies:
        repeated = [f"{output} of {source}" for output, source in copies.items()]
        yield f"outputs that repeat a text input, by the caller: {', '.join(repeated)}"
    if text:
        named = [f"{name} ({nodes} nodes)" if nodes > 1 else name for name, nodes in sorted(text.items())]
        yield f"operators on text, by onnxruntime on the CPU: {', '.join(named)}"


def _entries_work(metadata: Metadata) -> Iterator[str]:
    """Yield what is done with inputs and outputs that hold few entries a row."""
    for column in metadata.schema.columns:
        if column.analysis is not None:
            what = "names to positions and values" if column.holds_objects else "text to counts of terms"
            yield f"{what}, by the predictor: {column.analysis.column} ({column.analysis})"
    for method in metadata.methods:
        if method.entries:
            columns, values = method.outputs
            yield (
                f"entries to a sparse matrix, by the predictor: {method.name} has the value {values}[i, j] in row i "
                f"and column {columns}[i, j], and none where that is {method.shape[0]}"
            )
