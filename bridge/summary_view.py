"""Print the facts of a model file, 80 columns wide."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bridge.artifact import Metadata
    from bridge.data.schema import Column
    from bridge.method import Method
    from bridge.operator_counts import OperatorCount
    from bridge.placement import Place
    from bridge.summary import Summary

MOST_COLUMNS = 40
"""Inputs shown one by one; a wider model's are counted."""
MOST_LABELS = 6
INDENT = " " * 11
"""What stands before the facts of a file."""


def show_summary(name: str, summary: Summary, console: Console) -> None:
    """Print the summary of the file `name`."""
    metadata = summary.metadata
    made = "" if summary.exported else " (no bridge metadata: read as a plain model)"
    opsets = ", ".join(f"{domain} {number}" for domain, number in summary.opsets.items())
    lines = [
        f"{name}{made}",
        f"estimator  {metadata.estimator}",
        f"target     {metadata.target}, precision {metadata.precision}{', in pairs' if metadata.pairs else ''}",
        f"file       {file_size(summary.bytes)}, IR {summary.ir_version}, {opsets}",
    ]
    lines += [f"data       {file_size(size)} in {name}" for name, size in summary.data_files.items()]
    lines += [f"trees      {form}" for form in metadata.forms]
    lines += [f"mixed      {part}" for part in metadata.mixed]
    if summary.batch_size is not None:
        lines.append(f"rows       {summary.batch_size:,} a run, written into the file")
    lines.append(f"portable   {_tier(summary)}")
    if metadata.versions:
        lines.append(f"made with  {', '.join(f'{k} {v}' for k, v in metadata.versions.items())}")
    for line in lines:
        console.print(fill(line, console.width, subsequent_indent=INDENT), markup=False)
    console.print(_inputs(summary))
    if metadata.methods or not summary.other_outputs:
        console.print(_methods(summary))
    if summary.other_outputs:
        console.print(_other_outputs(summary))
    console.print(_operators(f"\nOperators: {summary.nodes} nodes", summary.operators))
    for function in summary.functions:
        title = f"\nFunction {_plain(f'{function.domain}::{function.name}')}: {function.nodes} nodes"
        console.print(_operators(f"{title}, for a runtime without such an operator", function.operators))
    console.print(_placement(summary), markup=False)
    if summary.kernel is not None:
        console.print(fill(f"bridge::Forest on a CPU here: {summary.kernel}", console.width), markup=False)
    for work in summary.host_work:
        console.print(f"on the host: {work}", markup=False)


def file_size(count: int) -> str:
    """Return a number of bytes in words."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} bytes"


def _precision(metadata: Metadata) -> str:
    lacking = metadata.target == "portable" and metadata.precision == "float32"
    return f"{metadata.precision}: many runtimes lack float64" if lacking else metadata.precision


def _tier(summary: Summary) -> str:
    if not summary.beyond_core:
        return "tier 1: what every measured runtime computes alike"
    return f"tier {summary.tier}, not in every measured runtime: {', '.join(summary.beyond_core)}"


def _table(title: str, *headers: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, min_width=len(title.strip())
    )
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _inputs(summary: Summary) -> Table:
    schema = summary.metadata.schema
    table = _table(f"\nInputs: a table of {schema.n_features} columns", "name", "data", "graph", "values")
    for column in schema.columns[:MOST_COLUMNS]:
        shape = ", ".join(map(str, column.image or [column.width if column.analysis is None else "any"]))
        graph = f"{column.tensor} (rows, {shape})"
        table.add_row(_plain(column.name), column.dtype, graph, _values(column))
        if column.analysis is not None:
            table.add_row(_plain(column.analysis.counts), "", f"{column.analysis.dtype} (rows, any)", "")
    more = len(schema.columns) - MOST_COLUMNS
    if more > 0:
        table.add_row(f"and {more} more", "", "", "")
    return table


def _values(column: Column) -> str:
    notes = [f"{len(column.vocabulary)} known, others refused" if column.strict else f"{len(column.vocabulary)} known"]
    notes = notes if column.vocabulary else [f"hashed to {column.analysis.width}"] if column.analysis else []
    taken = {"NaN": column.takes("nan"), "infinity": column.takes("inf")}
    refused = [name for name, is_taken in taken.items() if not is_taken]
    if column.is_text:
        refused = ["missing"] if not column.allow_nan else []
    return "; ".join(notes + ([f"no {' or '.join(refused)}"] if refused else []))


def _methods(summary: Summary) -> Table:
    table = _table("\nMethods", "name", "answer", "equal on the sample")
    for method in summary.metadata.methods:
        outputs = "" if method.outputs == (method.name,) else f" from {', '.join(method.outputs)}"
        table.add_row(_plain(method.name + outputs), _answer(method), _parity(summary, method.name))
    for name, reason in summary.metadata.left_out.items():
        table.add_row(_plain(name), _plain(f"left out: {reason}"), "")
    return table


def _other_outputs(summary: Summary) -> Table:
    table = _table("\nOutputs without a method: Predictor.run(X) gives them", "name", "graph")
    for name, kind in summary.other_outputs.items():
        table.add_row(_plain(name), kind)
    return table


def _answer(method: Method) -> str:
    shape = "(" + ", ".join(["rows", *map(str, method.shape)]) + ("," if not method.shape else "") + ")"
    labels = [repr(v) for classes in method.labels for v in classes.values]
    named = ", ".join(labels[:MOST_LABELS]) + (" ..." if len(labels) > MOST_LABELS else "")
    form = ", sparse: columns and values of entries" if method.entries else ""
    form += f", {method.each} a row" if method.each > 1 else ""
    return _plain(f"{method.dtype} {shape}{form}" + (f": {named}" if named else ""))


def _parity(summary: Summary, method: str) -> str:
    found = summary.metadata.parity.get(method)
    if not found:
        return "not checked"
    if method == "predict" and summary.metadata.classes:
        return f"{found['rows']:,} rows, {found['labels_differing']} differ"
    error = found["max_absolute"]
    return f"{found['rows']:,} rows, error {'inf' if error is None else f'{error:.1g}'}"


def _operators(title: str, operators: Sequence[OperatorCount]) -> Table:
    table = _table(title, "domain", "operator", "dtype", "nodes", "on a GPU")
    table.columns[3].justify = "right"
    for operator in operators:
        table.add_row(operator.domain, operator.name, operator.dtype, str(operator.nodes), _place(operator))
    return table


def _place(operator: OperatorCount) -> str:
    return "CUDA, needs cuDNN" if operator.needs_cudnn else operator.place


PLACES: dict[Place, str] = {
    "CUDA": "on CUDA",
    "CPU": "on the CPU",
    "no kernel": "without a kernel",
    "not measured": "not measured",
}


def _placement(summary: Summary) -> str:
    counts = [f"{count} {text}" for place, text in PLACES.items() if (count := summary.nodes_at(place))]
    return f"\nWith a GPU, nodes: {', '.join(counts) or 'none'}"


def _plain(text: str) -> str:
    """Return the text with what rich would read as markup escaped."""
    from rich.markup import escape

    return escape(text)
