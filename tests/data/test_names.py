"""Names in dicts, pairs, lists and sets get the positions and values that scikit-learn gives them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.utils.murmurhash import murmurhash3_bytes_s32

from bridge.data import hashes as hashes_module
from bridge.data.hashes import Hashes
from bridge.data.names import NamesReader
from bridge.data.naming import Naming
from bridge.data.schema import Column
from bridge.errors import InputError

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.integers(-9, 9), st.booleans())
HASHED = st.dictionaries(NAMES, st.one_of(NUMBERS, NAMES), max_size=6)
KNOWN = st.sampled_from(["a", "b", "a=x", "b=", "c", "c=a=x"])
VALUES = st.one_of(
    NUMBERS, st.none(), st.sampled_from(["x", "", "a=x"]), st.lists(st.sampled_from(["x", "y"]), max_size=3)
)
LOOKED_UP = st.dictionaries(st.one_of(KNOWN, st.integers(0, 3)), VALUES, max_size=6)


def read(rows, naming, vocabulary=()):
    """Return what the reader gives, as a sparse matrix."""
    objects = np.empty(len(rows), object)
    objects[:] = rows
    reader = NamesReader(Column("X.terms", "objects", "int64", vocabulary=vocabulary, analysis=naming), naming)
    places, values = reader(reader.take_apart(objects))
    owners, columns = np.nonzero(places < naming.width)
    assert (values[places == naming.width] == 0).all()
    entries = values[owners, columns], (owners, places[owners, columns])
    return sparse.csr_matrix(entries, shape=(len(rows), naming.width))


def naming(form, width, **options):
    return Naming("X", "X.counts", options.pop("dtype", "float64"), width, form, **options)


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(HASHED, min_size=1, max_size=5), st.sampled_from([1, 3, 2**20, 2**31 - 1]), st.booleans())
def test_dicts_are_hashed_as_by_scikit_learn(rows, width, alternate_sign):
    expected = FeatureHasher(width, alternate_sign=alternate_sign).transform(rows)
    found = read(rows, naming("dict", width, is_hashed=True, alternate_sign=alternate_sign))
    assert found.nnz == expected.nnz
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-9)


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(LOOKED_UP, min_size=1, max_size=5), st.sampled_from(["float64", "float32"]))
def test_dicts_are_looked_up_as_by_scikit_learn(rows, dtype):
    names = ("b=", "a", 2, "a=x", "c=x", "c")
    vectorizer = DictVectorizer(sparse=False, dtype=getattr(np, dtype))
    vectorizer.feature_names_, vectorizer.vocabulary_ = list(names), {name: i for i, name in enumerate(names)}
    found = read(rows, naming("dict", len(names), dtype=dtype), names)
    np.testing.assert_allclose(found.toarray(), vectorizer.transform(rows), rtol=1e-6 if dtype == "float32" else 1e-12)


def test_hashes_of_names_met_before_stay_the_same(monkeypatch):
    monkeypatch.setattr(hashes_module, "MOST_KNOWN", 4)
    hashes = Hashes()
    for names in (["a", "b", "a"], ["c", b"a", "b", "é"], list("abcdefgh"), [], ["a"]):
        expected = [murmurhash3_bytes_s32(n if isinstance(n, bytes) else n.encode(), 0) for n in names]
        assert hashes(names).tolist() == expected


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ({"allow_nan": False}, np.nan, "NaN"),
        ({"allow_inf": False}, -np.inf, "infinity"),
        ({"allow_huge": False}, 1e39, "32"),
    ],
)
def test_numbers_that_the_estimator_refuses(column, value, what):
    how = naming("dict", 8, is_hashed=True)
    reader = NamesReader(Column("X.terms", "objects", "int64", analysis=how, **column), how)
    rows = np.array([{"a": 1.0}, {"a": value}], object)
    with pytest.raises(InputError, match=rf"column 'X', row 1: a value is .*{what}"):
        reader(reader.take_apart(rows))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"dtype": "int8"}, "values of int8"), ({"width": 0}, "at 0 places"), ({"form": "bytes"}, "names cannot be read")],
)
def test_a_damaged_file_is_refused(options, message):
    how = naming(**{"form": "dict", "width": 3, **options})
    with pytest.raises(ValueError, match=message):
        NamesReader(Column("X.terms", "objects", "int64", analysis=how), how)
