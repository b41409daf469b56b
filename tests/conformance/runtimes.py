"""The table of runtimes: what each is, how it is installed, and which adapter runs it. A new one joins by one entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Runtime:
    """A runtime that reads ONNX files.

    Attributes
    ----------
    adapter
        The script in adapters/ that runs a job in it.
    packages
        What to install, by name and version: into a virtual environment or a node_modules folder of its own. Empty
        where the environment of the tests has it.
    fixed_batch
        Whether it needs the number of rows in the file.
    variables
        Environment variables that it needs.
    note
        What a user must know to get right answers from it.
    """

    name: str
    adapter: str
    packages: tuple[str, ...] = ()
    manager: Literal["pip", "npm"] = "pip"
    fixed_batch: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def is_cheap(self) -> bool:
        """Whether it is there already, so that every run of the tests includes it."""
        return not self.packages


RUNTIMES = (
    Runtime("onnxruntime", "run_onnxruntime.py"),
    Runtime("onnx.reference", "run_reference.py"),
    Runtime("onnxruntime-node", "run_node.mjs", ("onnxruntime-node@1.30.0",), "npm"),
    Runtime("onnxruntime-web", "run_web.mjs", ("onnxruntime-web@1.30.0",), "npm", note="wasm, in Node"),
    Runtime(
        "OpenVINO",
        "run_openvino.py",
        ("openvino==2026.4.1",),
        note="set INFERENCE_PRECISION_HINT=f32, or matrices are multiplied in bf16 on CPUs that have it",
    ),
    Runtime("tract", "run_tract.py", ("tract==0.23.9",)),
    Runtime("tinygrad", "run_tinygrad.py", ("tinygrad==0.14.0",), note="needs clang"),
    Runtime("OpenCV", "run_opencv.py", ("opencv-python-headless==5.0.0.93",)),
    Runtime("TVM", "run_tvm.py", ("apache-tvm==0.27.0.post1", "onnx==1.23.2")),
    Runtime("IREE", "run_iree.py", ("iree-base-compiler[onnx]==3.13.0", "iree-base-runtime==3.13.0")),
    Runtime("onnx2torch", "run_onnx2torch.py", ("onnx2torch==1.5.15", "torch==2.13.0")),
    Runtime(
        "onnx2tf", "run_onnx2tf.py", ("onnx2tf==1.29.24",), fixed_batch=True, note="TFLite; rewrites its input file"
    ),
    Runtime("emx-onnx-cgen", "run_emx.py", ("emx-onnx-cgen==1.4.0",), fixed_batch=True, note="C code; needs cc"),
)
