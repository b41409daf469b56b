"""Where onnxruntime-gpu 1.31.1 puts a node, by operator and dtype of its main input (measured at opset 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import onnx

if TYPE_CHECKING:
    from collections.abc import Callable

Place = Literal["CUDA", "CPU", "no kernel", "not measured"]
"""CPU: silently on the CPU provider, with a copy there and back."""

_ALL = "f16 f32 f64 bf16 i8 u8 i16 u16 i32 u32 i64 u64 bool"

_ROWS = (
    # operators, dtypes on CUDA, dtypes on the CPU; other dtypes have no kernel
    ("Gather GatherElements Identity Cast ScatterElements ScatterND Concat Slice Reshape Unsqueeze Squeeze", _ALL, ""),
    ("Transpose Flatten Expand Split Trilu", _ALL, ""),
    ("Add Mul Sub Div Abs Sign", "f16 f32 f64 bf16 i8 u8 i16 u16 i32 u32 i64 u64", ""),
    ("Less LessOrEqual Greater GreaterOrEqual", "f16 f32 f64 i32 u32 i64 u64", "i8 u8 i16 u16"),
    ("Equal", "f16 f32 f64 i32 u32 i64 u64 bool", "i8 u8 i16 u16"),
    ("And Or Not", "bool", ""),
    ("Where", "f16 f32 f64 bf16 u8 i32 i64", "i8 u32"),
    ("MatMul", "f16 f32 f64 bf16", "i32 u32 i64 u64"),
    ("Gemm Softmax Sigmoid Erf Exp Sqrt Tanh IsNaN IsInf Sum", "f16 f32 f64 bf16", ""),
    ("LogSoftmax Log Floor Ceil Round Reciprocal Sin Cos Softplus", "f16 f32 f64", ""),
    ("Relu", "f16 f32 f64 bf16", "i8 i32"),
    ("Mod", "f16 f32 f64 bf16 i32 u32 i64 u64", "i8 u8 i16 u16"),
    ("Max Min", "f16 f32 f64 bf16 i32 u32 i64 u64", "i8 u8"),
    ("Pow ReduceSum", "f16 f32 f64 bf16 i32 i64", ""),
    ("Neg", "f16 f32 f64 bf16 i8 i16 i32 i64", ""),
    ("ReduceMean", "f16 f32 f64 bf16 i32", "i64"),
    ("ReduceMax ReduceMin", "f16 f32 f64 i8 u8 i32 i64", "bool"),
    ("ReduceProd ReduceL1 ReduceL2", "f16 f32 f64 i32", "i64"),
    ("ReduceLogSumExp ReduceSumSquare Einsum", "f16 f32 f64", "i32 i64"),
    ("ArgMax", "f16 f32 f64", "i8 u8 i32 i64"),
    ("TopK", "f16 f32 f64 i8 u8 i16 i32 i64", ""),
    ("CumSum", "f16 f32 f64 i32 u32 i64 u64", ""),
    ("Clip", "f16 f32 f64 i8 u8 i64 u64", "i32 u32"),
    ("GatherND", "f16 f32 f64 bf16 i64 bool", "i8 u8 i16 u16 i32 u32 u64"),
    ("Tile", "f16 f32 f64 bf16 i32 i64", "i8 u8 i16 u16 u32 u64 bool"),
    ("OneHot", "f16 f32 i64", ""),  # of its values; the indices are i64
    ("NonZero", "f16 f32 u8 i32 i64 bool", ""),
    ("Compress", "f16 f32 f64 i8 u8 i16 u16 i32 u32 i64 u64 bool", ""),
    ("Range", "f32 f64 i16 i32 i64", ""),
    ("LpNormalization", "f16 f32", "f64"),
    ("Pad", "f16 f32 f64 bool", "i8 u8 i32 u32 i64 u64"),
    ("MatMulInteger", "i8", "u8"),
    ("BitwiseAnd BitwiseOr BitwiseXor", "", "i8 u8 i16 u16 i32 u32 i64 u64"),
    ("BitShift", "", "u8 u32 u64"),
)

NEEDS_CUDNN = frozenset({"ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "Einsum"})
"""Placed on CUDA, but failing there at run where cuDNN is not installed."""

_MAIN_INPUT = {"Where": 1, "OneHot": 2}
"""The input whose dtype decides, where it is not the first."""

_SHORT = {
    "FLOAT16": "f16", "FLOAT": "f32", "DOUBLE": "f64", "BFLOAT16": "bf16", "BOOL": "bool", "STRING": "str",
    "INT8": "i8", "INT16": "i16", "INT32": "i32", "INT64": "i64",
    "UINT8": "u8", "UINT16": "u16", "UINT32": "u32", "UINT64": "u64",
}  # fmt: skip

_TABLE = {name: (cuda.split(), cpu.split()) for names, cuda, cpu in _ROWS for name in names.split()}


def short_dtype(elem_type: int) -> str:
    """Return the short name of an ONNX element type: "f32", "i64", "bool", ...; "?" where it is not known."""
    return _SHORT.get(onnx.TensorProto.DataType.Name(elem_type), "?") if elem_type else "?"


def main_dtype(node: onnx.NodeProto, dtype_of: Callable[[str], str]) -> str:
    """Return the short dtype of the input that decides about the kernel; "?" where it is not known."""
    main = _MAIN_INPUT.get(node.op_type, 0)
    return dtype_of(node.input[main]) if main < len(node.input) else "?"


def place(node: onnx.NodeProto, dtype_of: Callable[[str], str]) -> Place:
    """Return where the node runs on a machine with CUDA.

    Parameters
    ----------
    node
        A node of `ai.onnx` or another domain.
    dtype_of
        Returns the short dtype of a value by its name, "?" where it is not known.
    """
    if node.domain == "ai.onnx.ml":
        numeric = node.op_type == "LabelEncoder" and "str" not in {dtype_of(n) for n in (*node.input, *node.output)}
        return "CUDA" if numeric else "CPU"
    dtype = main_dtype(node, dtype_of)
    if dtype == "str":
        return "CPU"
    if dtype == "?" or node.domain not in {"", "ai.onnx"} or node.op_type not in _TABLE:
        return "not measured"
    cuda, cpu = _TABLE[node.op_type]
    if dtype in cuda and not _takes_last_index(node):
        return "CUDA"
    return "CPU" if dtype in (*cuda, *cpu) else "no kernel"


def _takes_last_index(node: onnx.NodeProto) -> bool:
    return node.op_type == "ArgMax" and any(a.name == "select_last_index" and a.i for a in node.attribute)
