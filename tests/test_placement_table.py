from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from bridge.placement import Use, place, short_dtype

OPSET = 21


@pytest.mark.parametrize(
    ("operator", "dtypes", "attributes", "expected"),
    [
        ("MatMul", ["f64", "f64"], {}, "CUDA"),
        ("MatMul", ["i64", "i64"], {}, "CPU"),
        ("Where", ["bool", "f32", "f32"], {}, "CUDA"),
        ("Where", ["bool", "bool", "bool"], {}, "no kernel"),
        ("GatherND", ["i32", "i64"], {}, "CPU"),
        ("Clip", ["i32"], {}, "CPU"),
        ("Clip", ["i64", "", "i64"], {}, "CUDA"),
        ("OneHot", ["i64", "i64", "f32"], {}, "CUDA"),
        ("OneHot", ["f32", "i64", "i64"], {}, "CPU"),
        ("OneHot", ["i64", "i64", "f64"], {}, "no kernel"),
        ("ArgMax", ["f32"], {}, "CUDA"),
        ("ArgMax", ["f32"], {"select_last_index": 1}, "CPU"),
        ("Asin", ["f32"], {}, "CPU"),
        ("Asin", ["f16"], {}, "CPU"),
        ("Asin", ["?"], {}, "CPU"),
        ("Concat", ["f32", "f32", "f32"], {}, "CUDA"),
        ("Equal", ["str", "str"], {}, "CPU"),
        ("Add", ["?", "?"], {}, "not measured"),
        ("Mish", ["f32"], {}, "not measured"),
    ],
)
def test_place_by_operator_and_dtype(operator, dtypes, attributes, expected):
    names = [f"v{i}" if dtype else "" for i, dtype in enumerate(dtypes)]
    node = helper.make_node(operator, names, ["out"], **attributes)
    known = {**dict(zip(names, dtypes, strict=True)), "out": "?"}
    known["out"] = {"ArgMax": "i64", "Equal": "bool"}.get(operator, known[names[-1]])

    assert place(Use.of(node, OPSET, known.__getitem__)) == expected


@pytest.mark.parametrize(("opset", "expected"), [(13, "CUDA"), (21, "CUDA"), (22, "CPU")])
def test_place_depends_on_the_version_of_the_operator(opset, expected):
    assert place(Use("", "Elu", opset, ["f32"], ["f32"])) == expected


@pytest.mark.parametrize(("dtype", "expected"), [("i64", "CUDA"), ("str", "CPU")])
def test_numeric_label_encoder_alone_of_the_ml_operators_is_on_cuda(dtype, expected):
    assert place(Use("ai.onnx.ml", "LabelEncoder", 4, [dtype], ["i64"])) == expected


def test_ml_operators_are_on_the_cpu():
    assert place(Use("ai.onnx.ml", "Scaler", 1, ["f32"], ["f32"])) == "CPU"


def test_short_dtype():
    assert [short_dtype(t) for t in (TensorProto.FLOAT, TensorProto.BOOL, TensorProto.UNDEFINED)] == [
        "f32",
        "bool",
        "?",
    ]
