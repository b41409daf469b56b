"""Ask a model for a chunk of rows: from an Arrow table to the table of answers, and to the rows that it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bridge.data.answer_columns import answer_columns
from bridge.data.chunks import kind_of
from bridge.errors import InputError, UnsupportedError
from bridge.method import answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bridge.method import Method
    from bridge.runtime.predictor import Predictor

_SCALARS = {bool: "bool_", int: "int64", float: "float64"}


@dataclass(frozen=True)
class Asker:
    """Gives the rows of the sink, of `schema`: the columns `kept`, then the answers of the methods."""

    predictor: Predictor
    methods: tuple[str, ...]
    features: tuple[str, ...]
    kept: tuple[str, ...]
    schema: Any

    def __call__(self, table: Any) -> Any:
        """Return the rows of the sink for an Arrow table. Raises `InputError` where the model refuses a row."""
        import pyarrow as pa

        columns = [table.column(name) for name in self.kept]
        rows = _as_input(self.predictor, table.select(list(self.features)))
        found = _ask(self.predictor, self.methods, rows)
        for field, (name, values) in zip(list(self.schema)[len(self.kept) :], found.items(), strict=True):
            if len(values) != len(table) or field.name != name:
                raise UnsupportedError(f"{name} has {len(values)} answers for {len(table)} rows: ask in Python instead")
            columns.append(pa.array(values, field.type, from_pandas=values.dtype == object))
        return pa.table(columns, schema=self.schema)

    def refused_rows(self, table: Any) -> Iterator[tuple[int, str]]:
        """Yield, in order, the rows that the model refuses, each with the cause: found by halving."""
        waiting = [(0, len(table))]
        while waiting:
            start, count = waiting.pop()
            try:
                self(table.slice(start, count))
            except InputError as error:
                if count == 1:
                    yield start, _without_row(str(error))
                    continue
                half = count // 2
                waiting += [(start + half, count - half), (start, half)]


def answer_schema(predictor: Predictor, methods: Sequence[str]) -> Any:
    """Return the Arrow schema of the methods' answers, the same whatever the rows.

    Raises
    ------
    UnsupportedError
        A method gives several rows, or rows of any length, for one.
    """
    import pyarrow as pa

    found: dict[str, Any] = {}
    for name in methods:
        method = next(m for m in predictor.methods if m.name == name)
        if method.each != 1:
            raise UnsupportedError(
                f"{name} gives {method.each} rows for one, which a file of one row a row cannot hold"
            )
        columns = _columns(predictor, method, _empty_answer(predictor, name))
        types = _own_types(predictor, method) or [_arrow_type(values, method) for values in columns.values()]
        found |= dict(zip(columns, types, strict=True))
    return pa.schema(list(found.items()))


def _ask(predictor: Predictor, methods: Sequence[str], rows: Any) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    by_name = {m.name: m for m in predictor.methods}
    for name in methods:
        found |= _columns(predictor, by_name[name], answer(predictor, name, rows))
    return found


def _columns(predictor: Predictor, method: Method, found: Any) -> dict[str, NDArray[Any]]:
    if method.row_axis:
        found = np.moveaxis(found, method.row_axis, 0)
    if isinstance(found, np.ndarray) and found.ndim > 2:
        found = found.reshape(len(found), int(np.prod(found.shape[1:])))
    return answer_columns(method.name, found, [c.array() for c in predictor.metadata.classes])


def _empty_answer(predictor: Predictor, method: str) -> Any:
    """Return the answer for no rows, in the form that it has for some."""
    schema = predictor.metadata.schema
    if schema.kind == "vector":
        return answer(predictor, method, np.zeros(0, object if schema.columns[0].is_text else np.float64))
    import pyarrow as pa

    width = schema.n_features or sum(c.width for c in schema.columns)
    text = {i for c in schema.columns if c.is_text for i in range(c.index, c.index + c.width)}
    names = schema.feature_names or tuple(f"x{i}" for i in range(width))
    columns = [pa.array([], pa.string() if i in text else pa.float64()) for i in range(width)]
    return answer(predictor, method, pa.table(dict(zip(names, columns, strict=True))))


def _arrow_type(values: NDArray[Any], method: Method) -> Any:
    import pyarrow as pa

    if values.dtype.kind not in "OUT":
        return pa.from_numpy_dtype(values.dtype)
    labels = {type(value) for classes in method.labels for value in classes.values if value is not None}
    return getattr(pa, _SCALARS[labels.pop()])() if len(labels) == 1 and labels <= _SCALARS.keys() else pa.string()


def _own_types(predictor: Predictor, method: Method) -> list[Any]:
    """Return the types of columns that are objects in Python: lists, and text beside numbers; none elsewhere."""
    import pyarrow as pa

    if method.ragged:
        return [pa.list_(pa.from_numpy_dtype(np.dtype(dtype))) for dtype in method.tuple_of]
    if not method.texts or method.dtype != "object":
        return []
    tensors = {o.name: o.type.tensor_type for o in predictor._model.graph.output}  # noqa: SLF001
    types = []
    for name, output in zip(method.texts, method.outputs, strict=True):
        width = tensors[output].shape.dim[1].dim_value
        types += [
            pa.string()
            if name
            else pa.from_numpy_dtype(onnx.helper.tensor_dtype_to_np_dtype(tensors[output].elem_type))
        ] * width
    for place in method.bools:
        types[place] = pa.bool_()
    return types


def _as_input(predictor: Predictor, table: Any) -> Any:
    """Return the rows as the model takes them.

    Numbers go as Arrow has them; text goes through pandas, whose missing values are NaN and not None, as
    scikit-learn's encoders tell them apart.
    """
    is_numeric = all(kind_of(t) == "number" for t in table.schema.types)
    if predictor.metadata.schema.kind != "vector":
        return table if is_numeric else table.replace_schema_metadata(None).to_pandas()
    frame = table.replace_schema_metadata(None).to_pandas()
    return frame.to_numpy() if is_numeric else frame.iloc[:, 0] if frame.shape[1] == 1 else frame


def _without_row(message: str) -> str:
    """Return the message about a single row without its number there."""
    return message.replace(" in row 0", "").replace("row 0 is refused", "the row is refused")
