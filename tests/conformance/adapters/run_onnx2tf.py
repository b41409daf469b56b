import re
import shutil
import subprocess
import sys
from pathlib import Path

from job import run_job


def open_model(path, inputs, outputs):
    folder = Path(path).with_suffix(".tflite")
    folder.mkdir(exist_ok=True)
    copy = folder / "model.onnx"
    shutil.copy(path, copy)  # onnx2tf rewrites the file that it reads
    command = [sys.executable, "-m", "onnx2tf", "-i", str(copy), "-o", str(folder), "-n", "-osd", "-kat", *inputs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    made = folder / "model_float32.tflite"
    if not made.exists():
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line or "Error" in line]
        raise RuntimeError(lines[0] if lines else f"onnx2tf: exit code {done.returncode}")
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(made), num_threads=1)
    runner = interpreter.get_signature_runner("serving_default")

    def run(feeds):
        details = runner.get_input_details()
        given = {_plain(name): feed for name, feed in zip(inputs, feeds, strict=True)}
        answers = runner(**{name: given[_plain(name)].astype(d["dtype"]) for name, d in details.items()})
        by_name = {_plain(name): answer for name, answer in answers.items()}
        return [by_name[_plain(name)] for name in outputs]

    return run


def _plain(name):
    """Return the name in what TensorFlow leaves of it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name).lower()


run_job(open_model)
