"""Build stand-ins for the CUDA 13 libraries that onnxruntime-gpu loads, so that it places nodes without a GPU.

    python build_stub.py FOLDER
    LD_LIBRARY_PATH=FOLDER python what_opens_a_cuda_session.py

Which provider takes a node, and whether a session opens, then comes from the real onnxruntime. "Device" memory is host
memory and no kernel is ever launched: computed values and times mean nothing. Needs gcc, onnxruntime-gpu and the CUDA
headers: from a CUDA toolkit, or from the wheels nvidia-cuda-runtime and nvidia-cuda-crt.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

CANNOT_BUILD = 77
"""The exit status where this machine lacks something: what test harnesses call "skipped"."""

CUDART = r"""
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>
#undef cudaGetDeviceProperties
typedef cudaError_t E;
typedef cudaStream_t S;
E cudaMalloc(void **p, size_t n) { *p = calloc(1, n ? n : 1); return *p ? 0 : cudaErrorMemoryAllocation; }
E cudaMallocHost(void **p, size_t n) { return cudaMalloc(p, n); }
E cudaHostAlloc(void **p, size_t n, unsigned flags) { return cudaMalloc(p, n); }
E cudaFree(void *p) { free(p); return 0; }
E cudaFreeHost(void *p) { free(p); return 0; }
E cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind k) { memmove(to, from, n); return 0; }
E cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind k, S s) { memmove(to, from, n); return 0; }
E cudaMemset(void *p, int byte, size_t n) { memset(p, byte, n); return 0; }
E cudaMemsetAsync(void *p, int byte, size_t n, S s) { memset(p, byte, n); return 0; }
E cudaMemGetInfo(size_t *unused, size_t *total) { *unused = *total = 80ull << 30; return 0; }
E cudaGetDevice(int *device) { *device = 0; return 0; }
E cudaGetDeviceCount(int *count) { *count = 1; return 0; }
E cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
  memset(p, 0, sizeof *p);
  strcpy(p->name, "stub");
  p->major = 9;
  p->totalGlobalMem = 80ull << 30;
  p->multiProcessorCount = 132;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = 2048;
  p->regsPerBlock = 65536;
  p->sharedMemPerBlock = 49152;
  p->sharedMemPerBlockOptin = 232448;
  p->maxGridSize[0] = p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  return 0;
}
E cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
  *value = attribute == cudaDevAttrMultiProcessorCount ? 132
           : attribute == cudaDevAttrMaxSharedMemoryPerBlockOptin ? 232448 : 0;
  return 0;
}
E cudaGetLastError(void) { return 0; }
E cudaStreamSynchronize(S stream) { return 0; }
E cudaSetDevice(int device) { return 0; }
E cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p) {
  memset(a, 0, sizeof *a);
  a->type = cudaMemoryTypeDevice;
  return 0;
}
E cudaRuntimeGetVersion(int *version) { *version = 13000; return 0; }
E cudaDriverGetVersion(int *version) { *version = 13000; return 0; }
E cudaStreamCreate(S *stream) { *stream = (S)0x1000; return 0; }
E cudaStreamCreateWithFlags(S *stream, unsigned flags) { return cudaStreamCreate(stream); }
E cudaEventCreate(cudaEvent_t *event) { *event = (cudaEvent_t)0x1000; return 0; }
E cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) { return cudaEventCreate(event); }
const char *cudaGetErrorString(E error) { return "stub"; }
const char *cudaGetErrorName(E error) { return "stub"; }
static void *fat_binary[4];
void **__cudaRegisterFatBinary(void *code) { return fat_binary; }
"""
CUBLAS = """
int cublasCreate_v2(void **handle) { *handle = (void *)0x1000; return 0; }
const char *cublasGetStatusName() { return "stub"; }
const char *cublasGetStatusString() { return "stub"; }
"""
CUBLAS_LT = """
int cublasLtCreate(void **handle) { *handle = (void *)0x1000; return 0; }
"""


@dataclass(frozen=True)
class Library:
    """A library to stand in for.

    Attributes
    ----------
    soname
        Its file name.
    symbols
        A pattern for the start of the names that it exports.
    source
        C for the functions that must do something; every other one returns 0, which CUDA calls success.
    """

    soname: str
    symbols: str
    source: str = ""


LIBRARIES = (
    Library("libcudart.so.13", "cuda|__cuda", CUDART),
    Library("libcublasLt.so.13", "cublasLt", CUBLAS_LT),
    Library("libcublas.so.13", "cublas(?!Lt)", CUBLAS),
    Library("libcurand.so.10", "curand"),
    Library("libcuda.so.1", "cu(?![drb])"),
)


class MissingRequirementError(Exception):
    """Something is missing on this machine without which the stub cannot be built."""


def build_stub(folder: Path) -> None:
    """Write every library into `folder`; raises `MissingRequirementError` with what this machine lacks."""
    for tool in ("gcc", "nm"):
        if shutil.which(tool) is None:
            raise MissingRequirementError(f"{tool} is not installed")
    include, needed = find_cuda_headers(), undefined_symbols(find_cuda_provider())
    folder.mkdir(parents=True, exist_ok=True)
    for library in LIBRARIES:
        compile_library(library, folder, include=include, needed=needed)


def find_cuda_provider() -> Path:
    """Return onnxruntime-gpu's own CUDA library."""
    spec = find_spec("onnxruntime")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "capi" / "libonnxruntime_providers_cuda.so"
        if path.exists():
            return path
    raise MissingRequirementError("onnxruntime-gpu is not installed")


def find_cuda_headers() -> Path:
    """Return the folder of the CUDA runtime's headers: $CUDA_INCLUDE, a toolkit's, or the wheels'."""
    candidates = [Path(os.environ["CUDA_INCLUDE"])] if "CUDA_INCLUDE" in os.environ else []
    if nvcc := shutil.which("nvcc"):
        candidates.append(Path(nvcc).resolve().parents[1] / "include")
    candidates += sorted(Path("/usr/local").glob("cuda*/include"))
    candidates += [Path(entry) / "nvidia" / "cu13" / "include" for entry in sys.path]
    for path in candidates:
        if (path / "cuda_runtime_api.h").exists() and (path / "crt" / "host_defines.h").exists():
            return path
    raise MissingRequirementError("there are no CUDA headers: install nvidia-cuda-runtime and nvidia-cuda-crt")


def undefined_symbols(library: Path) -> frozenset[str]:
    """Return the names that a library wants from others."""
    table = _run("nm", "-D", "--undefined-only", library)
    return frozenset(name.split("@")[0] for name in re.findall(r"\bU (\S+)", table))


def compile_library(library: Library, folder: Path, *, include: Path, needed: frozenset[str]) -> None:
    """Compile one stand-in that has every symbol of `needed` that is its own."""
    written = set(re.findall(r"\b(\w+)\(", library.source))
    idle = sorted(name for name in needed - written if re.match(f"({library.symbols})", name))
    source, versions = folder / f"{library.soname}.c", folder / f"{library.soname}.map"
    # The real headers declare the idle functions with arguments: these go without the headers, in a file of their own.
    no_ops = folder / f"{library.soname}.no_ops.c"
    source.write_text(library.source)
    no_ops.write_text("".join(f"int {name}() {{ return 0; }}\n" for name in idle))
    # onnxruntime asks for versioned symbols, whose version is the name of the library.
    versions.write_text(f"{library.soname} {{ global: *; }};\n")
    flags = ["-w", "-shared", "-fPIC", "-O1", "-fno-builtin", f"-I{include}"]
    link = [f"-Wl,-soname,{library.soname}", f"-Wl,--version-script={versions}"]
    _run("gcc", *flags, *link, "-o", folder / library.soname, source, no_ops)


def _run(*command: str | Path) -> str:
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(f"{command[0]} failed: {found.stderr}")
    return found.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(str(__doc__))
    try:
        build_stub(Path(sys.argv[1]))
    except MissingRequirementError as missing:
        sys.stderr.write(f"{missing}\n")
        sys.exit(CANNOT_BUILD)
