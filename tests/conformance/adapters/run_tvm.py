import onnx
import tvm
from job import run_job
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx


def open_model(path, _inputs, _outputs):
    module = from_onnx(onnx.load(path), keep_params_in_input=False)
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())

    def run(feeds):
        answers = machine["main"](*[tvm.runtime.tensor(feed) for feed in feeds])
        return [a.numpy() for a in ([answers] if hasattr(answers, "numpy") else answers)]

    return run


run_job(open_model)
