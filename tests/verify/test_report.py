"""A report is a table for people, figures for a file, and a verdict that no problem slips through."""

import json
import math

import pytest

from bridge.verify.report import MethodReport, Report
from bridge.verify.tolerance import bounds_for

EXACT = bounds_for("exact")
FINE = MethodReport("predict", 1000)


def report(*methods, precision="exact", **settings):
    return Report(methods, bounds_for(precision), precision, **settings)


def test_report_without_methods_is_not_ok():
    assert not report().ok


@pytest.mark.parametrize(
    ("found", "ok"),
    [
        (FINE, True),
        (MethodReport("predict", 1000, labels_differing=1, loose_rows=1), False),
        (MethodReport("predict", 1000, labels_differing=1, explained=1), True),
        (MethodReport("predict", 1000, loose_rows=3, held=False), True),
        (MethodReport("predict", 1000, problem="shape (3,) instead of (4,)"), False),
        (MethodReport("predict", 1000, problem="shape (3,) instead of (4,)", held=False), False),
    ],
)
def test_verdict(found, ok):
    assert report(FINE, found).ok == ok
    assert ("NOT equal" in str(report(FINE, found))) != ok


def test_float32_may_miss_three_rows_in_a_hundred_thousand():
    assert report(MethodReport("predict", 100_000, loose_rows=3), precision="float32").ok
    assert not report(MethodReport("predict", 100_000, loose_rows=4), precision="float32").ok
    assert not report(MethodReport("predict", 100, loose_rows=1), precision="float32").ok


def test_table_shows_rows_errors_and_the_worst_rows():
    found = MethodReport("predict_proba", 1_234_567, max_absolute=0.25, max_scaled=0.5, loose_rows=2, worst_rows=(7, 3))
    text = str(report(FINE, found, notes=("a note",)))
    lines = text.splitlines()
    assert lines[0].split()[:3] == ["method", "rows", "differ"]
    assert "1,234,567" in lines[2]
    assert "7 3" in lines[2]
    assert "2 rows beyond the bound" in lines[2]
    assert lines[-2] == "NOT equal (precision exact: scaled error <= 1e-10)"
    assert lines[-1] == "a note"
    assert len({line.index("ok") for line in lines if "ok" in line} | {lines[2].index("2 rows")}) == 1


def test_figures_are_strict_json():
    figures = report(FINE, MethodReport("transform", 3, max_absolute=math.inf, max_scaled=math.inf)).to_json()
    text = json.dumps(figures, allow_nan=False)
    assert json.loads(text)["transform"]["max_scaled"] is None
    assert json.loads(text)["predict"]["rows"] == 1000


def test_error_near_the_bound_leaves_no_room_for_other_rows():
    assert report(MethodReport("predict", 100, max_curable=2e-5), precision="float32").has_room
    assert not report(MethodReport("predict", 100, max_curable=5e-5), precision="float32").has_room
    assert report(MethodReport("predict", 100, max_curable=5e-5, held=False), precision="float32").has_room
