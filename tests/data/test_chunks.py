from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from bridge.data.chunks import MOST_ROWS, auto_rows, find_types, first_block, read_chunks
from bridge.data.sources import Block, Frames


def source_of(*sizes):
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return Frames([pd.DataFrame({"a": range(s, s + n)}) for s, n in zip(starts, sizes, strict=True)])


def sizes(source, rows, **options):
    return [len(c.table) for c in read_chunks(source, {"a": pa.float64()}, rows, **options)]


@pytest.mark.parametrize(
    ("blocks", "rows", "least", "expected"),
    [
        ((10,), 4, 1, [4, 4, 2]),
        ((3, 3, 4), 4, 1, [4, 4, 2]),
        ((3, 0, 5), 4, 1, [4, 4]),
        ((10,), 4, 3, [4, 6]),
        ((2,), 4, 3, [2]),
        ((9, 1), 5, 5, [5, 5]),
        ((9, 1, 1), 5, 5, [5, 6]),
        ((0,), 5, 1, []),
    ],
)
def test_chunks_have_the_rows_asked_for_whatever_the_blocks(blocks, rows, least, expected):
    assert sizes(source_of(*blocks), rows, least=least) == expected


def test_chunks_hold_all_rows_in_order():
    chunks = read_chunks(source_of(3, 3, 4), {"a": pa.float64()}, 4)

    assert [v for c in chunks for v in c.table["a"].to_pylist()] == list(range(10))


def test_row_is_located_in_its_place():
    *_, last = read_chunks(source_of(3, 3, 4), {"a": pa.float64()}, 4)
    _, second, _ = read_chunks(source_of(3, 3, 4), {"a": pa.float64()}, 4)

    assert second.locate(1) == "frame 1, row 3"
    assert second.span == "frame 1, row 2 to frame 2, row 2"
    assert (last.start, last.locate(0)) == (8, "frame 2, row 3")


def test_rows_by_bytes():
    narrow, wide = (Block(pa.table({f"c{i}": [0.0] for i in range(n)}), "", 0) for n in (1, 1024))

    found = [auto_rows(b, find_types(b, features=None, targets=(), labels=False)) for b in (narrow, wide)]

    assert found == [MOST_ROWS, 1024]


def test_types_of_targets_are_kept_where_they_are_labels():
    block = first_block(Frames([pd.DataFrame({"a": [1, 2], "flag": [True, False], "y": [3, 4]})]))

    labels, numbers = (find_types(block, features=["a"], targets=("flag", "y"), labels=kept) for kept in (True, False))

    assert labels == {"a": pa.float64(), "flag": pa.bool_(), "y": pa.int64()}
    assert numbers == dict.fromkeys(["a", "flag", "y"], pa.float64())
