"""The inputs of a graph: open at the start of an export, described at its end, with what the encoders asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.data.naming import Naming
from bridge.errors import InputError
from bridge.export.block import Block, NumberColumn, ObjectColumn, Part, TextColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.data.schema import Column, Schema
    from bridge.export.block import TermsInput
    from bridge.export.builder import Builder


def open_inputs(b: Builder, schema: Schema) -> tuple[list[ir.Value], Block]:
    """Return a graph input for every column, and the block that they make."""
    inputs = []
    parts = []
    for column in schema.columns:
        dtype = ir.DataType.from_numpy(np.dtype(column.tensor))
        value = ir.Value(
            name=column.name, type=ir.TensorType(dtype), shape=ir.Shape(["batch", *(column.image or [column.width])])
        )
        inputs.append(value)
        names = None
        if schema.feature_names is not None:
            names = (schema.feature_names[column.index],)
        if column.is_text:
            parts.append(Part(value, 1, text=TextColumn(column.name), names=names))
        elif column.holds_objects:
            parts.append(Part(value, 1, objects=ObjectColumn(column.name), names=names))
        else:
            source = NumberColumn(column.name, column.width)
            parts.append(Part(value, column.width, source=source, image=column.image, names=names))
    return inputs, Block(b, tuple(parts), sparse=schema.kind == "sparse", frame=schema.kind == "frame")


def finish_schema(schema: Schema, block: Block) -> Schema:
    """Return the schema with the inputs that the graph uses, and what the encoders said about them."""
    columns: list[Column] = []
    for column, part in zip(schema.columns, block.parts, strict=True):
        columns += [_terms_column(column, each) for each in part.terms]
        if not part.value.uses():
            continue
        if column.problem:
            raise InputError(column.problem)
        if part.text is not None:
            columns.append(replace(column, vocabulary=tuple(part.text.values), strict=part.text.strict))
        elif part.source is not None:
            allowed, counts = part.source.flat()
            columns.append(replace(column, allowed=allowed, allowed_counts=counts, strict=part.source.strict))
        else:
            columns.append(column)
    return schema.with_columns(columns)


def name_terms(inputs: Sequence[ir.Value], block: Block) -> list[ir.Value]:
    """Name the inputs that hold the terms of text after its column, and return them."""
    taken = {v.name for v in inputs}
    found = []
    for part in block.parts:
        for each in part.terms:
            for value, what in ((each.terms.columns, "terms"), (each.terms.values, "counts")):
                value.name = f"{part.value.name}.{what}"
                while value.name in taken:
                    value.name += "_"
                taken.add(value.name)
                found.append(value)
            # Lengths of one name are one length to onnxruntime, and every column has its own longest row.
            width = each.terms.width
            for value, what in ((each.terms.columns, "positions"), (each.terms.values, "counts or values")):
                value.shape = ir.Shape(["batch", each.terms.columns.name])
                value.doc_string = (
                    f"For each row the {what} of what column {part.value.name!r} holds, each position once; "
                    f"filled up with {f'position {width}' if what == 'positions' else '0'}."
                )
    return found


def _terms_column(column: Column, given: TermsInput) -> Column:
    analysis = replace(given.analysis, counts=str(given.terms.values.name))
    if isinstance(analysis, Naming) and analysis.refuse_repeats:
        analysis = replace(analysis, refuse_repeats=not _only_adds(given.terms.values))
    name = str(given.terms.columns.name)
    return replace(column, name=name, vocabulary=given.vocabulary, analysis=analysis, problem="")


def _only_adds(values: ir.Value) -> bool:
    """Return whether all that is made of these values is their sum at each position, times weights, or themselves."""
    return all(
        (node.op_type == "Cast" and _only_adds(node.outputs[0]))
        or node.op_type in ("Identity", "Unsqueeze")  # an answer, a product
        or (node.op_type == "Mul" and node.inputs[0] is not node.inputs[1] and _is_summed(node.outputs[0]))
        or (node.op_type == "ScatterElements" and _is_answer(node.outputs[0]))
        for node, _ in values.uses()
    )


def _is_answer(matrix: ir.Value) -> bool:
    """Return whether a dense matrix is cut to size and answered as it is."""
    cut = [node for node, _ in matrix.uses()]
    users = [user for node in cut for user, _ in node.outputs[0].uses()]
    return all(node.op_type == "Slice" for node in cut) and all(user.op_type == "Identity" for user in users)


def _is_summed(products: ir.Value) -> bool:
    return all(node.op_type == "ReduceSum" for node, _ in products.uses())
