import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from job import run_job


def open_model(path, _inputs, _outputs):
    source = Path(path).with_suffix(".c")
    library = source.with_suffix(".so")
    tool = Path(sys.executable).with_name("emx-onnx-cgen")
    _call([tool, "compile", path, source, "--model-name", "model", "--large-weight-threshold", str(2**40)])
    _call(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-lm"])
    function = ctypes.CDLL(str(library)).model
    graph = onnx.load(path).graph
    shapes = [_shape_and_dtype(output) for output in graph.output]

    def run(feeds):
        answers = [np.empty(shape, dtype) for shape, dtype in shapes]
        arrays = [np.ascontiguousarray(a) for a in feeds] + answers
        function(*[ctypes.c_void_p(a.ctypes.data) for a in arrays])
        return answers

    return run


def _shape_and_dtype(value):
    kind = value.type.tensor_type
    return [d.dim_value for d in kind.shape.dim], onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)


def _call(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])


run_job(open_model)
