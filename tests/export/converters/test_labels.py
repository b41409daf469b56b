"""LabelEncoder and LabelBinarizer take a vector of labels, and answer as scikit-learn's do."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import LabelBinarizer, LabelEncoder

import bridge
from bridge.errors import InputError

RNG = np.random.default_rng(0)
NUMBERS = RNG.integers(-1, 3, 40)
TOWNS = np.array(["Ulm", "Köln", "a b"])[RNG.integers(0, 3, 40)]
VECTORS = {
    "integers": NUMBERS,
    "small integers": NUMBERS.astype(np.int8),
    "floats": NUMBERS.astype(np.float64),
    "two": NUMBERS > 0,
    "one": np.full(5, 7),
    "text": TOWNS,
    "two texts": np.where(TOWNS == "Ulm", "Ulm", "elsewhere"),
    "objects": TOWNS.astype(object),
    "a Series": pd.Series(TOWNS, dtype=object),
    "a list": TOWNS.tolist(),
    "a list of numbers": NUMBERS.tolist(),
}


def assert_same(estimator, labels, target):
    file = bridge.export(estimator.fit(labels), labels, target=target)
    model = bridge.load(file, device="cpu")
    for given in (labels, labels[:1]):
        expected, found = estimator.transform(given), model.transform(given)
        assert sparse.issparse(found) == sparse.issparse(expected)
        if sparse.issparse(expected):
            found, expected = found.toarray(), expected.toarray()
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert bridge.verify(estimator, file, labels).ok


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
@pytest.mark.parametrize("labels", VECTORS.values(), ids=list(VECTORS))
def test_labels_become_numbers(labels, target):
    assert_same(LabelEncoder(), labels, target)


@pytest.mark.parametrize(
    "options",
    [{}, {"neg_label": -1}, {"neg_label": -2, "pos_label": 0}, {"pos_label": 5, "sparse_output": True}],
    ids=str,
)
@pytest.mark.parametrize("labels", VECTORS.values(), ids=list(VECTORS))
def test_labels_become_columns(labels, options):
    assert_same(LabelBinarizer(**options), labels, "cpu")
    assert_same(LabelBinarizer(**options), labels, "portable")


@pytest.mark.parametrize("options", [{}, {"neg_label": -1, "pos_label": 2}, {"sparse_output": True}], ids=str)
def test_many_labels_a_row(options):
    marks = RNG.integers(0, 2, (30, 3))
    estimator = LabelBinarizer(**options).fit(marks)
    assert bridge.verify(estimator, bridge.export(estimator, marks), marks).ok


def test_missing_is_a_label():
    labels = np.where(NUMBERS == 0, np.nan, NUMBERS)
    file = bridge.export(LabelEncoder().fit(labels), labels, target="cpu")
    model = bridge.load(file, device="cpu")
    np.testing.assert_array_equal(model.transform(labels), LabelEncoder().fit_transform(labels))
    np.testing.assert_array_equal(model.classes_, [-1.0, 1.0, 2.0, np.nan])


@pytest.mark.parametrize(("labels", "unknown"), [(NUMBERS, 9), (TOWNS, "Rom")], ids=["numbers", "text"])
def test_unknown_labels(labels, unknown):
    encoder, binarizer = LabelEncoder().fit(labels), LabelBinarizer().fit(labels)
    with pytest.raises(InputError, match="unknown"):
        bridge.load(bridge.export(encoder, labels), device="cpu").transform([labels[0], unknown])
    found = bridge.load(bridge.export(binarizer, labels), device="cpu").transform([labels[0], labels[1], unknown])
    np.testing.assert_array_equal(found, binarizer.transform([labels[0], labels[1], unknown]))
