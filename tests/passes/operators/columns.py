"""Operators on columns of numbers and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.passes.judge import element, ml_model
from tests.passes.operators.combination import EPS, NUMBERS, WORDS, Example, Operator

if TYPE_CHECKING:
    import onnx

    from tests.passes.operators.combination import Choice, Source

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
WIDTH = 3
CARRIED = "carried"
"""The value that a LabelEncoder reads where an operator only moves text."""


def read_by_table(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let a LabelEncoder read the output, which is text: as codes, text must end in a table."""
    node = model.graph.node[-1]
    node.output[0] = CARRIED
    table = {"keys_strings": list(WORDS[:3]), "values_int64s": [7, 8, 9]}
    model.graph.node.append(helper.make_node("LabelEncoder", [CARRIED], ["O0"], domain="ai.onnx.ml", **table))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("O0", INT64, None))
    next(o for o in model.opset_import if o.domain == "ai.onnx.ml").version = 3
    return model


def _array_feature_extractor(choice: Choice, source: Source) -> Example:
    x = source.rows(WIDTH, choice["dtype"])
    if choice["axes"] == 1:
        x = x[0]
    if choice["axes"] == 3:
        x = x[:, None].repeat(2, axis=1)
    indices = {"one": [2], "some": [2, 0, 0], "input": [1, 2]}[choice["indices"]]
    feeds = {"X": x, "Y": np.array(indices)}
    model = ml_model("ArrayFeatureExtractor", feeds, [element(x)], version=1)
    if choice["indices"] != "input":
        model.graph.initializer.append(numpy_helper.from_array(feeds.pop("Y"), "Y"))
        del model.graph.input[1]
    return Example(
        read_by_table(model) if choice["dtype"] == "string" else model, feeds, rows=(1, 0) if x.ndim > 1 else ()
    )


def _binarizer(choice: Choice, source: Source) -> Example:
    threshold = float(source.rng.choice([0.0, 1.0, -0.5, 1.5]))
    x = source.rows(WIDTH, choice["dtype"], ties=[threshold])
    if x.dtype.kind == "f":
        x[np.isnan(x)] = 2  # onnxruntime stops at NaN
    attributes = {} if choice["threshold"] == "absent" else {"threshold": threshold}
    return Example(ml_model("Binarizer", {"X": x}, [element(x)], version=1, **attributes), {"X": x})


def _feature_vectorizer(choice: Choice, source: Source) -> Example:
    x = {"X": source.rows(WIDTH, choice["dtype"])}
    if choice["inputs"] == 2:
        x["Y"] = x["X"][:, ::-1][:, :2].copy()
    widths = {"equal": [3, 2], "cut": [2, 1], "filled": [5, 4], "none of the first": [0, 3]}[choice["widths"]]
    model = ml_model("FeatureVectorizer", x, [FLOAT], version=1, inputdimensions=widths[: len(x)])
    return Example(model, x, rows=(1,))  # at no rows onnxruntime 1.31.1 ends the process


def _imputer(choice: Choice, source: Source) -> Example:
    floating = choice["dtype"].startswith("float")
    count = {"one": 1, "each": WIDTH, "another number": 2}[choice["imputed"]]
    name = "imputed_value_floats" if floating else "imputed_value_int64s"
    attributes: dict[str, object] = {name: [7.0, 8.0, 9.0][:count] if floating else [7, 8, 9][:count]}
    if choice["replaced"] != "absent":
        replaced = {"number": 1.0, "nan": np.nan, "infinity": np.inf}[choice["replaced"]]
        attributes["replaced_value_float" if floating else "replaced_value_int64"] = (
            replaced if floating else int(replaced)
        )
    x = source.rows(WIDTH, choice["dtype"], ties=[0.0, 1.0])
    return Example(ml_model("Imputer", {"X": x}, [element(x)], version=1, **attributes), {"X": x})


def _normalizer(choice: Choice, source: Source) -> Example:
    x = source.rows(WIDTH, choice["dtype"])
    x = x[0] if choice["axes"] == 1 else x
    attributes = {} if choice["norm"] == "absent" else {"norm": choice["norm"]}
    model = ml_model(
        "Normalizer", {"X": x}, [FLOAT], version=1, shapes={"X": x.shape[:1]} if x.ndim == 1 else None, **attributes
    )
    # Sums of numbers of one sign in two orders, a division and a root: a rounding each.
    bound = 0.0 if choice["norm"] in {"absent", "MAX"} else 2 * (WIDTH + 1) * EPS
    return Example(model, {"X": x}, bound, rows=(1, 0) if x.ndim > 1 else ())


def _one_hot_encoder(choice: Choice, source: Source) -> Example:
    text = choice["dtype"] == "string"
    x = source.rows(WIDTH, choice["dtype"], ties=[1.0, 2.0])
    categories = {"cats_strings": list(WORDS)} if text else {"cats_int64s": [0, 1, -1, 2, 1]}
    if choice["zeros"] == 0 and not text:  # onnxruntime stops at an unknown category
        x = source.rng.choice([0, 1, -1, 2], x.shape).astype(x.dtype)
    zeros = {} if choice["zeros"] == "absent" else {"zeros": choice["zeros"]}
    return Example(ml_model("OneHotEncoder", {"X": x}, [FLOAT], version=1, **categories, **zeros), {"X": x})


def _scaler(choice: Choice, source: Source) -> Example:
    count = 1 if choice["scale"] == "one" else WIDTH
    attributes = {name: source.rng.normal(size=count).astype(np.float32).tolist() for name in ("offset", "scale")}
    x = source.rows(WIDTH, choice["dtype"], ties=attributes["offset"])
    x = x[0] if choice["axes"] == 1 else x
    shapes = {"X": x.shape[:1]} if x.ndim == 1 else None
    model = ml_model("Scaler", {"X": x}, [FLOAT], version=1, shapes=shapes, **attributes)
    return Example(model, {"X": x}, rows=(1, 0) if x.ndim > 1 else ())


OPERATORS = (
    Operator(
        "ArrayFeatureExtractor",
        {"version": [1], "dtype": [*NUMBERS, "string"], "axes": [2, 1, 3], "indices": ["one", "some", "input"]},
        _array_feature_extractor,
    ),
    Operator("Binarizer", {"version": [1], "dtype": NUMBERS, "threshold": ["absent", "given"]}, _binarizer),
    Operator(
        "FeatureVectorizer",
        {"version": [1], "dtype": NUMBERS, "inputs": [1, 2], "widths": ["equal", "cut", "filled", "none of the first"]},
        _feature_vectorizer,
        lambda choice: choice["inputs"] == 2 or choice["widths"] != "none of the first",
    ),
    Operator(
        "Imputer",
        {
            "version": [1],
            "dtype": NUMBERS,
            "imputed": ["one", "each", "another number"],
            "replaced": ["absent", "number", "nan", "infinity"],
        },
        _imputer,
        lambda choice: choice["dtype"].startswith("float") or choice["replaced"] in {"absent", "number"},
    ),
    Operator(
        "Normalizer",
        {"version": [1], "dtype": NUMBERS, "norm": ["absent", "MAX", "L1", "L2"], "axes": [2, 1]},
        _normalizer,
    ),
    Operator(
        "OneHotEncoder", {"version": [1], "dtype": [*NUMBERS, "string"], "zeros": ["absent", 1, 0]}, _one_hot_encoder
    ),
    Operator("Scaler", {"version": [1], "dtype": NUMBERS, "scale": ["one", "each"], "axes": [2, 1]}, _scaler),
)
