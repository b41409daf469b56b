from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, lower, ml_model, op_types, run

LABEL_AND_SCORES = [TensorProto.INT64, TensorProto.FLOAT]
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]
# One Gemm in both; exp, log and sqrt are of other libraries than the kernel's: some units in the last place.
BOUND = 2e-6


def rows(seed=0):
    x = np.random.default_rng(seed).normal(size=(60, 3)).astype(np.float32)
    x[3], x[5], x[7, 1] = np.nan, 0.0, np.inf
    return {"X": x}


def weights(targets):
    rng = np.random.default_rng(targets)
    return {
        "coefficients": rng.normal(size=3 * targets).astype(np.float32).tolist(),
        "intercepts": rng.normal(size=targets).astype(np.float32).tolist(),
    }


def test_regressor_leaves_out_intercepts_of_another_number(target):
    attributes = {"coefficients": [1.0, 2.0, 3.0], "intercepts": [1.0, 2.0], "targets": 1}
    model = ml_model("LinearRegressor", rows(), [TensorProto.FLOAT], **attributes)
    lowered = check_parity(model, rows(), target, tolerance=BOUND)
    assert op_types(lowered) == ["Gemm"]


def test_a_score_of_zero_is_the_first_class(target):
    x = {"X": np.array([[0.0, 0.0, 0.0], [np.nan, 0.0, 0.0]], np.float32)}
    model = ml_model(
        "LinearClassifier", x, LABEL_AND_SCORES, coefficients=[1.0] * 3, intercepts=[0.0], classlabels_ints=[3, 4]
    )
    np.testing.assert_array_equal(run(lower(model, target), x)[0], [3, 3])
    check_parity(model, x, target)


def test_operators_of_many_classes(target):
    model = ml_model(
        "LinearClassifier", rows(), LABEL_AND_SCORES, classlabels_ints=[0, 1, 2], post_transform="SOFTMAX", **weights(3)
    )
    assert sorted(op_types(lower(model, target))) == ["ArgMax", "Gemm", "Softmax"]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        (
            {"coefficients": [1.0] * 5, "intercepts": [0.0, 0.0], "classlabels_ints": [0, 1]},
            "has 5 entries for 2 scores",
        ),
        ({"coefficients": [1.0] * 8, "intercepts": [0.0, 0.0], "classlabels_ints": [0, 1]}, "expected 2 x 3 columns"),
        ({"coefficients": [1.0] * 6, "intercepts": [0.0, 0.0], "classlabels_ints": [0]}, "1 entries for 2 scores"),
        ({"coefficients": [1.0] * 3, "classlabels_ints": [0, 1]}, "'intercepts' is empty"),
        (
            {"coefficients": [1.0] * 3, "intercepts": [0.0], "classlabels_ints": [0, 1], "post_transform": "PROBIT"},
            "PROBIT of one score for two classes",
        ),
        ({"coefficients": [1.0] * 3, "intercepts": [0.0], "post_transform": "CUBE"}, "'post_transform' is 'CUBE'"),
    ],
)
def test_attributes_that_do_not_fit_are_declined(attributes, reason):
    assert reason in declined(ml_model("LinearClassifier", rows(), LABEL_AND_SCORES, **attributes))


def test_a_classifier_that_reads_text_is_declined():
    attributes = {"coefficients": [1.0] * 2, "intercepts": [0.0, 1.0], "classlabels_strings": ["a", "b"]}
    x = {"X": np.array([["a"]], object)}
    model = ml_model("LinearClassifier", x, [TensorProto.STRING, TensorProto.FLOAT], **attributes)
    assert "LinearClassifier reads numbers, and its input is text" in declined(model, "portable")
