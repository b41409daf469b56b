"""Run every model of a folder on onnxruntime's CUDA provider: NAME.onnx on the rows of NAME.*.npy, into NAME.*.out.npy.

    python run_on_stub.py LIBRARY FOLDER

Runs as its own process, whose LD_LIBRARY_PATH names the stand-ins for CUDA; LIBRARY computes on the host.
The input `values`, where a model has it, is in tables/NAME.npy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bridge.runtime.providers import CPU, CUDA, CUDA_OPTIONS, import_onnxruntime


def main(library: str, folder: Path) -> None:
    ort = import_onnxruntime()
    for path in sorted(folder.glob("*.onnx")):
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.register_custom_ops_library(library)
        session = ort.InferenceSession(str(path), options, providers=[(CUDA, CUDA_OPTIONS), CPU])
        if CUDA not in session.get_providers():
            raise RuntimeError("onnxruntime fell back to the CPU: the stand-ins for CUDA were not loaded")
        given = folder / "tables" / f"{path.stem}.npy"
        tables = {"values": np.load(given)} if given.exists() else {}
        for rows in sorted(folder.glob(f"{path.stem}.*.npy")):
            (sums,) = session.run(None, {"X": np.load(rows), **tables})
            np.save(rows.with_suffix(".out"), sums)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
