import subprocess
import sys
from pathlib import Path

import iree.compiler
import iree.runtime
import onnx
from job import run_job


def open_model(path, _inputs, _outputs):
    text = Path(path).with_suffix(".mlir")
    # IREE's importer wants opset 17; bridge's operators mean the same in it.
    command = [sys.executable, "-m", "iree.compiler.tools.import_onnx", path, "-o", str(text), "--opset-version", "17"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    compiled = iree.compiler.compile_file(
        str(text),
        target_backends=["llvm-cpu"],
        input_type="onnx",
        extra_args=["--iree-llvmcpu-target-cpu=host"],
    )
    config = iree.runtime.Config("local-sync")
    module = iree.runtime.load_vm_module(iree.runtime.VmModule.copy_buffer(config.vm_instance, compiled), config)
    call = getattr(module, onnx.load(path).graph.name)

    def run(feeds):
        answers = call(*feeds)
        return [a.to_host() for a in (answers if isinstance(answers, (list, tuple)) else [answers])]

    return run


run_job(open_model)
