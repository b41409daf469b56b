from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from bridge.placement import place, short_dtype


@pytest.mark.parametrize(
    ("operator", "dtypes", "attributes", "expected"),
    [
        ("MatMul", ["f64", "f64"], {}, "CUDA"),
        ("MatMul", ["i64", "i64"], {}, "CPU"),
        ("Where", ["bool", "f32", "f32"], {}, "CUDA"),
        ("Where", ["bool", "bool", "bool"], {}, "no kernel"),
        ("GatherND", ["i32", "i64"], {}, "CPU"),
        ("Clip", ["i32"], {}, "CPU"),
        ("OneHot", ["i64", "i64", "f32"], {}, "CUDA"),
        ("OneHot", ["i64", "i64", "f64"], {}, "no kernel"),
        ("ArgMax", ["f32"], {}, "CUDA"),
        ("ArgMax", ["f32"], {"select_last_index": 1}, "CPU"),
        ("Equal", ["str", "str"], {}, "CPU"),
        ("Add", ["?", "?"], {}, "not measured"),
        ("Loop", ["i64"], {}, "not measured"),
    ],
)
def test_place_by_operator_and_dtype(operator, dtypes, attributes, expected):
    names = [f"v{i}" for i in range(len(dtypes))]
    node = helper.make_node(operator, names, ["out"], **attributes)

    assert place(node, dict(zip(names, dtypes, strict=True)).__getitem__) == expected


@pytest.mark.parametrize(("dtype", "expected"), [("i64", "CUDA"), ("str", "CPU")])
def test_numeric_label_encoder_alone_of_the_ml_operators_is_on_cuda(dtype, expected):
    node = helper.make_node("LabelEncoder", ["a"], ["b"], domain="ai.onnx.ml")

    assert place(node, {"a": dtype, "b": "i64"}.__getitem__) == expected


def test_ml_operators_are_on_the_cpu():
    assert place(helper.make_node("Scaler", ["a"], ["b"], domain="ai.onnx.ml"), lambda _: "f32") == "CPU"


def test_short_dtype():
    assert [short_dtype(t) for t in (TensorProto.FLOAT, TensorProto.BOOL, TensorProto.UNDEFINED)] == [
        "f32",
        "bool",
        "?",
    ]
