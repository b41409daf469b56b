"""Numbers come out as from Arrow's reader, whatever is between them, or are left to it."""

from __future__ import annotations

import itertools
import random
import sys

import numpy as np
import pyarrow as pa
import pytest

from bridge.data import csv_blocks
from bridge.data.csv_numbers import parse_numbers
from bridge.errors import InputError

FLOAT, INTEGER = pa.float64(), pa.int64()
ODD = ["", "NA", "nan", "inf", "x", "1e3", "1e400", "12345678901234567890", "1.", ".5", "+1", " 4", "5 ", "#6", "\t"]
ODD += ["-", "1\x00", "ä", "'", "1_0", "1\r", "1\r2", "\r", "0x1", "1.5f", "--1", "1e", "True"]


def read_by_arrow(piece, names, types):
    options = csv_blocks._options(types, list(types), names, size=len(piece) + 1)
    return pa.csv.read_csv(pa.BufferReader(piece), **options)


def check(piece, names, types):
    """Return whether the piece was parsed, which must then be as Arrow does."""
    found = parse_numbers(piece, names, types)
    if found is None:
        return False
    expected = read_by_arrow(piece, names, types)
    assert found.schema.equals(expected.schema), piece
    assert found.equals(expected), piece
    return True


@pytest.mark.parametrize("kind", [FLOAT, INTEGER])
def test_short_field_is_read_as_arrow_reads_it_or_left_to_it(kind):
    words = ["".join(w) for n in range(4) for w in itertools.product("019.-+eEnifax_ ", repeat=n)]

    read = [word for word in [*words, *ODD] if check(f"{word},1\n".encode(), ["a", "b"], {"a": kind, "b": FLOAT})]

    assert "10" in read
    assert ("1.0" in read) == (kind == FLOAT)
    assert len(read) > 50


def test_lines_of_any_shape_are_read_as_arrow_reads_them_or_left_to_it():
    rng = random.Random(0)
    read = 0
    for _ in range(3000):
        names = [f"c{i}" for i in range(rng.randint(1, 4))]
        types = {name: rng.choice([FLOAT, INTEGER]) for name in rng.sample(names, rng.randint(1, len(names)))}
        odd = rng.choice([0, 0, 0.02, 0.3])
        lines = [",".join(_fields(rng, names, types, odd)) for _ in range(rng.randint(1, 5))]
        piece = ("\n".join(lines) + "\n" * (rng.random() < 0.8)).encode()
        read += bool(piece) and check(piece, names, types)

    assert read > 1000


def _fields(rng, names, types, odd):
    count = len(names) if rng.random() >= odd else rng.randint(0, 5)
    for i in range(count):
        is_integer = i < len(names) and types.get(names[i]) == INTEGER
        plain = str(rng.randint(-99, 99)) if is_integer else repr(rng.gauss(0, 1e3))
        yield rng.choice(ODD) if rng.random() < odd else plain


def test_float64_is_the_nearest_to_what_is_written():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64)
    values = [v for v in bits.tolist() if np.isfinite(v)]
    words = [repr(v) for v in values] + [f"{v:.25g}" for v in values] + [f"{v:.12f}" for v in rng.normal(size=20_000)]
    halves = [(2**53 + 2 * k + 1) * 2**e for k in range(200) for e in (0, 1, 60)]  # between two of them
    words += [f"{h + d}{tail}" for h in halves for d in (-1, 0, 1) for tail in ("", ".0", ".00000000000000000000001")]
    words += ["2.2250738585072011e-308", "4.9e-324", "2.4703282292062328e-324", "-0.0"]
    words = [w for w in words if abs(float(w)) < 1e300] + [str(sys.float_info.max)]  # their sum is finite

    found = parse_numbers("".join(f"{w},0\n" for w in words).encode(), ["a", "b"], {"a": FLOAT})

    expected = np.array([float(w) for w in words])
    assert found["a"].to_numpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("end", ["", "\n"])
def test_numbers_are_read_by_polars(end):
    found = parse_numbers(("1,-2.5,x\n3,4e-07,y" + end).encode(), ["a", "b", "c"], {"b": FLOAT, "a": INTEGER})

    assert found.to_pydict() == {"b": [-2.5, 4e-07], "a": [1, 3]}


@pytest.mark.parametrize(
    ("piece", "types"),
    [
        (b"1,2\r\n3,4\r\n", {"a": FLOAT}),
        (b"1\r5,2\n3,4\n", {"a": FLOAT, "b": FLOAT}),
        (b"1,2\n3,\n", {"a": FLOAT}),
        (b"1,2\n3\n", {"a": FLOAT}),
        (b"1,2,3\n4,5\n", {"a": FLOAT}),
        (b"1,2\n3,4,5,6\n", {"b": FLOAT}),
        (b"nan,2\n", {"a": FLOAT}),
        (b"1e999,2\n", {"a": FLOAT}),
        (b"+1,2\n", {"a": INTEGER}),
        (b"1,2\n", {"a": pa.string()}),
        (b"1,2\n", {"a": pa.float32()}),
        (b"1,2\nx,2\n", {"a": FLOAT}),
        (b"1,2\n\n3,4\n", {"a": FLOAT}),
    ],
)
def test_what_only_arrow_can_tell_is_left_to_it(piece, types):
    assert parse_numbers(piece, ["a", "b"], types) is None


def test_bad_line_in_a_late_piece_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "PIECE_BYTES", 64)
    (tmp_path / "t.csv").write_text("a,b\n" + "1.5,2\n" * 99 + "1.5,2,3\n" + "1.5,2\n" * 9)

    with pytest.raises(InputError, match=r"line 101: 3 fields; expected 2"):
        list(csv_blocks.csv_blocks(tmp_path / "t.csv", {"a": FLOAT}, ()))


def test_numbers_and_missing_values_alternate(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "PIECE_BYTES", 64)
    lines = [f"{i / 7!r},{i}" if i % 50 else ",NA" for i in range(1, 500)]
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(lines))

    tables = list(csv_blocks.csv_blocks(tmp_path / "t.csv", {"a": FLOAT, "b": FLOAT}, ()))

    values = [v for table in tables for v in table["a"].to_pylist()]
    assert values == [i / 7 if i % 50 else None for i in range(1, 500)]


def test_missing_polars_is_named(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a\n1\n")
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(ImportError, match=r"a csv file needs the package 'polars'.*\n.*onnx-bridge\[files\]"):
        list(csv_blocks.csv_blocks(tmp_path / "t.csv", {"a": FLOAT}, ()))
