"""Where onnxruntime-gpu 1.31.1 puts a node: `kernels.txt` lists its kernels, by operator, version and dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import onnx

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Place = Literal["CUDA", "CPU", "no kernel", "not measured"]
"""CPU: silently on the CPU provider, with a copy there and back."""

HOST_OPERATORS = frozenset({"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"})
"""Operators of `ai.onnx` that only a host can run, whatever the dtype."""

NEEDS_CUDNN = frozenset({"ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "Einsum"})
"""Placed on CUDA, but failing there at run where cuDNN is not installed."""

_MAIN_INPUT = {"Where": 1, "OneHot": 2}
"""The input whose dtype is shown for a node, where it is not the first."""

_SHORT = {
    "FLOAT16": "f16", "FLOAT": "f32", "DOUBLE": "f64", "BFLOAT16": "bf16", "BOOL": "bool", "STRING": "str",
    "INT8": "i8", "INT16": "i16", "INT32": "i32", "INT64": "i64",
    "UINT8": "u8", "UINT16": "u16", "UINT32": "u32", "UINT64": "u64",
}  # fmt: skip

Kernel = Mapping[str, frozenset[str]]
"""The dtypes that a kernel takes for each type parameter of its operator."""


@dataclass(frozen=True)
class Use:
    """What decides where a node runs.

    Attributes
    ----------
    domain, op_type
        Of the operator; the main domain is "".
    opset
        The version of the domain that the model imports.
    inputs, outputs
        Short dtypes, "?" where not known, "" for an input or output that is left out.
    takes_last_index
        Whether ArgMax or ArgMin asks for the last of equal numbers, which CUDA has no kernel for.
    """

    domain: str
    op_type: str
    opset: int
    inputs: Sequence[str]
    outputs: Sequence[str] = ()
    takes_last_index: bool = False

    @staticmethod
    def of(node: onnx.NodeProto, opset: int, dtype_of: Callable[[str], str]) -> Use:
        """Return the use that `node` makes of its operator; `dtype_of` gives the short dtype of a value by its name."""
        last = any(a.name == "select_last_index" and a.i for a in node.attribute)
        inputs, outputs = ([dtype_of(name) if name else "" for name in names] for names in (node.input, node.output))
        return Use("" if node.domain == "ai.onnx" else node.domain, node.op_type, opset, inputs, outputs, last)

    @property
    def main_dtype(self) -> str:
        """The dtype that says most about the node; "?" where it is not known."""
        main = _MAIN_INPUT.get(self.op_type, 0)
        dtypes = self.inputs[main:] or self.outputs
        return dtypes[0] if dtypes else "?"

    @property
    def is_on_text(self) -> bool:
        """Whether the node reads or writes text, or is a step of text processing."""
        is_host = self.domain == "" and self.op_type in HOST_OPERATORS
        return is_host or "str" in self.inputs or "str" in self.outputs


def short_dtype(elem_type: int) -> str:
    """Return the short name of an ONNX element type: "f32", "i64", "bool", ...; "?" where it is not known."""
    known = elem_type in onnx.TensorProto.DataType.values()
    return _SHORT.get(onnx.TensorProto.DataType.Name(elem_type), "?") if known else "?"


def place(use: Use) -> Place:
    """Return where a node runs on a machine with CUDA."""
    if use.domain == "ai.onnx.ml":
        return "CUDA" if use.op_type == "LabelEncoder" and not use.is_on_text else "CPU"
    if use.is_on_text or (use.domain == "" and use.op_type == "Constant"):
        # onnxruntime makes an initializer of a Constant, where it is needed.
        return "CPU" if use.is_on_text else "CUDA"
    schema = _schema(use.op_type, use.opset) if use.domain == "" else None
    if schema is None or (use.op_type, schema.since_version) not in _kernels():
        return "not measured"
    cuda, cpu = _kernels()[use.op_type, schema.since_version]
    found = _dtypes_by_parameter(use, schema)
    taken = _is_taken(cuda, found)
    if taken is None:
        return "not measured"
    if taken and not use.takes_last_index:
        return "CUDA"
    # Without a kernel for float16, onnxruntime computes in float32, on the CPU.
    cast = [(name, "f32" if dtype == "f16" else dtype) for name, dtype in found]
    has_none = _is_taken(cpu, found) is _is_taken(cpu, cast) is False
    return "no kernel" if has_none else "CPU"


def _is_taken(kernels: Sequence[Kernel], found: Sequence[tuple[str, str]]) -> bool | None:
    """Return whether one of the kernels takes these dtypes; None where that depends on a dtype that is not known."""
    known = [(name, dtype) for name, dtype in found if dtype != "?"]
    fitting = [k for k in kernels if all(name not in k or dtype in k[name] for name, dtype in known)]
    unknown = {name for name, dtype in found if dtype == "?"}
    if any(not unknown & k.keys() for k in fitting):
        return True
    return None if fitting else False


def _dtypes_by_parameter(use: Use, schema: onnx.defs.OpSchema) -> list[tuple[str, str]]:
    """Return the dtypes of a node's values, each under the names that kernels have for them: parameter, and value."""
    found = []
    for formal, dtypes in ((schema.inputs, use.inputs), (schema.outputs, use.outputs)):
        for i, dtype in enumerate(dtypes if formal else ()):
            parameter = formal[min(i, len(formal) - 1)]  # the last one may stand for many
            if dtype:
                found += [(parameter.type_str, dtype), (parameter.name, dtype)]
    return found


@cache
def _schema(op_type: str, opset: int) -> onnx.defs.OpSchema | None:
    try:
        return onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return None


@cache
def _kernels() -> dict[tuple[str, int], tuple[list[Kernel], list[Kernel]]]:
    """Return, by operator and the version it has since, its kernels on CUDA and on the CPU."""
    table = {}
    for line in files("bridge").joinpath("kernels.txt").read_text("utf-8").splitlines():
        operator, cuda, cpu = line.split(" | ")
        op_type, versions = operator.split()
        for version in versions.split(","):
            table[op_type, int(version)] = _parse(cuda), _parse(cpu)
    return table


def _parse(written: str) -> list[Kernel]:
    kernels = [] if written == "-" else written.split("; ")
    return [
        {name: frozenset(dtypes.split(",")) for name, _, dtypes in (p.partition("=") for p in k.split())}
        if k != "any"
        else {}
        for k in kernels
    ]
