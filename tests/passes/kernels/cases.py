"""One-node models of the main domain that onnxruntime places on the CPU, by operator and dtype."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from tests.passes.judge import element

if TYPE_CHECKING:
    from collections.abc import Iterator

NAN, INF = np.nan, np.inf
ULP = 2.0**-23
"""The spacing of float32 below 2, relative to its numbers."""

FLOATS = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.03, 0.03125, 1e-5, 0.99, -0.9999, 3.5, -20.0, 88.0, 1e20, NAN, INF, -INF]
)
SPREAD = np.concatenate([np.linspace(-4, 4, 161), np.geomspace(1e-30, 1e30, 61), -np.geomspace(1e-30, 1e30, 61)])


@dataclass(frozen=True)
class Case:
    """An operator on inputs; `tolerance` is relative and absolute, 0 asks for the same bits."""

    op_type: str
    feeds: dict[str, np.ndarray]
    attributes: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0
    opset: int = 21
    outputs: int = 1
    constants: tuple[str, ...] = ()
    note: str = ""

    def __str__(self):
        dtypes = "-".join(x.dtype.name for x in self.feeds.values())
        return " ".join(filter(None, [self.op_type, str(self.opset), dtypes, self.note]))

    def model(self) -> onnx.ModelProto:
        """Return the model: the first dimension of what it computes with is free."""
        names = [f"Y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op_type, list(self.feeds), names, name="the_node", **self.attributes)
        inputs, initializers = [], []
        for name, x in self.feeds.items():
            if name in self.constants:
                initializers.append(onnx.numpy_helper.from_array(x, name))
            else:
                inputs.append(helper.make_tensor_value_info(name, element(x), [None, *x.shape[1:]] if x.ndim else []))
        graph = helper.make_graph(
            [node], "g", inputs, [helper.make_value_info(n, onnx.TypeProto()) for n in names], initializers
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)

    def counts(self) -> tuple[int | None, ...]:
        """Return how many rows to compare.

        No rows fail in onnxruntime where an axis is negative, which is then kept, and end the process in its Einsum of
        batches.
        """
        axes = [
            self.attributes.get("axis", 0),
            *self.attributes.get("axes", []),
            *self.feeds.get("A", np.zeros(1)).flat,
        ]
        is_negative = self.op_type.startswith(("Arg", "Reduce")) and min(axes) < 0
        is_batched = self.op_type == "Einsum" and any(x.ndim > 2 for x in self.feeds.values())
        return (None, 1) if is_negative or is_batched else (None, 1, 0)

    def fed(self, rows: int | None = None) -> dict[str, np.ndarray]:
        """Return the inputs that are no constants, or their first rows."""
        return {name: x[:rows] if x.ndim else x for name, x in self.feeds.items() if name not in self.constants}


def integers(dtype: Any, shape: tuple[int, ...], *, seed: int = 0) -> np.ndarray:
    """Return integers of the whole range, its ends, small ones and ties among them."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype) == bool:
        return rng.random(shape) < 0.5
    limits = np.iinfo(dtype)
    whole = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    small = rng.integers(0, 5, shape).astype(dtype)
    ends = np.where(rng.random(shape) < 0.5, np.array(limits.min, dtype), np.array(limits.max, dtype))
    kind = rng.integers(0, 3, shape)
    return np.where(kind == 0, whole, np.where(kind == 1, small, ends)).astype(dtype)


def small(dtype: Any, shape: tuple[int, ...], *, least: int = -9, seed: int = 0) -> np.ndarray:
    least = 0 if np.issubdtype(dtype, np.unsignedinteger) else least
    return np.random.default_rng(seed).integers(least, 10, shape).astype(dtype)


def cases() -> Iterator[Case]:
    yield from _by_casts()
    yield from _by_reductions()
    yield from _by_products()
    yield from _by_extremes()
    yield from _by_selection()
    yield from _quantized()
    yield from _by_bits()
    yield from _by_formulas()


def _by_casts() -> Iterator[Case]:
    yield from _small_integers()
    yield from _moved()
    for dtype in (np.int32, np.uint32):
        bounds = {"L": np.array(3, dtype), "H": np.array(2**31 - 1, dtype)}
        x = {"X": integers(dtype, (7, 4))}
        yield Case("Clip", {**x, **bounds}, constants=("L", "H"))
        yield Case("Clip", {**x, "L": np.array(5, dtype), "H": np.array(4, dtype)}, constants=("L",), note="crossed")
        yield Case("Clip", {**x, "L": np.array(5, dtype)}, note="low")
    for dtype in (np.int8, np.int32):
        yield Case("Relu", {"X": integers(dtype, (7, 4))})


def _small_integers() -> Iterator[Case]:
    for dtype in (np.int8, np.uint8, np.int16, np.uint16):
        pair = {"A": integers(dtype, (7, 4)), "B": integers(dtype, (7, 4), seed=1)}
        for op_type in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
            yield Case(op_type, pair)
        divisor = np.where(pair["B"] == 0, 3, pair["B"]).astype(dtype)
        for fmod in (0, 1):
            yield Case("Mod", {"A": pair["A"], "B": divisor}, {"fmod": fmod}, note=f"fmod {fmod}")
        if dtype in (np.int8, np.uint8):
            yield Case("Max", {**pair, "C": integers(dtype, (4,), seed=2)}, constants=("C",))
            yield Case("Min", pair)
            for op_type in ("DepthToSpace", "SpaceToDepth"):
                yield Case(op_type, {"X": integers(dtype, (2, 4, 2, 2))}, {"blocksize": 2})


def _moved() -> Iterator[Case]:
    for dtype in (np.int8, np.uint32):
        condition = integers(bool, (7, 4))
        yield Case(
            "Where", {"C": condition, "A": integers(dtype, (7, 4)), "B": integers(dtype, (1, 4))}, constants=("B",)
        )
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.uint64):
        index = np.array([[1], [0], [-1], [2], [1]])
        yield Case("GatherND", {"X": integers(dtype, (5, 3)), "I": index}, {"batch_dims": 1})
    for dtype in (bool, np.int8, np.uint8, np.int16, np.uint16, np.uint32, np.uint64):
        yield Case("Tile", {"X": integers(dtype, (5, 3)), "R": np.array([1, 2])}, constants=("R",))
    for op_type in ("ReduceMax", "ReduceMin"):
        yield Case(op_type, {"X": integers(bool, (6, 3)), "A": np.array([1])}, {"keepdims": 0}, constants=("A",))


def _by_reductions() -> Iterator[Case]:
    for dtype in (np.int32, np.int64):
        x = small(dtype, (6, 4, 3))
        for op_type in ("ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"):
            values = np.abs(x) + 1 if op_type == "ReduceLogSum" else x
            yield Case(op_type, {"X": values, "A": np.array([1, 2])}, {"keepdims": 0}, constants=("A",))
            yield Case(op_type, {"X": values}, {"axes": [1]}, opset=13)
            yield Case(op_type, {"X": values}, note="of all")
    for op_type in ("ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2"):
        yield Case(op_type, {"X": small(np.int64, (6, 4, 3)), "A": np.array([-1])}, constants=("A",))
        yield Case(op_type, {"X": small(np.int64, (6, 4))}, {"axes": [1], "keepdims": 0}, opset=13)
        yield Case(
            op_type, {"X": integers(np.int64, (6, 1)) // 2**11, "A": np.array([1])}, constants=("A",), note="of one"
        )


def by_cudnn() -> Iterator[Case]:
    """Yield what onnxruntime places on CUDA, where it runs by cuDNN alone: integers in float32."""
    rows = np.array(
        [[1.0, NAN, 2.0], [INF, 1.0, -1.0], [-INF] * 3, [NAN, 1.0, 2.0], [0.0, -0.0, 0.0], [1e30, 3.0, -5.0]]
    )
    for dtype in (np.float32, np.float64):
        eps = 8 * float(np.finfo(dtype).eps)
        x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(dtype)
        for op_type in ("ReduceMax", "ReduceMin"):
            yield Case(op_type, {"X": x, "A": np.array([1])}, {"keepdims": 0}, constants=("A",))
            yield Case(op_type, {"X": x}, {"axes": [-1, 1]}, opset=13)
        for op_type in ("ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceProd"):
            yield Case(op_type, {"X": x, "A": np.array([1, 2])}, {"keepdims": 0}, eps, constants=("A",))
            yield Case(op_type, {"X": x}, {"axes": [-1]}, eps, opset=13)
            yield Case(op_type, {"X": rows.astype(dtype)[:, :]}, {"axes": [1]}, eps, opset=13, note="special")
        yield Case("ReduceMean", {"X": x, "A": np.array([1])}, {}, eps, constants=("A",))
        for op_type in ("ArgMax", "ArgMin"):
            yield Case(op_type, {"X": np.round(x)}, {"axis": 1, "keepdims": 0})
            yield Case(op_type, {"X": np.round(x)}, {"axis": -2})
    yield from _einsums()
    yield Case("ReduceMax", {"X": rows.astype(np.float32)}, {"axes": [1]}, opset=13, note="special")
    for dtype in (np.int32, np.int64):
        x = integers(dtype, (6, 4, 3))
        yield Case("ReduceSum", {"X": x // 8, "A": np.array([1])}, constants=("A",), tolerance=2.0**-50)
        for op_type in ("ReduceMax", "ReduceMin"):
            yield Case(op_type, {"X": x}, {"axes": [1], "keepdims": 0}, opset=13)
            yield Case(op_type, {"X": x[..., 0], "A": np.array([-1])}, constants=("A",))
    for op_type in ("ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2"):
        yield Case(op_type, {"X": small(np.int32, (6, 4, 3)), "A": np.array([1])}, constants=("A",))


def _einsums() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    lengths = {"b": 5, "i": 5, "j": 4, "k": 3, "l": 2}
    for equation in (
        "ij,jk->ik", "ij,kj->ki", "ij, jk", "bij,bjk->bik", "i,j->ij", "ij,ij->i", "bi,bj->bij", "ij,k->i", "ij->i",
        "bijl,bljk->blik", "bij->jb", "bij,bkj->bik", "bji,bjk->bki",
    ):  # fmt: skip
        terms = equation.partition("->")[0].replace(" ", "").split(",")
        feeds = {
            name: rng.normal(size=[lengths[label] for label in term]) for name, term in zip("AB", terms, strict=False)
        }
        constants = ("B",) if len(terms) > 1 and terms[1][0] not in "bi" else ()
        yield Case("Einsum", feeds, {"equation": equation}, 1e-14, constants=constants, note=equation)


def _by_products() -> Iterator[Case]:
    for dtype in (np.int32, np.uint32, np.int64, np.uint64):
        x, weights = integers(dtype, (5, 4)), integers(dtype, (4, 3), seed=1)
        yield Case("MatMul", {"A": x, "B": weights}, constants=("B",))
        yield Case("MatMul", {"A": x, "B": small(dtype, (4, 3))}, constants=("B",), note="small")
        yield Case("MatMul", {"A": x, "B": np.zeros((4, 3), dtype)}, constants=("B",), note="by zero")
        yield Case("MatMul", {"A": integers(dtype, (5, 2, 4)), "B": integers(dtype, (5, 4, 3))}, note="of batches")
    for dtype in (np.int32, np.int64):
        x = integers(dtype, (5, 4))
        yield Case(
            "Einsum", {"A": x, "B": integers(dtype, (3, 4), seed=1)}, {"equation": "ij,kj->ik"}, constants=("B",)
        )
    for left in (np.uint8, np.int8):
        for right in (np.uint8, np.int8):
            feeds = {"A": integers(left, (5, 4)), "B": integers(right, (4, 3))}
            if left != np.int8 or right != np.int8:
                zeros = {"Z": np.array(3, left), "W": np.array([1, 2, 3], right)}
                yield Case("MatMulInteger", {**feeds, **zeros}, constants=("B", "Z", "W"))
                yield Case("MatMulInteger", feeds, constants=("B",), note="no zeros")


def _by_extremes() -> Iterator[Case]:
    for op_type in ("ArgMax", "ArgMin"):
        for dtype in (np.int8, np.uint8, np.int32, np.int64):
            x = integers(dtype, (9, 5))
            yield Case(op_type, {"X": x}, {"axis": 1, "keepdims": 0})
            yield Case(op_type, {"X": x}, {"axis": -1, "select_last_index": 1}, note="last")
        close = 2**62 + small(np.int64, (9, 5))
        yield Case(op_type, {"X": close}, {"axis": 1}, note="equal in float64")
        yield Case(op_type, {"X": -close}, {"axis": 1}, note="negative, equal in float64")
        ties = np.random.default_rng(0).choice([0.0, -0.0, 1.0, INF, -INF], (30, 4))
        for dtype in (np.float32, np.float64):
            yield Case(op_type, {"X": ties.astype(dtype)}, {"axis": 1, "select_last_index": 1}, note="last")
        mixed = np.array([[NAN, 1, 1], [NAN, NAN, NAN], [1, NAN, 1], [2, 1, NAN]], np.float32)
        yield Case(op_type, {"X": mixed}, {"axis": 1, "select_last_index": 1}, note="last, NaN")


def _by_selection() -> Iterator[Case]:
    depth, pads = np.array([4]), np.array([0, 1, 0, 2])
    index = np.array([[0, 3], [-1, 4], [-4, -5]])
    fractions = np.array([[0.0, 3.0], [-1.0, 1.5], [np.inf, -2.0]], np.float32)
    for given, values in (
        (index, np.array([2, 7], np.int32)),
        (fractions, np.array([2, 7])),
        (fractions, np.array([0.5, 7.5], np.float32)),
        (index.astype(np.int32), np.array([0.5, 7.5], np.float32)),
    ):
        count = depth.astype(np.float32) if values.dtype in (np.float32, np.int32) else depth
        yield Case("OneHot", {"I": given, "D": count, "V": values}, {"axis": 1}, constants=("D", "V"))
    for dtype in (np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64):
        feeds = {"X": integers(dtype, (4, 3)), "P": pads}
        yield Case("Pad", {**feeds, "V": np.array(np.iinfo(dtype).max, dtype)}, constants=("P", "V"))
        yield Case("Pad", feeds, {"mode": "reflect"}, constants=("P",), note="reflect")
        yield Case("Pad", feeds, {"mode": "edge"}, opset=13, constants=("P",))


def _quantized() -> Iterator[Case]:
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    for values, note in ((x, "both signs"), (np.abs(x) + 1, "positive"), (-np.abs(x), "negative"), (0 * x, "zeros")):
        yield Case("DynamicQuantizeLinear", {"X": values}, outputs=3, opset=13, note=note)
    sums = {"X": integers(np.int32, (7, 4)), "S": np.array(0.1, np.float32)}
    yield Case("DequantizeLinear", sums, constants=("S",))
    yield Case("DequantizeLinear", {**sums, "Z": np.array(0, np.int32)}, opset=13, constants=("S", "Z"))


def _by_bits() -> Iterator[Case]:
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        pair = {"A": integers(dtype, (7, 4)), "B": integers(dtype, (4,), seed=1)}
        for op_type in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
            yield Case(op_type, pair, constants=("B",))
        yield Case("BitwiseNot", {"A": pair["A"]})
    for dtype in (np.uint8, np.uint32, np.uint64):
        bits = 8 * np.dtype(dtype).itemsize
        by = np.array([0, 1, bits - 1, bits], dtype)
        for direction in ("LEFT", "RIGHT"):
            feeds = {"A": integers(dtype, (7, 4)), "B": by}
            yield Case("BitShift", feeds, {"direction": direction}, constants=("B",), note=direction)


def _by_formulas() -> Iterator[Case]:
    x = np.concatenate([FLOATS, SPREAD]).astype(np.float32)[:, None]
    # onnxruntime's own float32 functions are some units off; ours are the true values, rounded.
    for op_type in ("Tan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Asin", "Acos", "Atan"):
        given = x[np.abs(x[:, 0]) < 1e4] if op_type == "Tan" else x
        yield Case(op_type, {"X": given}, tolerance=4 * ULP, opset=22)
    yield Case("Atan", {"X": x[np.abs(x[:, 0]) < 6e4].astype(np.float16)}, tolerance=2.0**-10)
    yield Case("Celu", {"X": x}, {"alpha": 2.0}, tolerance=4 * ULP)
    rows = np.resize(FLOATS, (40, 3)).astype(np.float32)
    for axis in (1, -1):
        yield Case("Hardmax", {"X": rows}, {"axis": axis}, note=f"axis {axis}")
    yield Case("Hardmax", {"X": rows[None, :20]}, {"axis": 1}, note="of columns")
    yield Case("Mean", {"A": rows, "B": rows[::-1], "C": rows[:, :1]}, tolerance=2 * ULP)
    table = np.random.default_rng(0).normal(3, 2, (6, 5)).astype(np.float32)
    yield Case("MeanVarianceNormalization", {"X": table}, {"axes": [1]}, tolerance=32 * ULP)
    lengths = np.concatenate([np.resize(FLOATS, (40, 3)), np.zeros((1, 3))])
    for p in (1, 2):
        yield Case("LpNormalization", {"X": lengths}, {"axis": 1, "p": p}, tolerance=1e-15, note=f"p {p}")


def of_new_versions() -> Iterator[Case]:
    """Yield operators whose newest version CUDA has no kernel for."""
    rows = np.resize(FLOATS, (40, 3)).astype(np.float32)
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    for op_type in ("Elu", "Selu", "ThresholdedRelu"):
        yield Case(op_type, {"X": rows}, opset=22)
    yield Case("Dropout", {"X": rows}, opset=22, outputs=2)
    yield Case("EyeLike", {"X": rows}, opset=22)
    yield Case("MaxPool", {"X": images}, {"kernel_shape": [2, 2]}, opset=22)
