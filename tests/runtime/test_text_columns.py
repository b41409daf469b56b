"""Text that an estimator hands on comes back as text, and a DataFrame as the DataFrame that the estimator gives."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import bridge
from bridge.errors import ArtifactError

FRAME = pd.DataFrame(
    {
        "town": ["Bonn", None, "Ulm", "Bonn", "Jena", np.nan],
        "size": [1.5, np.nan, 3, 4, 5, 1.5],
        "count": [1, 2, 3, 4, 5, 1 << 60],
        "open": [True, False] * 3,
    }
)
UNSEEN = pd.DataFrame(
    {
        "town": ["Köln", None, "Ulm", "Bonn", np.nan],
        "size": [1.25, np.nan, 3.125, 4, np.nan],
        "count": [7, 2, 3, 4, (1 << 60) + 1],
        "open": [True, False, True, True, False],
    },
    index=list("vwxyz"),
)
for _table in (FRAME, UNSEEN):
    _table["kind"] = _table["town"].astype("category")
NUMBERS = ["size", "count"]
frequent = SimpleImputer(strategy="most_frequent")
towns = ("towns", SimpleImputer(strategy="most_frequent"), ["town"])


def model_of(estimator, sample, target="cpu"):
    return bridge.load(bridge.export(estimator.fit(sample), sample, target=target), device="cpu")


def same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    elif isinstance(expected, pl.DataFrame):
        assert found.equals(expected)
        assert found.dtypes == expected.dtypes
    else:
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert list(map(repr, found.ravel().tolist())) == list(map(repr, expected.ravel().tolist()))


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
@pytest.mark.parametrize(
    "estimator",
    [
        frequent,
        SimpleImputer(strategy="constant", fill_value="none", keep_empty_features=True),
        SimpleImputer(strategy="most_frequent", add_indicator=True),
        SimpleImputer(strategy="most_frequent").set_output(transform="pandas"),
        ColumnTransformer([towns, ("rest", "passthrough", ["size", "open"])]),
        ColumnTransformer([towns, ("rest", "passthrough", ["count", "kind"])]).set_output(transform="pandas"),
        make_pipeline(
            ColumnTransformer([towns], remainder="passthrough"),
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        ),
        make_pipeline("passthrough"),
        FunctionTransformer(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_frame_with_text(estimator, target):
    columns = ["town", "size", "count", "open", "kind"]
    if isinstance(estimator, SimpleImputer) and estimator.strategy == "constant":
        columns = ["town", "kind"]
    model = model_of(estimator, FRAME[columns], target)
    same(model.transform(UNSEEN[columns]), estimator.transform(UNSEEN[columns]))
    same(model.transform(UNSEEN[columns][:1]), estimator.transform(UNSEEN[columns][:1]))
    assert bridge.verify(estimator, model, UNSEEN[columns]).ok


@pytest.mark.parametrize("make", [pd.DataFrame.to_numpy, pl.from_pandas, lambda f: f.to_numpy().tolist()])
@pytest.mark.parametrize("estimator", [frequent, FunctionTransformer()], ids=["imputer", "function"])
def test_text_in_other_tables(estimator, make):
    is_imputer = estimator is frequent
    if make is pl.from_pandas and is_imputer:
        estimator = SimpleImputer(strategy="most_frequent", missing_values=None)
    columns = ["town"] if make is pl.from_pandas and is_imputer else ["town", "size"]
    sample, unseen = make(FRAME[columns]), make(UNSEEN[columns])
    if isinstance(sample, list) and not is_imputer:
        pytest.skip("a list comes back as a list")
    same(model_of(estimator, sample).transform(unseen), estimator.transform(unseen))


def test_array_of_words():
    sample = np.array([["a", "bb"], ["c", "d"]])
    words = np.array([["much longer", "bb"]])
    same(model_of(FunctionTransformer(), sample).transform(words), words)


def test_value_that_stands_for_a_missing_one():
    sample = np.array([["Bonn"], ["Ulm"], ["Ulm"], ["Jena"]], object)
    imputer = SimpleImputer(strategy="most_frequent", missing_values="Bonn")
    rows = np.array([["Bonn"], ["Rom"], ["Ulm"]], object)
    same(model_of(imputer, sample).transform(rows), imputer.fit(sample).transform(rows))


def test_no_rows_and_rows_one_by_one():
    model = model_of(frequent, FRAME)
    assert model.transform(FRAME[:0]).shape == (0, 5)
    same(model.in_blocks(1).transform(UNSEEN), frequent.transform(UNSEEN))


@pytest.mark.parametrize("function", [None, np.floor, np.abs])
@pytest.mark.parametrize("sample", [FRAME[NUMBERS], FRAME[NUMBERS].to_numpy()], ids=["frame", "array"])
def test_function_answers_with_a_frame_for_a_frame_and_an_array_for_an_array(function, sample):
    estimator = FunctionTransformer(function)
    model = model_of(estimator, sample)
    unseen = UNSEEN[NUMBERS] if isinstance(sample, pd.DataFrame) else UNSEEN[NUMBERS].astype(float)
    same(model.transform(unseen.to_numpy()), estimator.transform(unseen.to_numpy()))
    found, expected = model.transform(unseen), estimator.transform(unseen)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-15)


def test_steps_that_hand_on_answer_as_the_table_is():
    estimator = make_pipeline("passthrough", FunctionTransformer())
    model = model_of(estimator, FRAME[NUMBERS])
    for rows in (UNSEEN[NUMBERS], UNSEEN[NUMBERS].to_numpy(), pl.from_pandas(UNSEEN[NUMBERS])):
        same(model.transform(rows), estimator.transform(rows))


def test_another_library_is_answered_in():
    estimator = FunctionTransformer(feature_names_out="one-to-one").set_output(transform="pandas")
    model = model_of(estimator, FRAME[["town"]])
    same(model.transform(FRAME[["town"]]), estimator.transform(FRAME[["town"]]))


def test_vocabulary_that_is_too_short_is_an_error():
    model = bridge.export(frequent.fit(FRAME[["town"]]), FRAME[["town"]], target="cpu")
    entry = next(p for p in model.metadata_props if p.key == "bridge")
    entry.value = entry.value.replace('"vocabulary": ["Bonn"]', '"vocabulary": []')
    with pytest.raises(ArtifactError, match="has a code that 'town' has no text for"):
        bridge.load(model, device="cpu").transform(FRAME[["town"]])
