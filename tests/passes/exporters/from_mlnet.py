"""Files as ML.NET writes them: one input and one output a column, lengths of -1 for the rows, text in and out.

Written by hand after the baselines of ML.NET's own tests: no ML.NET is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.passes.trees import LEAF, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

BOOL, FLOAT, INT32, INT64, STRING, UINT32 = (
    getattr(TensorProto, name) for name in ("BOOL", "FLOAT", "INT32", "INT64", "STRING", "UINT32")
)
WORDS = ["4", "1", "10", "é"]
Columns = dict[str, tuple[int, int]]


def _node(op_type: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> onnx.NodeProto:
    domain = attributes.pop("domain", "")
    return helper.make_node(op_type, inputs, outputs, name=f"{op_type}_{outputs[0]}", domain=domain, **attributes)


def _ml(op_type: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> onnx.NodeProto:
    return _node(op_type, inputs, *outputs, domain="ai.onnx.ml", **attributes)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Columns,
    outputs: Mapping[str, tuple[str, int, int]],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    between: Columns | None = None,
    versions: tuple[int, int, int] = (11, 2, 6),
) -> onnx.ModelProto:
    """Return a model; `outputs` maps a column to the value that it copies, its type and its width.

    ML.NET says the width of its own columns `between`, of which ONNX's shape inference knows nothing.
    """
    copies = [_node("Identity", [value], f"{name}.output") for name, (value, _, _) in outputs.items()]
    results = {f"{name}.output": (kind, width) for name, (_, kind, width) in outputs.items()}
    infos = [
        [helper.make_tensor_value_info(name, kind, [-1, width]) for name, (kind, width) in columns.items()]
        for columns in (inputs, results, between or {})
    ]
    initializers = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph([*nodes, *copies], "model", *infos[:2], initializers, value_info=infos[2])
    main, ml, ir_version = versions
    opsets = [helper.make_opsetid("ai.onnx.ml", ml), helper.make_opsetid("", main)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, producer_name="ML.NET")


def _trees(features: int) -> dict[str, Any]:
    """Return the attributes of FastTree's ensemble: three trees of three decisions, over all features in turn."""
    rng = np.random.default_rng(0)
    nodes, scores = [], []
    for tree in range(3):
        for place in range(3):
            threshold = float(rng.choice([0.25, 0.5, 1.0]))
            feature = (3 * tree + place) % features
            nodes.append((tree, place, "BRANCH_LEQ", feature, threshold, 2 * place + 1, 2 * place + 2))
        for place in range(3, 7):
            nodes.append((tree, place, LEAF, 0, 0.0, 0, 0))
            scores.append((tree, place, 0, float(np.float32(rng.normal()))))
    settings = {"post_transform": "NONE", "n_targets": 1, "base_values": [0.0], "aggregate_function": "SUM"}
    return settings | tables(nodes, scores) | {"nodes_missing_value_tracks_true": [0] * len(nodes)}


def _one_hot(source: str, made: str) -> list[onnx.NodeProto]:
    """Return the five nodes of ML.NET's OneHotEncoding, by way of its key type."""
    keys = list(range(1, len(WORDS) + 1))
    return [
        _ml("LabelEncoder", [source], f"{made}_key", keys_strings=WORDS, values_int64s=keys, default_int64=-1),
        _node("Cast", [f"{made}_key"], f"{made}_short", to=UINT32),
        _node("Cast", [f"{made}_short"], f"{made}_code", to=INT64),
        _ml("OneHotEncoder", [f"{made}_code"], f"{made}_hot", cats_int64s=keys, zeros=1),
        _node("ReduceSum", [f"{made}_hot"], made, axes=[1], keepdims=0),
    ]


def _fast_tree() -> onnx.ModelProto:
    width = len(WORDS) + 1
    nodes = [
        *_one_hot("F2", "F2_hot"),
        _ml("Imputer", ["F1"], "F1_full", replaced_value_float=float("nan"), imputed_value_floats=[0.5]),
        _ml("FeatureVectorizer", ["F1_full", "F2_hot"], "Features", inputdimensions=[1, len(WORDS)]),
        _ml("TreeEnsembleRegressor", ["Features"], "Score", **_trees(width)),
        _node("Mul", ["Score", "Slope"], "scaled"),
        _node("Add", ["scaled", "Offset"], "moved"),
        _node("Sigmoid", ["moved"], "Probability"),
        _ml("Binarizer", ["Score"], "above", threshold=0.0),
        _node("Cast", ["above"], "PredictedLabel", to=BOOL),
    ]
    outputs = {
        "Label": ("Label", BOOL, 1),
        "F1": ("F1_full", FLOAT, 1),
        "F2": ("F2", STRING, 1),
        "Features": ("Features", FLOAT, width),
        "PredictedLabel": ("PredictedLabel", BOOL, 1),
        "Score": ("Score", FLOAT, 1),
        "Probability": ("Probability", FLOAT, 1),
    }
    constants = {"Slope": np.array(0.4, np.float32), "Offset": np.array(0.1, np.float32)}
    inputs = {"Label": (BOOL, 1), "F1": (FLOAT, 1), "F2": (STRING, 1)}
    between = {"F1_full": (FLOAT, 1), "F2_hot": (FLOAT, len(WORDS)), "Features": (FLOAT, width)}
    return _model(nodes, inputs, outputs, constants, between=between)


def _axes_overlooked() -> onnx.ModelProto:
    """Newer versions leave the sum out: what they declare as (rows, categories) has three axes."""
    width = len(WORDS) + 1
    nodes = [
        *_one_hot("F2", "F2_hot")[:-1],
        _ml("Imputer", ["F2_hot_hot"], "F2_full", replaced_value_float=float("nan"), imputed_value_floats=[0.0]),
        _ml("FeatureVectorizer", ["F1", "F2_full"], "joined", inputdimensions=[1, len(WORDS)]),
        _node("Cast", ["joined"], "Features", to=FLOAT),
        _ml("TreeEnsembleRegressor", ["Features"], "Score", **_trees(width)),
    ]
    between = dict.fromkeys(("F2_hot_hot", "F2_full"), (FLOAT, len(WORDS))) | {"Features": (FLOAT, width)}
    return _model(nodes, {"F1": (FLOAT, 1), "F2": (STRING, 1)}, {"Score": ("Score", FLOAT, 1)}, between=between)


def _several_classes() -> onnx.ModelProto:
    features, classes = 3, len(WORDS)
    rng = np.random.default_rng(1)
    keys = list(range(1, classes + 1))
    nodes = [
        _ml("Scaler", ["Features"], "scaled", offset=[0.5] * features, scale=[0.1] * features),
        _ml("LabelEncoder", ["Label"], "key", keys_strings=WORDS, values_int64s=keys, default_int64=-1),
        _node("Cast", ["key"], "Label_key", to=UINT32),
        _ml(
            "LinearClassifier",
            ["scaled"],
            "class",
            "Score",
            post_transform="SOFTMAX",
            multi_class=1,
            coefficients=rng.normal(size=classes * features).astype(np.float32).tolist(),
            intercepts=rng.normal(size=classes).astype(np.float32).tolist(),
            classlabels_ints=keys,
        ),
        _node("Cast", ["class"], "class_key", to=UINT32),
        _node("Reshape", ["class_key", "column"], "PredictedLabel"),
        _ml("LabelEncoder", ["Score.SlotNames"], "Slots", keys_strings=WORDS, values_int64s=[k - 1 for k in keys]),
    ]
    outputs = {
        "Label": ("Label_key", UINT32, 1),
        "Features": ("scaled", FLOAT, features),
        "PredictedLabel": ("PredictedLabel", UINT32, 1),
        "Score": ("Score", FLOAT, classes),
        "Slots": ("Slots", INT64, 1),
    }
    constants = {"column": np.array([-1, 1]), "Score.SlotNames": np.array([["one"]], object)}
    return _model(nodes, {"Label": (STRING, 1), "Features": (FLOAT, features)}, outputs, constants)


def _columns_of_numbers() -> onnx.ModelProto:
    nodes = [
        _node("Concat", ["A", "B"], "AB", axis=1),
        _ml("Scaler", ["AB"], "scaled", offset=[1.0, 0.5], scale=[0.5, 2.0]),
        _node("IsNaN", ["AB"], "absent"),
        _node("Cast", ["absent"], "Absent", to=INT32),
        _ml("TreeEnsembleRegressor", ["scaled"], "Score", **_trees(2)),
        _node("Exp", ["Score"], "Mean"),
    ]
    outputs = {"A": ("A", FLOAT, 1), "Absent": ("Absent", INT32, 2), "Score": ("Mean", FLOAT, 1)}
    return _model(nodes, {"A": (FLOAT, 1), "B": (FLOAT, 1)}, outputs)


def _first_version() -> onnx.ModelProto:
    nodes = [
        _ml("Scaler", ["Features"], "scaled", offset=[0.5] * 3, scale=[0.3] * 3),
        _ml("LinearRegressor", ["scaled"], "Score", targets=1, coefficients=[3.0, -0.5, 0.1], intercepts=[2.0]),
        _ml("LabelEncoder", ["Town"], "Town_code", classes_strings=WORDS, default_int64=-1),
    ]
    inputs = {"Features": (FLOAT, 3), "Town": (STRING, 1)}
    outputs = {"Features": ("scaled", FLOAT, 3), "Town": ("Town_code", INT64, 1), "Score": ("Score", FLOAT, 1)}
    return _model(nodes, inputs, outputs, versions=(7, 1, 3))


FILES = {
    "two classes of FastTree": _fast_tree,
    "axes overlooked": _axes_overlooked,
    "several classes": _several_classes,
    "columns of numbers": _columns_of_numbers,
    "first version": _first_version,
}
