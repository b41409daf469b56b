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
    is_slow
        Whether it takes so long for a file that the table shows it on `SAMPLE` alone.
    variables
        Environment variables that it needs.
    programs
        What must be on PATH, from the system's own packages.
    note
        What a user must know to get right answers from it.
    """

    name: str
    adapter: str
    packages: tuple[str, ...] = ()
    manager: Literal["pip", "npm"] = "pip"
    fixed_batch: bool = False
    is_slow: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    note: str = ""

    @property
    def is_cheap(self) -> bool:
        """Whether it is there already, so that every run of the tests includes it."""
        return not self.packages


RUNTIMES = (
    Runtime("onnxruntime", "run_onnxruntime.py"),
    Runtime("onnx.reference", "run_reference.py"),
    Runtime("onnxruntime-node", "run_node.mjs", ("onnxruntime-node@1.30.0",), "npm"),
    Runtime("onnxruntime-web", "run_web.mjs", ("onnxruntime-web@1.30.0",), "npm", note="its wasm build, in Node"),
    Runtime(
        "chromium",
        "run_chromium.mjs",
        ("onnxruntime-web@1.30.0",),
        "npm",
        is_slow=True,
        programs=("chromium",),
        note="onnxruntime-web in a page of headless Chromium",
    ),
    Runtime(
        "OpenVINO",
        "run_openvino.py",
        ("openvino==2026.4.1",),
        note="set `INFERENCE_PRECISION_HINT` to `f32`: on CPUs with bf16 it multiplies matrices in that by default",
    ),
    Runtime("tract", "run_tract.py", ("tract==0.23.9",)),
    Runtime(
        "tinygrad",
        "run_tinygrad.py",
        ("tinygrad==0.14.0", "numpy==2.4.6"),
        is_slow=True,
        programs=("clang",),
        note="takes `NaN <= c` for true: a tree whose missing values go right sends them left",
    ),
    Runtime(
        "OpenCV",
        "run_opencv.py",
        ("opencv-python-headless==5.0.0.93",),
        note="needs `cv2.dnn.ENGINE_NEW`, which is new in version 5",
    ),
    Runtime("TVM", "run_tvm.py", ("apache-tvm==0.27.0.post1", "onnx==1.23.2"), is_slow=True),
    Runtime(
        "IREE",
        "run_iree.py",
        ("iree-base-compiler[onnx]==3.13.0", "iree-base-runtime==3.13.0"),
        is_slow=True,
        note="its compiler copies each level of a tree into the next, so that deep trees take minutes and gigabytes; "
        'export them with `strategy="gemm"`',
    ),
    Runtime(
        "MNN",
        "run_mnn.py",
        ("MNN==3.6.1",),
        variables={"PIP_NO_INDEX": "1"},
        note="has int32 where ONNX has int64; `import MNN.tools.mnnconvert` runs pip install",
    ),
    Runtime("onnx2torch", "run_onnx2torch.py", ("onnx2torch==1.5.15", "torch==2.13.0"), is_slow=True),
    Runtime(
        "onnx2tf",
        "run_onnx2tf.py",
        ("onnx2tf==1.29.24",),
        fixed_batch=True,
        is_slow=True,
        note="makes TFLite files; rewrites its input file",
    ),
    Runtime(
        "emx-onnx-cgen",
        "run_emx.py",
        ("emx-onnx-cgen==1.4.0",),
        fixed_batch=True,
        is_slow=True,
        programs=("cc",),
        note="makes C code",
    ),
)
