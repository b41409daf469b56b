"""Write what gpu_check.py needs: every reference model's cuda file, inputs, and the estimator's own answers.

    python scripts/gpu_prepare.py FOLDER

The folder stays under 60 MB, so that it can be carried to a machine that has only onnxruntime-gpu and NumPy. An
estimator is written beside its file (joblib), for scikit-learn's times where that is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np

import bridge
from bridge.data.encode import Encoder
from bridge.data.table import spread_rows
from bridge.verify.compare import ask
from models.zoo import ZOO

ROWS = 1000
"""Rows kept a model; gpu_check.py repeats them up to a million."""
LARGEST_ESTIMATOR = 2_000_000
"""Bytes: larger estimators are left out."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for model in ZOO:
        estimator, data = model.fitted(), model.data()
        rows = spread_rows(data.held_out, ROWS)
        predictor = bridge.load(
            bridge.export(estimator, data.train, folder / f"{model.name}.onnx", target="cuda"), device="cpu"
        )
        arrays = {f"input:{name}": array for name, array in Encoder(predictor.metadata.schema)(rows).items()}
        for method in predictor.methods:
            answer = ask(estimator, method.name, rows)
            for i, name in enumerate(method.outputs):
                values = np.asarray(answer[i] if isinstance(answer, list) else answer)
                if method.labels:  # the graph gives positions
                    values = np.searchsorted(np.sort(table := method.labels[i].array()), values)
                    values = np.argsort(table)[values]
                arrays[f"output:{name}"] = values
        np.savez_compressed(folder / f"{model.name}.npz", **arrays)
        saved = folder / f"{model.name}.joblib"
        joblib.dump((estimator, rows), saved, compress=3)
        if saved.stat().st_size > LARGEST_ESTIMATOR:
            saved.unlink()
        print(model.name, flush=True)
    total = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{len(ZOO)} models, {total / 1e6:.1f} MB in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
