"""README's table of precisions is that of the results, and its results keep the bounds that README states."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.verify.tolerance import bounds_for
from models.numeric import NUMERIC
from models.zoo import ZOO
from tests.precision.results import read_rows
from tests.precision.table import BLOCK, as_markdown

README = Path(__file__).parents[2] / "README.md"


def test_readme_shows_the_results():
    assert BLOCK.read(README.read_text("utf-8")) == as_markdown(read_rows())


def test_every_model_was_measured_in_every_precision():
    assert {(r.model, r.precision) for r in read_rows()} == {
        (m.name, p) for m in (*ZOO, *NUMERIC) for p in ("exact", "float32", "float16")
    }


@pytest.mark.parametrize("row", [r for r in read_rows() if r.precision == "exact"], ids=lambda r: r.model)
def test_exact_has_every_label(row):
    assert (row.refused, row.labels - row.ties, row.loose) == ("", 0, 0)


@pytest.mark.parametrize("row", [r for r in read_rows() if r.precision == "float16"], ids=lambda r: r.model)
def test_float16_keeps_its_bound_beyond_float32s_own_steps(row):
    narrow = next(r for r in read_rows() if (r.model, r.precision) == (row.model, "float32"))

    assert row.scaled <= bounds_for("float16").scaled or row.loose <= narrow.loose
