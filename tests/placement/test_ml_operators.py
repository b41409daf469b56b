from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import edge_rows, lower, ml_model
from tests.passes.trees import random_ensemble, random_tables

CUDA = "CUDAExecutionProvider"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]
KERNELS = ["LINEAR", "POLY", "RBF", "SIGMOID"]
TYPES = {"float32": np.float32, "float64": np.float64, "int64": np.int64}
THREE = {"coefficients": [1.0, 2.0, 3.0]}
NAN = float("nan")


def machine(kernel):
    return {
        "coefficients": [0.5] * 6,
        "vectors_per_class": [1, 1, 1],
        "support_vectors": [0.5] * 9,
        "rho": [0.1] * 3,
        "prob_a": [-1.0] * 3,
        "prob_b": [0.0] * 3,
        "classlabels_ints": [5, 6, 7],
        "kernel_type": kernel,
        "kernel_params": [0.5, 0.0, 3.0],
    }


def any_input():
    """Yield the operators that read every dtype: id, operator, outputs, attributes."""
    yield "scaler", "Scaler", [FLOAT], {"scale": [1.0] * 3, "offset": [1.0] * 3}
    for norm in ("MAX", "L1", "L2"):
        yield f"normalizer {norm}", "Normalizer", [FLOAT], {"norm": norm}
    yield "one-hot", "OneHotEncoder", [FLOAT], {"cats_int64s": [1, 2, 2]}
    yield "vectorizer", "FeatureVectorizer", [FLOAT], {"inputdimensions": [5]}
    yield "one score", "LinearClassifier", [INT64, FLOAT], {"intercepts": [1.0], "classlabels_ints": [5, 6], **THREE}
    rng = np.random.default_rng(0)
    for classes, scored in ((3, "some"), (2, 0)):
        tables = random_tables(rng, classes, kind="class", scored=scored, missing=True)
        attributes = {"classlabels_int64s": [5, 6, 7][:classes], **tables}
        yield f"trees, {classes} classes", "TreeEnsembleClassifier", [INT64, FLOAT], attributes


def float_input():
    for transform in TRANSFORMS:
        attributes = {"coefficients": [1.0] * 6, "intercepts": [0.0, 1.0], "targets": 2, "post_transform": transform}
        yield f"linear {transform}", "LinearRegressor", [FLOAT], attributes
    yield "imputer", "Imputer", [FLOAT], {"imputed_value_floats": [1.0], "replaced_value_float": NAN}
    yield "imputer of a number", "Imputer", [FLOAT], {"imputed_value_floats": [1.0], "replaced_value_float": 2.0}
    yield "binarizer", "Binarizer", [FLOAT], {"threshold": 1.0}
    yield "encoder", "LabelEncoder", [INT64], {"keys_floats": [NAN, 1.0, 7.0], "values_int64s": [1, 2, 3]}
    for kernel in KERNELS:
        yield f"machine {kernel}", "SVMClassifier", [INT64, FLOAT], machine(kernel)
    rng = np.random.default_rng(1)
    for function in ("AVERAGE", "MIN"):
        attributes = {
            "n_targets": 2,
            "aggregate_function": function,
            "base_values": [1.0, 2.0],
            **random_tables(rng, 2),
        }
        yield f"trees {function}", "TreeEnsembleRegressor", [FLOAT], attributes
    yield "trees with sets", "TreeEnsemble", [FLOAT], random_ensemble(rng, 2, np.float32, missing=True)


def int_input():
    yield "dense encoder", "LabelEncoder", [INT64], {"keys_int64s": [1, 2], "values_int64s": [3, 4]}
    yield "scattered encoder", "LabelEncoder", [FLOAT], {"keys_int64s": [1, 90000], "values_floats": [3.0, 4.0]}
    yield "imputer", "Imputer", [INT64], {"imputed_value_int64s": [1], "replaced_value_int64": 2}


CASES = [
    *[(f"{case[0]}, {name}", dtype, *case[1:]) for name, dtype in TYPES.items() for case in any_input()],
    *[(f"{case[0]}, float32", np.float32, *case[1:]) for case in float_input()],
    *[(f"{case[0]}, int64", np.int64, *case[1:]) for case in int_input()],
]


@pytest.mark.parametrize(
    ("dtype", "op_type", "outputs", "attributes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_an_operator_becomes_runs_on_cuda(place, dtype, op_type, outputs, attributes):
    version = 5 if op_type == "TreeEnsemble" else 4 if op_type == "LabelEncoder" else 3
    model = ml_model(op_type, {"X": edge_rows(3, dtype)}, outputs, version=version, **attributes)
    assert {node.op_type for node in place(lower(model, "cuda")) if node.provider != CUDA} == set()
