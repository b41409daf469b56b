import subprocess
import sys
from pathlib import Path

import iree.runtime
import onnx
from job import run_job

OPTIONS = ("--iree-input-type=onnx", "--iree-hal-target-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host")
COMPILE_SECONDS = 60
"""Its compiler copies each level of a tree into all that read it: time and memory grow exponentially with the depth."""


def open_model(path, _inputs, _outputs):
    text = Path(path).with_suffix(".mlir")
    # IREE's importer wants opset 17; bridge's operators mean the same in it.
    command = [sys.executable, "-m", "iree.compiler.tools.import_onnx", path, "-o", str(text), "--opset-version", "17"]
    _call(command)
    compiled = text.with_suffix(".vmfb")
    _call([Path(sys.executable).with_name("iree-compile"), text, *OPTIONS, "-o", compiled])
    config = iree.runtime.Config("local-sync")
    module = iree.runtime.load_vm_module(
        iree.runtime.VmModule.copy_buffer(config.vm_instance, compiled.read_bytes()), config
    )
    call = getattr(module, onnx.load(path).graph.name)

    def run(feeds):
        answers = call(*feeds)
        return [a.to_host() for a in (answers if isinstance(answers, (list, tuple)) else [answers])]

    return run


def _call(command):
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=False, timeout=COMPILE_SECONDS
    )
    if done.returncode:
        errors = (line for line in done.stderr.splitlines() if "error" in line.lower())
        raise RuntimeError(next(errors, f"exit code {done.returncode}"))


run_job(open_model)
