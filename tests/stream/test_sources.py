"""Every kind of source gives the same bits, in the same chunks."""

from __future__ import annotations

import sqlite3

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

import bridge.stream
from bridge.data import csv_blocks
from bridge.data.sources import Files, Frames, Query
from tests.stream.by_hand import contents
from tests.stream.cases import CHUNK, NUMBERS


def _folder(table, folder):
    table[:300].to_csv(folder / "a.csv", index=False)
    table[300:450].to_parquet(folder / "b.parquet")
    table[450:].to_feather(folder / "c.arrow")
    (folder / "notes.txt").write_text("not a table")
    return folder


def _subfolders(table, folder):
    (folder / "b" / "c.parquet").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    table[:300].to_csv(folder / "a.csv", index=False)
    table[300:400].to_parquet(folder / "b" / "a.parquet")
    table[400:450].to_parquet(folder / "b" / "c.parquet" / "part-0.parquet")
    table[450:].to_feather(folder / "c.arrow")
    table[:50].to_csv(folder / ".hidden" / "a.csv")
    return folder


def _sqlite(table, folder):
    with sqlite3.connect(folder / "t.db") as connection:
        table.to_sql("t", connection, index=False)
    connection.close()
    return folder / "t.db"


def _connection(table, folder):
    path = _sqlite(table, folder)
    return Query("select * from t order by rowid", lambda: sqlite3.connect(path))


def _duckdb(table, folder):
    table.to_parquet(folder / "t.parquet")
    with duckdb.connect(str(folder / "t.duckdb")) as connection:
        connection.execute(f"create table t as select * from '{folder / 't.parquet'}'")
    return Query("select * from t order by rowid", folder / "t.duckdb")


KINDS = {
    "parquet": lambda table, folder: table.to_parquet(folder / "t.parquet", row_group_size=111) or folder / "t.parquet",
    "arrow": lambda table, folder: table.to_feather(folder / "t.arrow") or folder / "t.arrow",
    "feather": lambda table, folder: table.to_feather(folder / "t.feather", chunksize=70) or folder / "t.feather",
    "folder": _folder,
    "subfolders": _subfolders,
    "sqlite path": lambda table, folder: Query("select * from t order by rowid", _sqlite(table, folder)),
    "connection": _connection,
    "duckdb": _duckdb,
    "iterator": lambda table, _: iter([table[:33], table[33:600], table[600:]]),
    "function": lambda table, _: lambda: (table[i : i + 90] for i in range(0, len(table), 90)),
    "polars": lambda table, _: [pl.from_pandas(table)],
    "arrow table": lambda table, _: pa.Table.from_pandas(table),
    "pandas": lambda table, _: table,
}


def fit(source, **options):
    given = {"target": "label", "features": [*NUMBERS, "n"], "chunk_rows": CHUNK, "progress": False}
    return bridge.stream.fit(SGDClassifier(random_state=0), source, **(given | options))


@pytest.fixture(scope="module")
def expected(csv):
    return contents(fit(csv))


@pytest.mark.parametrize("kind", KINDS)
def test_source_gives_the_bits_of_the_csv_file(kind, table, tmp_path, expected):
    found = fit(KINDS[kind](table, tmp_path), classes=["high", "low", "mid"])

    assert contents(found) == expected


def test_small_blocks_of_a_csv_file_give_the_same_bits(csv, expected, monkeypatch):
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(csv_blocks, "PIECE_BYTES", 1000)

    assert contents(fit(csv)) == expected


def test_float64_of_a_csv_file_is_exact(tmp_path):
    values = np.random.default_rng(0).normal(size=(2000, 2)) * 10.0 ** np.random.default_rng(1).integers(
        -300, 300, (2000, 2)
    )
    pd.DataFrame(values, columns=["a", "b"]).to_csv(tmp_path / "v.csv", index=False)

    scaler = bridge.stream.fit(MinMax(), tmp_path / "v.csv", target=None, progress=False)

    assert np.array_equal(scaler.rows_, values)


class MinMax(StandardScaler):
    """Keeps what it is given."""

    def partial_fit(self, X, y=None):  # noqa: ARG002
        self.rows_ = np.vstack([getattr(self, "rows_", X[:0]), X])
        self.types_ = {*getattr(self, "types_", ()), *np.asarray(X).dtype.name.split()}
        return self


def test_integers_may_become_fractions_after_the_first_block(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_blocks, "PIECE_BYTES", 64)
    (tmp_path / "t.csv").write_text("a,b\n" + "1,\n" * 50 + "2.5,3\n")

    kept = bridge.stream.fit(MinMax(), tmp_path / "t.csv", target=None, progress=False)

    assert kept.rows_[-1].tolist() == [2.5, 3.0]
    assert np.isnan(kept.rows_[:-1, 1]).all()


def test_float32_stays_where_all_features_are(table):
    frame = table[NUMBERS].astype("float32")

    kept = bridge.stream.fit(MinMax(), frame, target=None, progress=False)

    assert kept.types_ == {"float32"}


def test_dictionaries_booleans_and_quoted_newlines_are_read(tmp_path):
    (tmp_path / "t.csv").write_text('id,flag,n\n"a\nb",true,1\n"c",false,2\n')

    kept = bridge.stream.fit(MinMax(), tmp_path / "t.csv", target=None, features=["flag", "n"], progress=False)

    assert kept.rows_.tolist() == [[1, 1], [0, 2]]


def test_text_of_digits_stays_text_as_told(tmp_path):
    (tmp_path / "t.csv").write_text("a,code\n1,01\n2,1\n3,01\n")
    source = Files(tmp_path / "t.csv", text=("code",))

    fitted = bridge.stream.fit(SGDClassifier(random_state=0), source, target="code", progress=False)

    assert fitted.classes_.tolist() == ["01", "1"]


def test_chunks_by_bytes_hold_fewer_rows_where_rows_are_wide():
    wide = pd.DataFrame(np.zeros((2000, 2048)))
    wide.columns = [f"c{i}" for i in range(2048)]

    class Counter(MinMax):
        def partial_fit(self, X, y=None):  # noqa: ARG002
            self.counts_ = [*getattr(self, "counts_", []), len(X)]
            return self

    Counter.__module__, Counter.__qualname__ = __name__, "Counter"
    globals()["Counter"] = Counter
    kept = bridge.stream.fit(Counter(), Frames([wide]), target=None, progress=False)

    assert kept.counts_ == [512, 512, 512, 464]
