from pathlib import Path

import _tools  # the converter itself: MNN.tools, which wraps it, runs pip install and reports each use to its maker
import MNN
import numpy as np
from job import run_job
from MNN import expr


def open_model(path, inputs, outputs):
    made = Path(path).with_suffix(".mnn")
    _tools.mnnconvert(["", "-f", "ONNX", "--modelFile", path, "--MNNModel", str(made), "--bizCode", "bridge"])
    if not made.exists():
        raise RuntimeError("MNN's converter wrote no file")
    # "Low" would compute in half precision where the CPU has it.
    module = MNN.nn.load_module_from_file(str(made), inputs, outputs, precision_mode=expr.PrecisionMode.High)

    def run(feeds):
        answers = module.forward([_variable(feed) for feed in feeds])
        return [np.array(answer.read()) for answer in answers]

    return run


def _variable(array):
    array, kind = (array, expr.float) if array.dtype.kind == "f" else (array.astype(np.int32), expr.int)
    return expr.const(np.ascontiguousarray(array), list(array.shape), expr.NCHW, kind)


run_job(open_model)
