from __future__ import annotations

import numpy as np
import pytest

from bridge.data.files import read_table, write_table
from bridge.errors import InputError

COLUMNS = {"number": np.array([0.1, np.nan, 1e-300]), "count": np.arange(3), "name": np.array(["a", "b", "ü"], object)}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".feather"])
def test_table_comes_back_as_it_was_written(tmp_path, suffix):
    write_table(COLUMNS, tmp_path / f"t{suffix}")

    found = read_table(tmp_path / f"t{suffix}")

    assert np.array_equal(found["number"], COLUMNS["number"], equal_nan=True)
    assert found["count"].tolist() == [0, 1, 2]
    assert found["name"].tolist() == ["a", "b", "ü"]


def test_csv_numbers_are_read_to_the_last_bit(tmp_path):
    numbers = np.random.default_rng(0).normal(size=10_000)
    write_table({"x": numbers}, tmp_path / "t.csv")

    assert np.array_equal(read_table(tmp_path / "t.csv")["x"], numbers)


def test_csv_column_of_digits_is_text_where_asked_for(tmp_path):
    (tmp_path / "t.csv").write_text("zip\n01234\n")

    assert read_table(tmp_path / "t.csv", text=["zip", "absent"])["zip"].tolist() == ["01234"]


def test_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected one of \.csv, \.parquet"):
        read_table(tmp_path / "t.xlsx")


def test_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"t\.csv"):
        read_table(tmp_path / "t.csv")
