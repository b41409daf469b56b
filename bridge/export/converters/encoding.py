"""OneHotEncoder, OrdinalEncoder and TargetEncoder, with infrequent, unknown and missing categories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from bridge.export.block import Block, Part
from bridge.export.converters.lookup import Table, category_parts, look_up, matches
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder


@dataclass(frozen=True)
class _Slots:
    """The output columns of one encoded column: single categories, then the one for all infrequent ones."""

    single: list[Any]
    infrequent: list[Any]
    takes_unknown: bool
    dropped: int | None

    @property
    def is_plain(self) -> bool:
        return not self.infrequent

    @property
    def kept(self) -> list[Any]:
        return [c for i, c in enumerate(self.single) if i != self.dropped]


@converts(OneHotEncoder)
def convert_one_hot_encoder(b: Builder, encoder: Any, x: Block) -> Mapping[str, Answer]:
    slots = [_slots(encoder, i) for i in range(encoder.n_features_in_)]
    columns: list[ir.Value] = []
    start = 0
    for part in category_parts(x, encoder.categories_, strict=encoder.handle_unknown == "error"):
        columns += _one_hot(b, part, slots[start : start + part.width])
        start += part.width
    encoded = b.cast(b.concat(columns), encoder.dtype)
    width = sum(encoder._n_features_outs)
    return {"transform": replace(x.of(encoded, width), sparse=encoder.sparse_output)}


@converts(OrdinalEncoder)
def convert_ordinal_encoder(b: Builder, encoder: Any, x: Block) -> Mapping[str, Answer]:
    tables = [_ordinals(encoder, i) for i in range(encoder.n_features_in_)]
    strict = encoder.handle_unknown == "error"
    block = _look_up_all(b, x, tables, encoder.dtype, strict=strict)
    if any(np.isnan(table.unknown).any() or np.isnan(table.values).any() for table in tables):
        for part in block.parts:
            b.may_break(part.value)
    return {"transform": block}


@converts(TargetEncoder)
def convert_target_encoder(b: Builder, encoder: Any, x: Block) -> Mapping[str, Answer]:
    unknown = np.atleast_1d(encoder.target_mean_)
    outputs = len(unknown)
    tables = [
        Table(categories, np.column_stack(encoder.encodings_[i * outputs : (i + 1) * outputs]), unknown)
        for i, categories in enumerate(encoder.categories_)
    ]
    return {"transform": _look_up_all(b, x, tables, np.dtype(np.float64), strict=False)}


def _look_up_all(b: Builder, x: Block, tables: Sequence[Table], dtype: Any, *, strict: bool) -> Block:
    found = []
    start = 0
    for part in category_parts(x, [t.categories for t in tables], strict=strict):
        found.append(look_up(b, part, tables[start : start + part.width]))
        start += part.width
    width = sum(len(t.unknown) for t in tables)
    return x.of(b.cast(b.concat(found), dtype), width)


def _one_hot(b: Builder, part: Part, slots: Sequence[_Slots]) -> list[ir.Value]:
    if all(s.is_plain for s in slots):
        owners = [i for i, s in enumerate(slots) for _ in s.kept]
        keys = [key for s in slots for key in s.kept]
        return [matches(b, part, owners, keys)] if keys else []
    return [value for i, s in enumerate(slots) for value in _one_hot_grouped(b, _column(b, part, i), s)]


def _one_hot_grouped(b: Builder, column: Part, slots: _Slots) -> list[ir.Value]:
    values = []
    single = matches(b, column, [0] * len(slots.single), slots.single) if slots.single else None
    if single is not None and slots.kept:
        kept = [i for i in range(len(slots.single)) if i != slots.dropped]
        values.append(single if len(kept) == len(slots.single) else b.take_columns(single, kept))
    if slots.infrequent and slots.dropped != len(slots.single):
        others = slots.takes_unknown
        members = single if others else matches(b, column, [0] * len(slots.infrequent), slots.infrequent)
        values.append(b.op("Not", _any(b, members, column)) if others else _any(b, members, column))
    return values


def _any(b: Builder, conditions: ir.Value | None, column: Part) -> ir.Value:
    """Return bool (rows, 1): whether one condition holds; False where there are none."""
    if conditions is None:
        return b.op("Less", column.value, column.value)
    count = b.sum(b.cast(conditions, np.int64), keepdims=True)
    return b.op("Greater", count, b.constant([[0]], np.int64))


def _column(b: Builder, part: Part, i: int) -> Part:
    return part if part.width == 1 else Part(b.take_columns(part.value, [i]), 1)


def _slots(encoder: Any, i: int) -> _Slots:
    categories = encoder.categories_[i].tolist()
    grouping = encoder._default_to_infrequent_mappings[i] if encoder._infrequent_enabled else None
    dropped = None if encoder._drop_idx_after_grouping is None else encoder._drop_idx_after_grouping[i]
    if grouping is None:
        return _Slots(categories, [], takes_unknown=False, dropped=dropped)
    last = grouping.max()
    return _Slots(
        single=[c for c, slot in zip(categories, grouping, strict=True) if slot < last],
        infrequent=[c for c, slot in zip(categories, grouping, strict=True) if slot == last],
        takes_unknown=encoder.handle_unknown in ("infrequent_if_exist", "warn"),
        dropped=dropped,
    )


def _ordinals(encoder: Any, i: int) -> Table:
    categories = encoder.categories_[i]
    ordinals = np.arange(len(categories), dtype=np.float64)
    grouping = encoder._default_to_infrequent_mappings[i] if encoder._infrequent_enabled else None
    if grouping is not None:
        ordinals[: len(grouping)] = grouping
    if i in encoder._missing_indices:
        ordinals[encoder._missing_indices[i]] = encoder.encoded_missing_value
    # With handle_unknown="error" the host refuses unknown values; behind other steps they show up as NaN, or as -1.
    is_float = np.dtype(encoder.dtype).kind == "f"
    unknown = encoder.unknown_value if encoder.handle_unknown != "error" else np.nan if is_float else -1
    return Table(categories, ordinals.reshape(-1, 1), _row(unknown))


def _row(value: float) -> NDArray[np.float64]:
    return np.array([value], np.float64)
