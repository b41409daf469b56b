"""What a scoring reads and writes: the columns and their types, known before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bridge.data.chunks import check_count, check_names, kind_of
from bridge.errors import InputError
from bridge.stream.answers import Asker, answer_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.data.look import Look
    from bridge.data.schema import Column
    from bridge.runtime.predictor import Predictor

CHUNK_BYTES = 2**23
"""Of a chunk whose rows are counted by "auto", read and answered. About five are in memory at once."""

MOST_ROWS = 2**17
"""Of such a chunk."""


@dataclass(frozen=True)
class Plan:
    """The columns to read, by their Arrow types, and who answers; `asker.schema` is that of the sink."""

    types: dict[str, Any]
    asker: Asker
    ignored: tuple[str, ...]

    @property
    def only_kept(self) -> frozenset[str]:
        """The columns that the sink gets and the model does not."""
        return frozenset(self.asker.kept) - frozenset(self.asker.features)


def make_plan(
    predictor: Predictor,
    look: Look,
    *,
    methods: Sequence[str],
    kept: Sequence[str],
    features: Sequence[str] | None,
    as_written: bool,
) -> Plan:
    """Return the plan; with `as_written` columns of a CSV file are kept as the text that they are.

    Raises
    ------
    InputError
        A column is missing, or of another type than the model takes, or has the name of an answer.
    """
    import pyarrow as pa

    if look.table is None:
        if kept:
            raise InputError("the source gave no table, so that the types of the columns to keep are not known")
        asker = Asker(predictor, tuple(methods), (), (), answer_schema(predictor, methods))
        return Plan({}, asker, ())
    found = dict(zip(look.table.schema.names, look.table.schema.types, strict=True))
    names = _find_features(predictor, look, kept) if features is None else list(features)
    check_names(list(dict.fromkeys([*kept, *names])), look.names, look.where)
    if twice := [name for name in kept if list(kept).count(name) > 1]:
        raise InputError(f"the column {twice[0]!r} is to be kept twice")
    columns = _columns_of(predictor, names)
    types = {name: _feature_type(name, columns[name], found[name], look) for name in names}
    if not look.is_csv:
        types |= {name: _plain(found[name]) for name in names if name in kept}
    for name in kept:
        plain = _plain(found[name])
        is_text = look.is_csv and (as_written or pa.types.is_null(plain))
        types.setdefault(name, pa.string() if is_text else plain)
    answers = answer_schema(predictor, methods)
    if clash := [name for name in kept if name in answers.names]:
        raise InputError(
            f"the column {clash[0]!r} of {look.where} cannot be kept: an answer of the model has this name.\n"
            "Rename it, or ask for other methods."
        )
    schema = pa.schema([*(pa.field(name, types[name]) for name in kept), *answers])
    ignored = tuple(name for name in look.names if name not in types)
    return Plan(types, Asker(predictor, tuple(methods), tuple(names), tuple(kept), schema), ignored)


def count_rows(chunk_rows: int | Literal["auto"], predictor: Predictor, plan: Plan, look: Look) -> int | None:
    """Return how many rows make a chunk, None where all have to be in one."""
    if chunk_rows != "auto":
        check_count("chunk_rows", chunk_rows, " or auto")
    if predictor.is_whole:
        if chunk_rows != "auto":
            raise InputError("the rows of this model hang on each other and are asked together: leave chunk_rows away")
        return None
    if chunk_rows != "auto":
        return chunk_rows
    size = sum(look.row_bytes(name) for name in plan.types) + 8.0 * len(plan.asker.schema)
    return int(min(max(CHUNK_BYTES // max(size, 1), 1), MOST_ROWS))


def _find_features(predictor: Predictor, look: Look, kept: Sequence[str]) -> list[str]:
    """Return the columns that the model takes: by name where it knows names, else all but those that are kept."""
    schema = predictor.metadata.schema
    if schema.feature_names is None:
        # pandas' index is a column of the file that pandas itself does not show
        return [name for name in look.names if name not in kept and not name.startswith("__index_level_")]
    names = schema.feature_names
    if schema.reorder:
        needed = {i for c in schema.columns for i in range(c.index, c.index + c.width)}
        own = {name for m in predictor.methods if m.frame is not None for name in m.frame.own}
        names = tuple(name for i, name in enumerate(names) if i in needed or name in own)
    if missing := [name for name in names if name not in look.names]:
        raise InputError(
            f"{look.where} lacks column(s) {', '.join(map(repr, missing))}, which the model takes; "
            f"it has {', '.join(map(repr, look.names))}"
        )
    return list(names)


def _columns_of(predictor: Predictor, names: Sequence[str]) -> dict[str, Column | None]:
    """Return the input of the model that each column goes to; None for one that it does not use."""
    schema = predictor.metadata.schema
    if len(schema.columns) == 1 and schema.feature_names is None:
        return dict.fromkeys(names, schema.columns[0])
    order = schema.feature_names if schema.feature_names is not None else tuple(names)
    by_name: dict[str, Column | None] = dict.fromkeys(names)
    for column in schema.columns:
        by_name |= {name: column for name in order[column.index : column.index + column.width] if name in by_name}
    return by_name


def _feature_type(name: str, column: Column | None, found: Any, look: Look) -> Any:
    """Return the Arrow type to read a column as, which is its own but in a CSV file."""
    import pyarrow as pa

    plain = _plain(found)
    takes_text = column is not None and (column.is_text or column.analysis is not None)
    if look.is_csv:
        if takes_text or column is None:
            return pa.string()
        if pa.types.is_boolean(plain) or (pa.types.is_integer(plain) and "int" in column.tensor):
            return plain
        return pa.float64()
    right = "text" if takes_text else "number"
    if column is not None and not column.holds_objects and not pa.types.is_null(plain) and kind_of(plain) != right:
        raise InputError(
            f"{look.where}: column {name!r} has the type {found}, but the model was exported for "
            f"{'text' if takes_text else column.dtype}.\nCast it, or export again with a sample of the new data."
        )
    # A later file may hold fractions where the first has whole numbers, or nothing at all.
    is_whole = pa.types.is_integer(plain) or pa.types.is_boolean(plain)
    is_float = column is not None and not takes_text and column.tensor.startswith("float")
    return pa.float64() if is_float and (is_whole or pa.types.is_null(plain)) else plain


def _plain(found: Any) -> Any:
    """Return the type of the values, where each block has a dictionary of its own, as all files hold it."""
    import pyarrow as pa

    plain = found.value_type if pa.types.is_dictionary(found) else found
    return pa.string() if pa.types.is_string_view(plain) else plain
