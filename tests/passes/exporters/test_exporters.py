"""Files of other exporters give the same answers lowered as they are; whether their exporter was right is not asked."""

from __future__ import annotations

import pytest

import bridge
from bridge.errors import ArtifactError
from bridge.portability import portable_tier
from tests.passes.exporters import from_catboost
from tests.passes.exporters.boundary import rounding_bound, rows_for, with_whole_leaves
from tests.passes.exporters.catalogue import FILES, exported, lowered
from tests.passes.judge import assert_same, codes, labels_as_text, maps_as_matrix, run

FEW = [
    "lightgbm: random forest, two classes",
    "xgboost: three classes",
    "catboost: three names",
    "skl2onnx: three names",
    *(name for name in FILES if name.startswith("ml.net")),
]
TARGETS = ["portable", "cuda", "cpu"]


def answers(made, feeds):
    """Return the outputs of a lowered model by name, text in place of positions."""
    names = [output.name for output in made.graph.output]
    found = run(made, codes(made, feeds))
    return {name: labels_as_text(made, name, output) for name, output in zip(names, found, strict=True)}


def expected_answers(model, made, feeds):
    """Return what onnxruntime's kernels make of the model itself, for the outputs that `made` kept."""
    names = [output.name for output in model.graph.output]
    found = {name: maps_as_matrix(made, name, output) for name, output in zip(names, run(model, feeds), strict=True)}
    return {output.name: found[output.name] for output in made.graph.output}


def assert_agree(found, expected, *, tolerance):
    """Compare outputs by name; labels must be equal, numbers within `tolerance`."""
    assert list(found) == list(expected)
    for name, output in found.items():
        bound = tolerance if output.dtype.kind == "f" else 0.0
        assert_same([output], [expected[name]], tolerance=bound)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FILES)
def test_a_lowered_file_gives_the_answers_of_the_file(name, target):
    model, made = exported(name), lowered(name, target)
    for rows in (None, 1):
        feeds = {key: x[:rows] for key, x in rows_for(model).items()}
        bound = 0.0 if target == "cpu" else rounding_bound(model)
        assert_agree(answers(made, feeds), expected_answers(model, made, feeds), tolerance=bound)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FEW)
def test_no_rows_are_no_answers(name, target):
    # Of the files themselves, some refuse no rows, and ML.NET's end the process.
    made, feeds = lowered(name, target), rows_for(exported(name))
    full, none = answers(made, feeds), answers(made, {key: x[:0] for key, x in feeds.items()})
    for output, found in none.items():
        assert found.dtype == full[output].dtype
        rows = 1 if output == "Slots.output" else 0  # a constant
        assert found.shape == (rows, *full[output].shape[1:])


@pytest.mark.parametrize("target", ["portable", "cuda"])
@pytest.mark.parametrize("name", [name for name in FILES if name != "ml.net: several classes"])
def test_every_row_reaches_the_leaves_that_it_reached(name, target):
    model = with_whole_leaves(exported(name))
    made, feeds = bridge.lower(model, target=target), rows_for(model)
    assert_agree(answers(made, feeds), expected_answers(model, made, feeds), tolerance=0.0)


@pytest.mark.parametrize(
    ("name", "found"),
    [(name, False) for name in FEW] + [("lightgbm: number, double input", True), ("lightgbm: split into parts", True)],
)
def test_a_portable_file_has_no_float64_but_the_files_own(name, found):
    _, beyond = portable_tier(lowered(name, "portable"))
    assert ("values of double" in beyond) == found


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("lightgbm: two classes", [0, 1]),
        ("lightgbm: two names", ["no", "yes"]),
        ("catboost: three names", ["a", "b", "é"]),
        ("catboost: ten classes", list(range(10))),
        ("skl2onnx: three names", ["a", "b", "é"]),
    ],
)
def test_a_predictor_knows_the_classes_that_a_zipmap_named(name, classes, target):
    predictor = bridge.load(lowered(name, target), device="cpu")
    rows = next(iter(rows_for(exported(name)).values()))[:5]
    assert predictor.classes_.tolist() == classes
    assert predictor.predict(rows).tolist() == [classes[i] for i in predictor.predict_proba(rows).argmax(axis=1)]


@pytest.mark.parametrize("name", from_catboost.BROKEN)
def test_a_classifier_without_class_labels_is_refused_by_name(name):
    model = from_catboost.BROKEN[name]()
    with pytest.raises(ArtifactError, match="'classlabels_strings'"):
        bridge.lower(model, target="portable")
