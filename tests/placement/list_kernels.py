"""List which kernels onnxruntime-gpu has for `ai.onnx`: the table that `bridge.placement` reads.

    python tests/placement/list_kernels.py >bridge/kernels.txt

One line an operator and versions: kernels on CUDA | kernels on the CPU; "-" is none. A kernel takes, for each of its
type parameters, the dtypes listed; ";" parts kernels. onnxruntime tells it only where the libraries of all its GPU
providers load, so stand-ins for those of TensorRT are built too (see `build_stub`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import build_stub

DTYPES = {
    "float16": "f16", "float": "f32", "double": "f64", "bfloat16": "bf16", "int8": "i8", "uint8": "u8", "int16": "i16",
    "uint16": "u16", "int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64", "bool": "bool", "string": "str",
}  # fmt: skip
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
OPEN_END = 2**31 - 1
TENSORRT = (
    build_stub.Library("libnvinfer.so.10", "createInfer|getInfer|getPlugin|initLibNv"),
    build_stub.Library("libnvonnxparser.so.10", "createNvOnnx"),
    build_stub.Library("libcudnn.so.9", "cudnn"),
)

Kernel = dict[str, frozenset[str]]
"""Type parameter to dtypes."""


def list_kernels() -> list[str]:
    """Return the lines of the table."""
    from onnxruntime.capi import onnxruntime_pybind11_state as ort

    kernels: dict[tuple[str, str], list[tuple[int, int, Kernel]]] = defaultdict(list)
    for kernel in ort.get_all_opkernel_def():
        if kernel.domain == "":
            start, end = kernel.version_range
            types = {name: _short(dtypes) for name, dtypes in kernel.type_constraints.items()}
            if all(types.values()):
                kernels[kernel.provider, kernel.op_name].append((start, end, types))
    versions = defaultdict(set)
    for schema in ort.get_all_operator_schema():
        if schema.domain == "":
            versions[schema.name].add(schema.since_version)
    lines = []
    for op_type in sorted({name for provider, name in kernels if provider in PROVIDERS}):
        grouped: dict[str, list[str]] = defaultdict(list)
        for version in sorted(versions[op_type]):
            columns = [_written(_matching(kernels[provider, op_type], version)) for provider in PROVIDERS]
            grouped[" | ".join(columns)].append(str(version))
        lines += [f"{op_type} {','.join(since)} | {columns}" for columns, since in grouped.items()]
    return lines


def _short(types: list[str]) -> frozenset[str]:
    return frozenset(DTYPES[name] for t in types if (name := t.removeprefix("tensor(").removesuffix(")")) in DTYPES)


def _matching(kernels: list[tuple[int, int, Kernel]], version: int) -> list[Kernel]:
    """Return the kernels for a version; one without an end serves only the version that it was written for."""
    return [k for start, end, k in kernels if start == version or (start < version <= end != OPEN_END)]


def _written(kernels: list[Kernel]) -> str:
    merged: list[Kernel] = []
    for each in kernels:
        kernel = each
        while (other := next((m for m in merged if _differing(m, kernel) is not None), None)) is not None:
            merged.remove(other)
            kernel = {name: dtypes | other[name] for name, dtypes in kernel.items()}
        merged.append(kernel)
    written = [" ".join(f"{n}={','.join(d for d in DTYPES.values() if d in k[n])}" for n in sorted(k)) for k in merged]
    return "; ".join(sorted(w or "any" for w in written)) or "-"


def _differing(a: Kernel, b: Kernel) -> int | None:
    """Return in how many parameters two kernels differ where they can be written as one, else None."""
    differing = sum(a[name] != b[name] for name in a) if a.keys() == b.keys() else 2
    return differing if differing < 2 else None


def main() -> None:
    """Build the stand-ins and print the table from a process that loads them."""
    provider = build_stub.find_cuda_provider()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_stub.build_stub(folder)
        needed = build_stub.undefined_symbols(provider.with_name("libonnxruntime_providers_tensorrt.so"))
        for library in TENSORRT:
            build_stub.compile_library(library, folder, include=build_stub.find_cuda_headers(), needed=needed)
        environment = {**os.environ, "LD_LIBRARY_PATH": name}
        command = [sys.executable, "-c", "import list_kernels; print(*list_kernels.list_kernels(), sep='\\n')"]
        subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parent)


if __name__ == "__main__":
    main()
