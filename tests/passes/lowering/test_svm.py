from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import assert_same, check_parity, declined, edge_rows, lower, ml_model, op_types, run

LABEL_AND_SCORES = [TensorProto.INT64, TensorProto.FLOAT]
KERNELS = ["LINEAR", "POLY", "RBF", "SIGMOID"]
# The kernel sums 3 features and up to 16 vectors in float32, ours in float64 (portable: float32 too, around the mean).
BOUND = 3e-5


def rows(kernel="LINEAR"):
    x = np.random.default_rng(5).normal(size=(40, 3)).astype(np.float32)
    return {"X": np.concatenate([x, edge_rows(3, rows=6)]) if kernel == "RBF" else x}


def machine(classes, kernel="RBF", *, degree=3.0, probabilities=False, seed=0):
    rng = np.random.default_rng([seed, classes])
    per_class = rng.integers(1, 5, classes)
    count, pairs = int(per_class.sum()), classes * (classes - 1) // 2

    def floats(*shape):
        return rng.normal(size=shape).astype(np.float32).ravel().tolist()

    attributes = {
        "coefficients": floats(classes - 1, count),
        "vectors_per_class": per_class.tolist(),
        "support_vectors": floats(count, 3),
        "rho": floats(pairs),
        "classlabels_ints": [5, 3, 9, 1][:classes],
        "kernel_type": kernel,
        "kernel_params": [0.25, 0.5, degree],
    }
    if probabilities:
        attributes |= {"prob_a": (-1 - rng.random(pairs)).tolist(), "prob_b": floats(pairs)}
    return attributes


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_classifier_without_vectors(target, sign, classes):
    coefficients = np.random.default_rng(1).normal(size=3 * classes)
    coefficients = (np.abs(coefficients) if sign > 0 else coefficients).tolist()
    attributes = {"coefficients": coefficients, "rho": [0.1], "classlabels_ints": [5, 7, 9][:classes]}
    model = ml_model("SVMClassifier", rows(), LABEL_AND_SCORES, kernel_params=[0.0] * 3, **attributes)
    check_parity(model, rows(), target, tolerance=BOUND)


def test_regressor_without_vectors(target):
    attributes = {
        "coefficients": [1.0, 2.0, 3.0],
        "rho": [0.5],
        "kernel_params": [0.0] * 3,
        "post_transform": "LOGISTIC",
    }
    model = ml_model("SVMRegressor", rows(), [TensorProto.FLOAT], **attributes)
    lowered = check_parity(model, rows(), target, tolerance=BOUND)
    assert op_types(lowered) == (["MatMul", "Add"] if target == "portable" else ["Cast", "MatMul", "Add", "Cast"])


def test_large_means_do_not_blur_distances():
    x = {"X": rows()["X"] + np.float32(1000)}
    attributes = machine(3)
    attributes["support_vectors"] = (np.array(attributes["support_vectors"]) + 1000).tolist()
    model = ml_model("SVMClassifier", x, LABEL_AND_SCORES, **attributes)
    assert_same(run(lower(model, "portable"), x), run(model, x), tolerance=BOUND)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rho": [0.1]}, "'rho' has 1 entries, expected 3"),
        ({"coefficients": [0.1]}, "'coefficients' has 1 entries"),
        ({"support_vectors": [0.1] * 5}, "'support_vectors' has 5 entries"),
        ({"kernel_params": [0.1]}, "'kernel_params' has 1 entries"),
        ({"vectors_per_class": [1, 2]}, "'vectors_per_class' has 2, 'classlabels_ints' has 3"),
        ({"kernel_type": "COSINE"}, "'kernel_type' is 'COSINE'"),
        ({"prob_a": [1.0], "prob_b": [1.0]}, "'prob_a' has 1 entries, expected 3"),
    ],
)
def test_attributes_that_do_not_fit_are_declined(changes, reason):
    model = ml_model("SVMClassifier", rows(), LABEL_AND_SCORES, **(machine(3) | changes))
    assert reason in declined(model)
