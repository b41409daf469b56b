"""Linear models and support vector machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto
from scipy.special import ndtr

from tests.passes.judge import edge_rows, ml_model
from tests.passes.operators.combination import EPS, NUMBERS, Example, Operator

if TYPE_CHECKING:
    from tests.passes.operators.combination import Choice, Source

WIDTH = 3
TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT")
KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")
TRANSFORMED = 32 * EPS
"""exp, log and sqrt are of other libraries than the kernel's: some units in the last place, PROBIT's poles apart."""
SUPPORTED = 512 * EPS
"""The kernel sums 3 features and up to 16 vectors in float32, ours in float64 (portable: float32 too)."""


def text_or_ints(kind: str, count: int, ints: str) -> dict[str, Any]:
    """Return attributes of class labels."""
    if kind == "strings":
        return {"classlabels_strings": ["b", "a", "é", ""][:count]}
    return {ints: [5, 7, -9, 2][:count]} if kind == "ints" else {}


def given(**attributes: Any) -> dict[str, Any]:
    """Return the attributes that are not "absent"."""
    return {name: value for name, value in attributes.items() if not (isinstance(value, str) and value == "absent")}


def label_type(kind: str) -> int:
    return TensorProto.STRING if kind == "strings" else TensorProto.INT64


def _dyadic(source: Source, *shape: int) -> list[float]:
    return source.dyadic(*shape).ravel().tolist()


def _floats(source: Source, *shape: int) -> list[float]:
    return source.rng.normal(size=shape).astype(np.float32).ravel().tolist()


def _linear_regressor(choice: Choice, source: Source) -> Example:
    x = source.summable(WIDTH, choice["dtype"])
    targets = 1 if choice["targets"] == "absent" else choice["targets"]
    attributes = given(targets=choice["targets"], post_transform=choice["transform"])
    attributes["coefficients"] = _dyadic(source, targets, WIDTH)
    if choice["intercepts"] != "absent":
        attributes["intercepts"] = _dyadic(source, targets if choice["intercepts"] == "each" else targets + 1)
    model = ml_model("LinearRegressor", {"X": x}, [TensorProto.FLOAT], version=1, **attributes)
    return Example(model, {"X": x}, 0.0 if choice["transform"] in {"absent", "NONE"} else TRANSFORMED)


def _linear_classifier(choice: Choice, source: Source) -> Example:
    x, scores = source.summable(WIDTH, choice["dtype"]), choice["scores"]
    attributes = given(
        coefficients=_dyadic(source, scores, WIDTH),
        intercepts=_dyadic(source, scores),
        post_transform=choice["transform"],
        multi_class=choice["multi_class"],
    )
    attributes |= text_or_ints(choice["labels"], max(scores, 2), "classlabels_ints")
    outputs = [label_type(choice["labels"]), TensorProto.FLOAT]
    model = ml_model("LinearClassifier", {"X": x}, outputs, version=1, **attributes)
    return Example(model, {"X": x}, 0.0 if choice["transform"] in {"absent", "NONE"} else TRANSFORMED)


def _machine_rows(choice: Choice, source: Source) -> np.ndarray:
    """Return moderate rows, for RBF special ones too: infinities overflow float32 in the other kernels, not float64."""
    x = source.rng.normal(size=(10, WIDTH))
    if not choice["dtype"].startswith("float"):
        return (4 * x).round().astype(choice["dtype"])
    x[0], x[1, 0], x[2] = np.nan, -0.0, 0.0
    x = x.astype(np.float32).astype(choice["dtype"])
    return np.concatenate([x, edge_rows(WIDTH, x.dtype, rows=4)]) if choice["kernel"] == "RBF" else x


def _kernel(choice: Choice) -> dict[str, Any]:
    params = {"kernel_params": [0.25, 0.5, float(choice.get("degree", 3.0))]}  # which onnxruntime always asks for
    return params | given(kernel_type=choice["kernel"])


def _svm_classifier(choice: Choice, source: Source) -> Example:
    classes, form = choice["classes"], choice["form"]
    pairs = classes * (classes - 1) // 2
    attributes = _kernel(choice) | given(post_transform=choice["transform"])
    if form == "a score a class":
        attributes |= {"coefficients": _floats(source, classes, WIDTH), "rho": [0.25]}
    else:
        per_class = source.rng.integers(1, 5, classes)
        count = int(per_class.sum())
        attributes |= {
            "vectors_per_class": per_class.tolist(),
            "support_vectors": _floats(source, count, WIDTH),
            "coefficients": _floats(source, classes - 1, count),
            "rho": _floats(source, pairs),
        }
    if form == "probabilities":
        attributes |= {"prob_a": (-1 - source.rng.random(pairs)).tolist(), "prob_b": _floats(source, pairs)}
    attributes |= text_or_ints(choice["labels"], classes, "classlabels_ints")
    x = _machine_rows(choice, source)
    outputs = [label_type(choice["labels"]), TensorProto.FLOAT]
    model = ml_model("SVMClassifier", {"X": x}, outputs, version=1, **attributes)
    # PROBIT makes much of little near 0 and 1: compare what it is the quantile of.
    return Example(model, {"X": x}, SUPPORTED, view=ndtr if choice["transform"] == "PROBIT" else np.asarray)


def _svm_regressor(choice: Choice, source: Source) -> Example:
    attributes = _kernel(choice) | given(post_transform=choice["transform"], one_class=choice["one_class"])
    if choice["form"] == "vectors":
        count = int(source.rng.integers(1, 9))
        attributes |= {"n_supports": count, "support_vectors": _floats(source, count, WIDTH)}
        attributes["coefficients"] = _floats(source, count)
    else:
        attributes["coefficients"] = _floats(source, WIDTH)
    x = _machine_rows(choice, source)
    model = ml_model("SVMRegressor", {"X": x}, [TensorProto.FLOAT], version=1, rho=_floats(source, 1), **attributes)
    return Example(model, {"X": x}, SUPPORTED)


def _refused_linear(choice: Choice) -> str:
    lone = choice["scores"] == 1 and choice["labels"] != "absent"
    return "PROBIT of one score for two classes" if lone and choice["transform"] == "PROBIT" else ""


def _refused_machine(choice: Choice) -> str:
    if choice["classes"] == 1 and choice["labels"] == "strings":
        return "has one class label, and onnxruntime answers with others"
    if choice["classes"] == 2 and choice["form"] == "pairs" and choice["transform"] == "PROBIT":
        return "PROBIT of one score for two classes"
    return ""


LABELS = ["ints", "strings"]
ANY_TRANSFORM = ["absent", *TRANSFORMS]
OPERATORS = (
    Operator(
        "LinearRegressor",
        {
            "version": [1],
            "dtype": NUMBERS,
            "targets": ["absent", 1, 2, 3],
            "intercepts": ["absent", "each", "another number"],
            "transform": ANY_TRANSFORM,
        },
        _linear_regressor,
    ),
    Operator(
        "LinearClassifier",
        {
            "version": [1],
            "dtype": NUMBERS,
            "scores": [1, 2, 3],
            "labels": ["absent", *LABELS],
            "transform": ANY_TRANSFORM,
            "multi_class": ["absent", 0, 1],
        },
        _linear_classifier,
        lambda choice: choice["labels"] != "absent" or choice["scores"] == 1,
        _refused_linear,
    ),
    Operator(
        "SVMClassifier",
        {
            "version": [1],
            "dtype": NUMBERS,
            "kernel": ["absent", *KERNELS],
            "degree": [1, 2, 3, 4],
            "classes": [1, 2, 3],
            "form": ["pairs", "probabilities", "a score a class"],
            "labels": LABELS,
            "transform": ANY_TRANSFORM,
        },
        _svm_classifier,
        lambda choice: (
            (choice["classes"] > 1 or choice["form"] == "a score a class")
            and (choice["kernel"] == "POLY" or choice["degree"] == 3)
            and (choice["kernel"] in {"absent", "LINEAR"} or choice["form"] != "a score a class")
        ),
        _refused_machine,
    ),
    Operator(
        "SVMRegressor",
        {
            "version": [1],
            "dtype": NUMBERS,
            "kernel": ["absent", *KERNELS],
            "form": ["vectors", "weights"],
            "one_class": ["absent", 0, 1],
            "transform": ANY_TRANSFORM,
        },
        _svm_regressor,
        lambda choice: choice["kernel"] in {"absent", "LINEAR"} or choice["form"] == "vectors",
    ),
)
