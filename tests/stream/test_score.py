"""Scoring in chunks gives the answers for the whole table, whatever the model, the source and the sink."""

from __future__ import annotations

import csv
import sqlite3

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.decomposition import MiniBatchNMF
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.linear_model import LinearRegression

import bridge
import bridge.stream
from bridge.data import csv_rows, placed
from bridge.data.sources import Files, Query
from bridge.errors import InputError, UnsupportedError
from tests.stream.scored import MODELS, NUMBERS, ROWS, make_file, make_rows, whole_answers

pytestmark = pytest.mark.filterwarnings("ignore")
READERS = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".arrow": pd.read_feather, ".feather": pd.read_feather}


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(csv_rows, "PIECE_BYTES", 3000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def forest(folder):
    return make_file("numbers", folder)


@pytest.fixture(scope="module")
def rows():
    return make_rows()


def write(table, file):
    writers = {".csv": lambda: table.to_csv(file, index=False), ".parquet": lambda: table.to_parquet(file, index=False)}
    writers.get(file.suffix, lambda: table.to_feather(file))()
    return file


def score(model, source, sink, **options):
    scored = bridge.stream.score(model, source, sink, **({"chunk_rows": 150, "progress": False} | options))
    return scored, READERS[sink.suffix](sink)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_for_the_whole_table(name, suffix, folder, rows, tmp_path):
    model, file = MODELS[name], make_file(name, folder)
    # a model of one column of texts knows no name: the table is that column
    table = rows[["text"]] if model.features == "text" else rows.iloc[:, ::-1]
    expected = whole_answers(file, name, rows)

    scored, found = score(file, write(table, tmp_path / f"in{suffix}"), tmp_path / "out.parquet", methods=model.methods)

    assert scored.rows == len(found) == ROWS
    assert scored.schema.equals(pq.read_schema(tmp_path / "out.parquet").remove_metadata())
    assert list(found) == list(expected)
    for column in expected:
        values, wanted = found[column].to_numpy(), expected[column].to_numpy()
        if wanted.dtype.kind == "O":
            assert [None if v != v else v for v in values] == [None if v != v else v for v in wanted]  # noqa: PLR0124
        else:
            assert values.dtype == wanted.dtype
            np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sink", READERS)
@pytest.mark.parametrize("source", [".csv", ".parquet", ".arrow"])
def test_kept_columns_come_first_as_they_are(source, sink, forest, rows, tmp_path):
    names = ["word", "count", "gap", "hole", "flag", "b"]

    _, found = score(forest, write(rows, tmp_path / f"in{source}"), tmp_path / f"out{sink}", columns=names)

    assert list(found) == [*names, "predict"]
    pd.testing.assert_frame_equal(found[names], rows[names], check_dtype=False)
    assert found["predict"].tolist() == bridge.load(forest).predict(rows[NUMBERS]).tolist()


def test_columns_kept_from_csv_to_csv_stay_as_written(forest, tmp_path):
    (tmp_path / "in.csv").write_text('id,a,b,c,note\n007,1,2,3,1.50\n,4,5,6,"x, y"\nA1,7,8,9,\n')

    score(forest, tmp_path / "in.csv", tmp_path / "out.csv", columns=["id", "note"])

    with (tmp_path / "out.csv").open() as lines:
        assert [row[:2] for row in csv.reader(lines)] == [["id", "note"], ["007", "1.50"], ["", "x, y"], ["A1", ""]]


@pytest.mark.parametrize("last", ["", "x,1"])  # all rows fit, and one does not
def test_words_for_missing_values_are_kept_in_text_and_missing_to_a_model(last, tmp_path, folder):
    words = ["NA", "null", "None", "nan"]
    (tmp_path / "in.csv").write_text("\n".join(["id,hole,word", *(f"{w},{w},red" for w in words), last]))

    score(
        make_file("holes", folder),
        tmp_path / "in.csv",
        tmp_path / "out.csv",
        columns=["id"],
        methods="predict_proba",
        bad_rows=tmp_path / "bad.csv",
    )

    found = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    missing = bridge.load(make_file("holes", folder)).predict_proba(pd.DataFrame({"hole": [np.nan], "word": ["red"]}))
    assert found["id"].tolist() == words
    assert found["predict_proba_high"].tolist() == [missing[0, 0]] * len(words)


def test_texts_may_be_longer_than_a_field_of_the_csv_module(forest, tmp_path):
    (tmp_path / "in.csv").write_text('id,a,b,c\n"' + "x" * 200_000 + '",1,2,3\n')

    _, found = score(forest, tmp_path / "in.csv", tmp_path / "out.parquet", columns=["id"])

    assert found["id"].str.len().tolist() == [200_000]


def test_text_is_kept_as_told(forest, rows, tmp_path):
    source = Files(write(rows, tmp_path / "in.csv"), text=("code",))

    score(forest, source, tmp_path / "out.parquet", columns=["code"])

    assert pd.read_parquet(tmp_path / "out.parquet")["code"].tolist() == rows["code"].tolist()


def _folder(table, folder):
    folder = folder / "several"
    folder.mkdir()
    table[:300].to_csv(folder / "a.csv", index=False)
    table[300:450].to_parquet(folder / "b.parquet")
    table[450:].to_feather(folder / "c.arrow")
    return folder


def _query(table, folder):
    with sqlite3.connect(folder / "t.db") as connection:
        table.to_sql("t", connection, index=False)
    connection.close()
    return Query("select * from t order by rowid", folder / "t.db")


SOURCES = {
    "folder": _folder,
    "query": _query,
    "pandas": lambda table, _: table,
    "arrow": lambda table, _: pa.Table.from_pandas(table),
    "iterator": lambda table, _: iter([table[:33], table[33:600], table[600:]]),
    "function": lambda table, _: lambda: (table[i : i + 90] for i in range(0, len(table), 90)),
    "categories": lambda table, _: table.astype({"word": "category"}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_same_bytes(kind, folder, rows, tmp_path):
    file = make_file("words", folder)
    score(file, write(rows, tmp_path / "in.parquet"), tmp_path / "expected.csv", columns=["word"])

    score(file, SOURCES[kind](rows, tmp_path), tmp_path / "out.csv", columns=["word"])

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


@pytest.mark.parametrize("name", MODELS)
def test_no_rows_have_the_schema_of_some(name, folder, rows, tmp_path):
    model, file = MODELS[name], make_file(name, folder)
    table = rows[["text"]] if model.features == "text" else rows
    options = {"methods": model.methods, "columns": [] if model.features == "text" else ["code", "count"]}
    stated = bridge.stream.sink_schema(file, table, **options)

    some, _ = score(file, table, tmp_path / "some.parquet", **options)
    none, found = score(file, table[:0], tmp_path / "none.parquet", **options)

    assert some.schema.equals(stated)
    assert none.schema.equals(stated)
    assert len(found) == 0


@pytest.mark.parametrize("first", [[True], [2], [None], np.float16([0.5])])
def test_types_may_be_wider_in_a_later_table(first, forest, tmp_path):
    tables = [pa.table({"a": pa.array(values), "b": [1.0], "c": [2.0]}) for values in (first, [0.25])]

    _, found = score(forest, tables, tmp_path / "out.parquet", methods="predict_proba")

    assert found.to_numpy()[1:].tolist() == bridge.load(forest).predict_proba(tables[1]).tolist()


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (1.0, 2**53 + 1),
        (np.datetime64("2020-01-01", "D"), np.datetime64("2020-01-01T05:00", "us")),
        (np.float32(1), 0.1),
        (True, 0.5),
    ],
)
def test_kept_values_are_never_changed(first, later, forest, tmp_path):
    tables = [pa.table({"id": pa.array(np.array([v])), **{name: [1.0] for name in NUMBERS}}) for v in (first, later)]

    with pytest.raises(InputError, match=r"frame 1, from row 1: column 'id' of the type .* cannot be read as"):
        score(forest, tables, tmp_path / "out.parquet", columns=["id"])


def test_features_are_not_rounded_to_the_float32_of_the_first_file(forest, tmp_path):
    tables = [
        pa.table({name: pa.array([value], kind) for name in NUMBERS})
        for value, kind in ((0.5, pa.float32()), (0.1, pa.float64()))
    ]

    with pytest.raises(InputError, match="double cannot be read as float"):
        score(forest, tables, tmp_path / "out.parquet")


def test_what_is_read_is_not_written(forest, rows, tmp_path):
    source = write(rows, tmp_path / "in.csv")
    content = source.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path)

    for given, sink, bad in (
        (source, source, "stop"),
        (source, tmp_path / "link/in.csv", "stop"),
        (source, tmp_path / "out.csv", source),
        (tmp_path, tmp_path / "out.csv", "stop"),
    ):
        with pytest.raises(InputError, match="would be written to what is read"):
            score(forest, given, sink, bad_rows=bad)

    assert source.read_bytes() == content
    assert not (tmp_path / "out.csv").exists()


def test_parquet_file_without_rows_keeps_its_types(forest, rows, tmp_path):
    scored, _ = score(forest, write(rows[:0], tmp_path / "in.parquet"), tmp_path / "out.parquet", columns="count")

    assert scored.schema.field("count").type == pa.int64()


def test_dates_are_refused_as_features_at_once(forest, tmp_path):
    table = pa.table({"a": pa.array([0], pa.date32()), "b": [1.0], "c": [1.0]})

    with pytest.raises(InputError, match="column 'a' has the type date32"):
        score(forest, table, tmp_path / "out.csv", bad_rows=tmp_path / "bad.csv")


def test_tables_that_arrow_does_not_take_are_refused_in_words(forest, tmp_path):
    frame = pd.DataFrame({"id": pd.Series([1, "x"], dtype=object), **{name: [1.0, 2.0] for name in NUMBERS}})
    twice = pd.DataFrame([[1.0] * 4], columns=[*NUMBERS, "a"])

    with pytest.raises(InputError, match="Conversion failed for column id"):
        score(forest, frame, tmp_path / "out.csv", columns=["id"])
    with pytest.raises(InputError, match="Duplicate column names"):
        score(forest, twice, tmp_path / "out.csv")


def test_query_with_values_of_several_types_in_a_column_is_refused_in_words(forest, tmp_path):
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute(
            "create table t as select 1 as id, 1.0 as a, 1.0 as b, 1.0 as c union all select 'x', 1, 1, 1"
        )
    connection.close()

    with pytest.raises(InputError, match="the query, from row 1: column 'id' holds values of several types"):
        score(forest, Query("select * from t", tmp_path / "t.db"), tmp_path / "out.csv", columns=["id"])


def test_bytes_do_not_go_to_a_csv_file(forest, tmp_path):
    table = pa.table({"id": [b"\xff"], **{name: [1.0] for name in NUMBERS}})

    with pytest.raises(InputError, match="a CSV file holds no bytes, as in the column id"):
        score(forest, table, tmp_path / "out.csv", columns=["id"])


def test_damaged_page_of_a_parquet_file_is_named(forest, rows, tmp_path):
    file = tmp_path / "in.parquet"
    pq.write_table(pa.Table.from_pandas(rows), file, use_dictionary=False, compression="gzip")
    content = bytearray(file.read_bytes())
    content[100:2000] = bytes(1900)
    file.write_bytes(content)

    with pytest.raises(InputError, match=r"in\.parquet cannot be read as parquet"):
        score(forest, file, tmp_path / "out.parquet")


def test_csv_file_without_rows_keeps_text(forest, rows, tmp_path):
    scored, found = score(forest, write(rows[:0], tmp_path / "in.csv"), tmp_path / "out.parquet", columns=["word"])

    assert scored.rows == 0
    assert list(found) == ["word", "predict"]


def test_whole_numbers_may_be_written_as_fractions(tmp_path, rows):
    model = LinearRegression().fit(rows[["count"]], rows["a"])
    bridge.export(model, rows[["count"]], tmp_path / "m.onnx", target="cpu")
    (tmp_path / "in.csv").write_text("count\n" + "1\n" * 2000 + "2.0\n")

    _, found = score(tmp_path / "m.onnx", tmp_path / "in.csv", tmp_path / "out.parquet")

    assert found["predict"].iloc[-1] == pytest.approx(model.predict(pd.DataFrame({"count": [2]}))[0], rel=1e-12)


def test_features_of_a_model_without_names_are_all_that_is_not_kept(rows, tmp_path):
    model = LinearRegression().fit(rows[["a", "b"]].to_numpy(), rows["c"])
    bridge.export(model, rows[["a", "b"]].to_numpy(), tmp_path / "m.onnx", target="cpu")
    expected = model.predict(rows[["a", "b"]].to_numpy())

    _, left = score(tmp_path / "m.onnx", rows[["a", "count", "b"]], tmp_path / "l.parquet", columns=["count"])
    _, named = score(tmp_path / "m.onnx", rows, tmp_path / "n.parquet", columns=["a"], features=["a", "b"])

    np.testing.assert_allclose(left["predict"], expected, atol=1e-12)
    np.testing.assert_allclose(named["predict"], expected, atol=1e-12)


def test_rows_that_are_dicts_come_from_a_column_of_structs(tmp_path):
    dicts = [{"x": float(i), "y": i % 3 == 0} for i in range(9)]
    vectorizer = DictVectorizer(sparse=False).fit(dicts)
    bridge.export(vectorizer, dicts, tmp_path / "m.onnx", target="cpu")

    _, found = score(tmp_path / "m.onnx", pa.table({"row": dicts}), tmp_path / "out.parquet", chunk_rows=4)

    assert np.array_equal(found.to_numpy(), vectorizer.transform(dicts))


@pytest.fixture
def topics(tmp_path):
    table = pd.DataFrame(np.random.default_rng(0).random((200, 6)), columns=list("abcdef"))
    model = MiniBatchNMF(3, random_state=0, tol=1e-2).fit(table)
    bridge.export(model, table, tmp_path / "topics.onnx", target="cpu")
    return tmp_path / "topics.onnx", table, model.transform(table)


def test_rows_that_hang_on_each_other_are_asked_together(topics, tmp_path):
    file, table, expected = topics

    _, found = score(file, [table[:50], table[50:]], tmp_path / "out.parquet", chunk_rows="auto")

    np.testing.assert_allclose(found.to_numpy(), expected, atol=1e-12)


def test_rows_that_hang_on_each_other_are_refused_where_they_are_too_many(topics, tmp_path, monkeypatch):
    monkeypatch.setattr(placed, "MOST_WHOLE_BYTES", 5000)

    with pytest.raises(InputError, match="200 rows already take more than"):
        score(topics[0], [topics[1]], tmp_path / "out.parquet", chunk_rows="auto")
    with pytest.raises(InputError, match="leave chunk_rows away"):
        score(topics[0], [topics[1]], tmp_path / "out.parquet")


def test_methods_that_give_several_rows_for_one_are_refused(tmp_path):
    images = np.random.default_rng(0).random((3, 4, 4))
    bridge.export(PatchExtractor(patch_size=(2, 2)).fit(images), images, tmp_path / "m.onnx")

    with pytest.raises(UnsupportedError, match="gives 9 rows for one"):
        score(tmp_path / "m.onnx", pd.DataFrame({"a": [1.0]}), tmp_path / "out.parquet")


def test_loaded_model_is_taken(forest, rows, tmp_path):
    scored, _ = score(bridge.load(forest), rows, tmp_path / "out.parquet", methods="predict_proba")

    assert scored.schema.names == ["predict_proba_high", "predict_proba_low"]
    with pytest.raises(InputError, match="for a model's file"):
        score(bridge.load(forest), rows, tmp_path / "out.parquet", threads=1)


def test_chunks_are_the_row_groups(forest, rows, tmp_path):
    score(forest, rows, tmp_path / "out.parquet")

    parquet = pq.ParquetFile(tmp_path / "out.parquet")
    assert [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)] == [150] * 4 + [100]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ["predict"]}, "an answer of the model has this name"),
        ({"columns": ["nowhere"]}, "no column 'nowhere'"),
        ({"columns": ["word", "word"]}, "kept twice"),
        ({"chunk_rows": 0}, "chunk_rows is 0"),
        ({"methods": ["transform"]}, "no method transform; it has predict"),
        ({"bad_rows": "bad.txt"}, r"bad_rows is 'bad.txt'"),
    ],
)
def test_wrong_options_are_refused_and_nothing_written(options, message, forest, rows, tmp_path):
    with pytest.raises(InputError, match=message):
        score(forest, rows.assign(predict=1), tmp_path / "out.parquet", **options)

    assert not list(tmp_path.iterdir())


def test_missing_columns_and_wrong_types_are_named(forest, rows, tmp_path):
    with pytest.raises(InputError, match=r"lacks column.* 'b'"):
        score(forest, rows.drop(columns="b"), tmp_path / "out.csv")
    with pytest.raises(InputError, match=r"'b' has the type .*string, but the model was exported for float64"):
        score(forest, rows.astype({"b": str}), tmp_path / "out.csv")


def test_damaged_model_is_not_hidden(rows, tmp_path):
    joblib.dump(1, tmp_path / "m.onnx")

    with pytest.raises(bridge.errors.ArtifactError):
        score(tmp_path / "m.onnx", rows, tmp_path / "out.csv")
