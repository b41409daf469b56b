"""One inference method of a model: which outputs it reads, and how its answer looks."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import numpy as np

PREDICT_STD = "predict_std"
"""The second answer of `predict(X, return_std=True)`, under the name of its output."""

METHODS = (
    "predict",
    PREDICT_STD,
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "mahalanobis",
    "kneighbors",
    "radius_neighbors",
)
"""The inference methods that become outputs, in this order, where an estimator offers them."""

FRAME_LIBRARIES = ("pandas", "polars")
"""What `set_output` knows."""

SEARCHES = frozenset({"kneighbors", "radius_neighbors"})
"""Methods that answer (distances, indices); by default they are exported where an estimator has no others."""


def offers(estimator: Any, method: str) -> bool:
    """Return whether an estimator, or the last step of a pipeline, has one of `METHODS`."""
    if method in SEARCHES:
        size = "n_neighbors" if method == "kneighbors" else "radius"
        return hasattr(estimator, method) and getattr(estimator, size, None) is not None
    if method != PREDICT_STD:
        return hasattr(estimator, method)
    predict = getattr(getattr(estimator, "_final_estimator", estimator), "predict", None)
    try:
        return predict is not None and "return_std" in inspect.signature(predict).parameters
    except (TypeError, ValueError):  # compiled code may not tell
        return False


def answer(model: Any, method: str, data: Any) -> Any:
    """Return what an estimator or a predictor answers to one of `METHODS`."""
    if method == PREDICT_STD:
        return model.predict(data, return_std=True)[1]
    return getattr(model, method)(data)


@dataclass(frozen=True)
class Classes:
    """The labels of a classifier, in scikit-learn's order: `values[i]` has code i.

    Attributes
    ----------
    dtype
        NumPy's name of the dtype of `classes_`: "int64", "<U9", "object", "bool", "float64", ...
    values
        The labels as JSON scalars; None for NaN, which JSON has not.
    """

    dtype: str
    values: tuple[str | int | float | bool | None, ...]

    @staticmethod
    def of(classes: Any) -> Classes:
        array = np.asarray(classes)
        values = tuple(None if isinstance(v, float) and v != v else v for v in array.tolist())  # noqa: PLR0124
        return Classes(array.dtype.str if array.dtype.kind in "US" else array.dtype.name, values)

    def array(self) -> np.ndarray[Any, np.dtype[Any]]:
        return np.array(list(self.values), dtype=self.dtype)


@dataclass(frozen=True)
class FrameForm:
    """The DataFrame that a method answers with, as `set_output` asks for.

    Attributes
    ----------
    library
        "pandas" or "polars".
    names, dtypes
        Of the columns; the dtypes by NumPy's names. No names where they are those of the table.
    follows
        Whether the answer is a DataFrame where the table is one, of its library, and an array elsewhere; else it always
        is one of `library`.
    own
        For each column the name of the table's column that it is, untouched, "" for what was computed.
    """

    library: str
    names: tuple[str, ...]
    dtypes: tuple[str, ...]
    follows: bool = False
    own: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise for a library that scikit-learn does not answer in: `fill` imports what a file names."""
        if self.library not in FRAME_LIBRARIES:
            raise ValueError(f"a frame of {self.library!r}; expected one of {' or '.join(FRAME_LIBRARIES)}")

    @staticmethod
    def of(frame: Any) -> FrameForm:
        dtypes = [np.asarray(frame[name]).dtype.name for name in frame.columns]
        return FrameForm(library_of(frame), tuple(map(str, frame.columns)), tuple(dtypes))

    def fill(self, values: np.ndarray[Any, Any], table: Any) -> Any:
        """Return the values of (rows, columns) in such a frame, with the index of `table` if it has one.

        An array where the library is not installed.
        """
        given = library_of(table)
        name = given if self.follows else self.library
        if name not in FRAME_LIBRARIES:
            return values
        try:
            library = import_module(name)
        except ImportError:
            return values
        names = self.names or tuple(table.columns)
        own = self.own if given == name and self.own else ("",) * len(names)
        dtypes = self.dtypes or (values.dtype.name,) * len(names)
        options = {"index": table.index} if name == "pandas" and given == "pandas" else {}
        columns = {
            n: table[o] if o else values[:, i].astype(d)
            for i, (n, d, o) in enumerate(zip(names, dtypes, own, strict=True))
        }
        return library.DataFrame(columns, **options)


def library_of(table: Any) -> str:
    """Return the package that a DataFrame's class is of, "" for what is no DataFrame."""
    return type(table).__module__.partition(".")[0] if hasattr(table, "columns") else ""


@dataclass(frozen=True)
class Method:
    """How a predictor answers one method.

    Attributes
    ----------
    name
        The method's name in scikit-learn.
    outputs
        The graph's outputs that hold the answer: one, or one a target for a multi-output classifier.
    dtype
        The dtype that the estimator returned for the sample.
    shape
        The answer's shape after the row dimension, for each output: () for (rows,).
    labels
        For each output that holds positions in a list of labels, that list; empty where outputs hold the values.
    stacked
        Whether several outputs are columns of one array (True) or a list of arrays (False).
    row_axis
        Which axis of the answer the rows are: 1 where the estimator gives an array of several for each row first.
    each
        How many rows of the answer each row of the data has, one below the other.
    sparse
        The scipy sparse format of the answer, "csr", or None for a dense one.
    frame
        The DataFrame that the answer comes in, or None for an array.
    is_list
        Whether the answer is a list of arrays, which a multi-output classifier of one target gives too.
    roots
        Whether the answer is a root of sums that cancel, a distance: rounding near 0 then shows in its eighth digit.
    rounding
        The error that one rounding of each number makes in the estimator's own answer on the rows that it was fitted
        on, with `roots` in its square; 0.0 where the answer is not a small difference of large numbers.
    rounding_size
        The largest answer (or square) on these rows; where one is larger, its rounding is in proportion.
    tuple_of
        The dtypes of the arrays where the answer is a tuple of them, one an output: distances and indices.
    entries
        Whether the answer is a sparse matrix of `shape[0]` columns, given by its entries: the outputs are their
        columns, where the number of columns stands for none, and their values.
    ragged
        Whether these are arrays of arrays, one a row: those of the output whose index is not -1.
    texts, bools
        Where columns of the answer are text: for each output the text input that its codes are of, "" for numbers. A
        code below 0 stands for what the table holds there itself, others for a value of that input's vocabulary.
        Then also the positions of columns that are True and False.
    """

    name: str
    outputs: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]
    labels: tuple[Classes, ...] = ()
    stacked: bool = False
    sparse: str | None = None
    row_axis: int = 0
    each: int = 1
    frame: FrameForm | None = None
    is_list: bool = False
    roots: bool = False
    rounding: float = 0.0
    rounding_size: float = 0.0
    tuple_of: tuple[str, ...] = ()
    ragged: bool = False
    texts: tuple[str, ...] = ()
    bools: tuple[int, ...] = ()
    entries: bool = False

    def __post_init__(self) -> None:
        """Raise for entries that make no matrix."""
        if self.entries and (len(self.outputs), len(self.shape)) != (2, 1):
            raise ValueError(f"entries of {self.name} in {len(self.outputs)} outputs, of shape {self.shape}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Method:
        labels = tuple(Classes(c["dtype"], tuple(c["values"])) for c in data["labels"])
        names = ("outputs", "shape", "tuple_of", "texts", "bools")
        tuples: dict[str, Any] = {n: tuple(data[n]) for n in names if n in data}
        return Method(**{**data, **tuples, "labels": labels})
