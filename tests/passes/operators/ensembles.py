"""Tree ensembles of every version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from tests.passes.judge import element, ml_model
from tests.passes.operators.combination import NUMBERS, Example, Operator
from tests.passes.operators.models import (
    ANY_TRANSFORM,
    LABELS,
    TRANSFORMED,
    TRANSFORMS,
    given,
    label_type,
    text_or_ints,
)
from tests.passes.trees import random_ensemble, random_tables, tensor

if TYPE_CHECKING:
    from tests.passes.operators.combination import Choice, Source

WIDTH = 3
MEMBERS = (0, 1, 2, 3, 5, 30, 31, 31.5, 33, 64, 64.5, 65, -64, 1000, 2.5)
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


def _lists(choice: Choice, source: Source, outputs: int, kind: str) -> dict[str, Any]:
    """Return the attributes of trees whose weights are multiples of 1/16: their sums are exact in any order."""
    attributes = random_tables(
        source.rng, outputs, kind=kind, scored=choice["scored"], missing=choice["missing"] == "given"
    )
    count = len(attributes[f"{kind}_weights"])
    weights = source.dyadic(count)
    attributes[f"{kind}_weights"] = (np.abs(weights) if choice.get("weights") == "positive" else weights).tolist()
    attributes["nodes_hitrates"] = [1.0] * len(attributes["nodes_modes"])
    bases = {"absent": 0, "one": 1, "each": outputs}[choice["base"]]
    if bases:
        attributes["base_values"] = source.dyadic(bases).tolist()
    if choice["form"] == "tensors":
        dtype = np.float64 if choice["dtype"] == "float64" else np.float32
        for name in ("nodes_values", "nodes_hitrates", f"{kind}_weights", "base_values"):
            if name in attributes:
                attributes[f"{name}_as_tensor"] = tensor(attributes.pop(name), dtype)
    return attributes


def _bound(transform: str) -> float:
    return 0.0 if transform in {"absent", "NONE"} else TRANSFORMED


def _classifier(choice: Choice, source: Source) -> Example:
    classes = choice["classes"]
    attributes = _lists(choice, source, classes, "class") | given(post_transform=choice["transform"])
    attributes |= text_or_ints(choice["labels"], classes, "classlabels_int64s")
    x = source.rows(WIDTH, choice["dtype"])
    outputs = [label_type(choice["labels"]), TensorProto.FLOAT]
    model = ml_model("TreeEnsembleClassifier", {"X": x}, outputs, version=choice["version"], **attributes)
    return Example(model, {"X": x}, _bound(choice["transform"]))


def _regressor(choice: Choice, source: Source) -> Example:
    attributes = _lists(choice, source, choice["targets"], "target")
    attributes |= given(post_transform=choice["transform"], aggregate_function=choice["aggregate"])
    x = source.rows(WIDTH, choice["dtype"])
    outputs = [TensorProto.FLOAT]
    version = choice["version"]
    model = ml_model(
        "TreeEnsembleRegressor", {"X": x}, outputs, version=version, n_targets=choice["targets"], **attributes
    )
    return Example(model, {"X": x}, _bound(choice["transform"]))


def _ensemble(choice: Choice, source: Source) -> Example:
    dtype = np.dtype(choice["dtype"])
    attributes = random_ensemble(source.rng, choice["targets"], dtype, missing=choice["missing"] == "given")
    attributes["leaf_weights"] = tensor(source.dyadic(len(attributes["leaf_targetids"])), dtype)
    attributes |= given(aggregate_function=choice["aggregate"], post_transform=choice["transform"])
    if choice["hitrates"] == "given":
        attributes["nodes_hitrates"] = tensor([1.0] * len(attributes["nodes_featureids"]), dtype)
    x = source.rows(WIDTH, choice["dtype"], ties=MEMBERS)
    model = ml_model("TreeEnsemble", {"X": x}, [element(x)], version=5, **attributes)
    return Example(model, {"X": x}, 0.0 if choice["transform"] in {"absent", 0} else TRANSFORMED)


def _refused_classifier(choice: Choice) -> str:
    if choice["classes"] == 2 and choice["base"] != "each":
        return "class"  # what onnxruntime leaves undefined depends on which classes the leaves score
    return ""


MISSING = ["absent", "given"]
LISTS = {
    "version": [1, 3],
    "form": ["lists", "tensors"],
    "dtype": NUMBERS,
    "scored": ["all", "some", "tree", 0],
    "base": ["absent", "each", "one"],
    "missing": MISSING,
    "transform": ANY_TRANSFORM,
}
OPERATORS = (
    Operator(
        "TreeEnsembleClassifier",
        {**LISTS, "classes": [1, 2, 3], "labels": LABELS, "weights": ["any", "positive"]},
        _classifier,
        # With one label of text onnxruntime 1.31.1 ends the process.
        lambda choice: (
            (choice["version"] > 1 or choice["form"] == "lists")
            and (choice["classes"] > 1 or choice["labels"] == "ints")
            and (choice["classes"] < 3 or choice["base"] != "one")
        ),
        _refused_classifier,
    ),
    Operator(
        "TreeEnsembleRegressor",
        {**LISTS, "base": ["absent", "each"], "targets": [1, 2, 3], "aggregate": ["absent", *AGGREGATES]},
        _regressor,
        lambda choice: choice["version"] > 1 or choice["form"] == "lists",
    ),
    Operator(
        "TreeEnsemble",
        {
            "version": [5],
            "dtype": ["float32", "float64", "float16"],
            "targets": [1, 2, 3],
            "aggregate": ["absent", *range(len(AGGREGATES))],
            "missing": MISSING,
            "hitrates": ["absent", "given"],
            "transform": ["absent", *range(len(TRANSFORMS))],
        },
        _ensemble,
        # ONNX's text asks for float32 hit rates, onnxruntime for those of the input's type.
        lambda choice: choice["hitrates"] == "absent" or choice["dtype"] == "float32",
    ),
)
