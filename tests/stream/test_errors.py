"""What can go wrong is said with file and row, and with what to do."""

from __future__ import annotations

import sqlite3
import sys

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder, StandardScaler

import bridge.stream
from bridge.data.sources import Query
from bridge.errors import InputError, InputTypeError, UnsupportedError
from tests.stream.cases import NUMBERS

SEVERAL = MultiOutputClassifier(SGDClassifier())
GOOD = "a,b,y\n" + "1.5,2,0\n2,1,1\n" * 5


def fit(source, estimator=None, **options):
    given = {"target": "y", "chunk_rows": 4, "progress": False}
    return bridge.stream.fit(
        SGDClassifier(random_state=0) if estimator is None else estimator, source, **(given | options)
    )


def write(folder, text, name="t.csv"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("estimator", "instead"),
    [
        (RandomForestClassifier(), "SGDClassifier"),
        (RandomForestRegressor(), "SGDRegressor"),
        (LogisticRegression(), r'SGDClassifier\(loss="log_loss"\)'),
        (KMeans(), "MiniBatchKMeans"),
        (PCA(), "IncrementalPCA"),
        (NMF(), "MiniBatchNMF"),
        (MLPClassifier(solver="lbfgs"), "adam"),
        (OneVsRestClassifier(LogisticRegression()), r'LogisticRegression.*SGDClassifier\(loss="log_loss"\)'),
        (make_pipeline(OneHotEncoder(), SGDClassifier()), r"step 'onehotencoder'.*FrozenEstimator"),
        (Normalizer(), "nothing to train"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_estimator_without_partial_fit_names_what_could_be_used(estimator, instead):
    with pytest.raises(UnsupportedError, match=instead):
        fit("nowhere.csv", estimator)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "3,foo,1\n", r"t\.csv, line 12: column 'b' holds 'foo'; expected double"),
        (GOOD + "3,1\n", r"t\.csv, line 12: 2 fields; expected 3"),
        (GOOD + "3,1,x\n", r"t\.csv, line 12: column 'y' holds 'x'; expected int64"),
        (GOOD + "3,1,\n", r"t\.csv, row 11: no value in the target column 'y'"),
        (GOOD + "3,,1\n", r"t\.csv, row 11, column 'b': SGDClassifier says: Input X contains NaN"),
        ("", r"t\.csv is empty"),
        ("a,b,y\n", "no rows"),
        ("a,b\n1,2\n", r"has no column 'y'; it has 'a', 'b'"),
        ("a,a,y\n1,2,0\n", r"more than one column is named 'a'"),
        ("y\n1\n", "no columns to train on"),
        ("a,when,y\n1,2020-01-01,0\n", r"when \(date32"),
        ("a,b,y\n1,x,0\n2,z,1\n", "could not convert string to float"),
    ],
)
def test_bad_rows_and_columns_are_named(tmp_path, monkeypatch, text, message):
    monkeypatch.setattr("bridge.data.csv_blocks.BLOCK_BYTES", 60)
    monkeypatch.setattr("bridge.data.csv_blocks.PIECE_BYTES", 60)

    with pytest.raises(InputError, match=message):
        fit(write(tmp_path, text))


def test_label_that_is_none_of_the_classes_is_named_with_file_and_row(tmp_path):
    write(tmp_path, GOOD, "a.csv")
    write(tmp_path, "a,b,y\n1,2,1\n1,2,7\n", "b.csv")

    with pytest.raises(InputError, match=r"b\.csv, row 2: the target 'y' is 7, which is none of the 2 classes"):
        fit(tmp_path, classes=[0, 1])


def test_folder_whose_files_differ_names_the_file(tmp_path):
    write(tmp_path, GOOD, "a.csv")
    pd.DataFrame({"a": [1.0], "b": ["text"], "y": [1]}).to_parquet(tmp_path / "b.parquet")

    with pytest.raises(InputError, match=r"b\.parquet, from row 1: column 'b' has the type .*string; expected double"):
        fit(tmp_path, classes=[0, 1])


def test_folder_with_a_column_in_its_name_is_refused(tmp_path):
    (tmp_path / "year=2024").mkdir()
    write(tmp_path / "year=2024", GOOD)

    with pytest.raises(InputError, match=r"year=2024 keeps a column in its name"):
        fit(tmp_path)


def test_file_of_another_folder_lacks_a_column(tmp_path):
    write(tmp_path, GOOD, "a.csv")
    write(tmp_path, "a,y\n1,0\n", "b.csv")

    with pytest.raises(InputError, match=r"b\.csv has no column 'b'"):
        fit(tmp_path, classes=[0, 1])


def test_classes_of_an_iterator_must_be_given(table):
    with pytest.raises(InputError, match="Give classes="):
        fit(iter([table]), target="label", features=NUMBERS)


def test_iterator_cannot_be_read_twice(table):
    with pytest.raises(InputError, match="2 passes"):
        fit(iter([table]), make_pipeline(StandardScaler(), SGDRegressor()), target="value", features=NUMBERS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": None}, InputError, "name its column by target="),
        ({"target": []}, InputError, "name its column by target="),
        ({"target": ["y", "t"]}, InputError, r"predicts one target; found 'y', 't'. Use MultiOutputClassifier\(SGD"),
        ({"target": ["y"], "estimator": SEVERAL}, InputError, "takes several targets; found one, 'y'. Train SGDClass"),
        ({"target": ["y", "y"], "estimator": SEVERAL}, InputError, "column 'y' is named twice"),
        ({"features": ["a", "y"]}, InputError, "column 'y' is named twice"),
        ({"classes": 1}, InputError, "classes is 1; expected a list of labels"),
        ({"classes": "ab"}, InputError, "classes is 'ab'; expected a list of labels"),
        (
            {"target": ["y", "t"], "estimator": SEVERAL, "classes": [0, 1]},
            InputError,
            "a list for each of the 2 target",
        ),
        ({"target": ["y", "t"], "estimator": SEVERAL, "classes": ["01", "a"]}, InputError, "a list for each of the 2"),
        ({"chunk_rows": 0}, InputError, "chunk_rows is 0"),
        ({"epochs": "auto"}, InputError, "epochs is 'auto'"),
        ({"estimator": SGDClassifier}, InputTypeError, "an instance"),
        ({"estimator": SGDRegressor(), "target": "t"}, InputError, "target 't' is text"),
        ({"source": 3}, InputTypeError, "the source is a int"),
        ({"source": "t.txt"}, InputError, "suffix"),
        ({"source": "nowhere.csv"}, FileNotFoundError, "No such file"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    frame = pd.DataFrame({"a": np.arange(4.0), "t": list("abab"), "y": [0, 1, 0, 1]})
    options = {"source": frame, "features": ["a"]} | options

    with pytest.raises(error, match=message):
        fit(options.pop("source"), **options)


def test_missing_duckdb_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)

    with pytest.raises(InputError, match="pip install duckdb"):
        fit(Query("select 1", write(tmp_path, "", "t.duckdb")))


@pytest.mark.parametrize("module", [sqlite3, duckdb])
@pytest.mark.parametrize("sql", ["selec", "select * from nowhere", "select * from t where b > 0"])
def test_wrong_query_is_an_error_in_words(module, sql):
    def connect():
        connection = module.connect(":memory:")
        connection.execute("create table t (a int)")
        return connection

    with pytest.raises(
        InputError, match=r"the query cannot be read: .*(syntax|nowhere|no such column|\"b\" not found)"
    ):
        fit(Query(sql, connect))


@pytest.mark.parametrize("name", ["t.db", "t.duckdb"])
def test_file_that_is_no_database_is_named(tmp_path, name):
    with pytest.raises(InputError, match=r"the query cannot be read: .*not a (valid DuckDB )?database"):
        fit(Query("select * from t", write(tmp_path, "no database, but text" * 999, name)))


def test_damaged_parquet_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"t\.parquet cannot be read as parquet"):
        fit(write(tmp_path, "no parquet", "t.parquet"))


@pytest.mark.parametrize("module", [sqlite3, duckdb])
def test_query_without_an_answer_is_named(module):
    with pytest.raises(InputError, match=r"the query answers with no table: create table t|no rows"):
        fit(Query("create table t (a int)", lambda: module.connect(":memory:")))
