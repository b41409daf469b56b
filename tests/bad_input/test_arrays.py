"""Arrays of any layout and dtype are taken; those of another shape, or of no numbers, are refused in clear words."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bridge.errors import InputError, InputTypeError
from tests.bad_input.cases import ARRAY, SPARSE, assert_same, served

FEW = ARRAY[:6]


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "rows": FEW,
    "columns first": np.asfortranarray(FEW),
    "every second row": ARRAY[:12:2],
    "backwards": FEW[::-1],
    "columns of a wider array": np.hstack([FEW, FEW])[:, :3],
    "read only": read_only(FEW),
    "one row": FEW[:1],
    "transposed": np.ascontiguousarray(FEW.T).T,
    "lists": FEW.tolist(),
    "tuples": tuple(map(tuple, FEW.tolist())),
    "list of arrays": list(FEW),
    "objects": FEW.astype(object),
    "frame": pd.DataFrame(FEW),
    "memory map": np.memmap("/dev/zero", np.float64, "r", shape=(4, 3)),
    **{f"dtype {d}": FEW.astype(d) for d in ("f2", "f4", ">f8", "i1", "i8", "?", np.longdouble)},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["forest", "histogram"])
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_layout_and_dtype_do_not_matter(layout, name, target):
    assert_same(name, LAYOUTS[layout], target=target)


@pytest.mark.parametrize("format_", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("name", ["forest", "sparse forest"])
def test_every_sparse_format_is_taken(format_, make, name):
    assert_same(name, make(SPARSE[:6]).asformat(format_))


def test_dense_rows_are_taken_where_the_sample_was_sparse():
    assert_same("sparse forest", SPARSE[:6].toarray())
    assert_same("sparse forest", SPARSE[:6].astype(np.float32))
    assert_same("sparse forest", pd.DataFrame.sparse.from_spmatrix(SPARSE[:6]))


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (FEW[0], r"found shape \(3,\)\.\nReshape it with X.reshape\(1, -1\)"),
        (FEW[np.newaxis], r"found shape \(1, 6, 3\)"),
        (pd.Series(FEW[0]), r"found shape \(3,\)\.\nReshape"),
        ([], r"found shape \(0,\)"),
        ([[1.0, 2.0], [3.0]], "the rows are of different lengths"),
        (pd.DataFrame(FEW, columns=list("abc")).to_dict("records"), r"found dicts\.\nGive pandas.DataFrame\(X\)"),
        (FEW[:, :2], "X has 2 features, but the model is expecting 3"),
        (FEW[:, :0], "X has 0 features, but the model is expecting 3"),
        (np.hstack([FEW, FEW]), "X has 6 features, but the model is expecting 3"),
        (sparse.hstack([SPARSE, SPARSE]).tocsr(), "X has 6 features, but the model is expecting 3"),
        (FEW.astype(complex), r"X has dtype complex128.*\n.*"),
        (FEW.astype("U"), "X holds the text '.*', but the model was exported for float64"),
        (FEW.astype("S"), "X holds the text b'.*', but the model was exported for float64"),
        (FEW.astype("M8[s]"), r"X has dtype datetime64\[s\]"),
        (np.zeros(3, [("a", "f8")]), "found shape"),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, str) else None,
)
def test_tables_of_another_shape_or_of_no_numbers_are_refused(table, found):
    for target in ("cpu", "portable"):
        with pytest.raises(InputError, match=found):
            served("forest", target)[1].predict(table)


@pytest.mark.parametrize("table", [None, "data.csv", b"", 3, {"a": [1]}, {1, 2}, (row for row in FEW)])
def test_what_is_no_table_is_refused_by_its_type(table):
    message = f"expected a DataFrame, a 2-dimensional array or a sparse matrix, found {type(table).__name__}"
    with pytest.raises(InputTypeError, match=message):
        served("forest")[1].predict(table)


@pytest.mark.parametrize(
    "make", [lambda s: s, lambda s: s.toarray(), lambda s: s.toarray().tolist() or np.zeros((0, 3))]
)
@pytest.mark.parametrize("name", ["forest", "sparse forest", "histogram"])
def test_no_rows_give_an_empty_answer(make, name):
    estimator, predictor = served(name)
    found = predictor.predict(make(SPARSE[:0]))
    assert (found.shape, found.dtype) == ((0,), estimator.classes_.dtype)
    assert predictor.predict_proba(make(SPARSE[:0])).shape == (0, 2)


def test_object_array_with_text_is_refused_by_value():
    table = FEW.astype(object)
    table[2, 1] = "7"
    with pytest.raises(InputError, match="X holds the text '7', but the model was exported for float64"):
        served("forest")[1].predict(table)
