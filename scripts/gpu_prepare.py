"""Write what gpu_check.py needs: every reference model's cuda files, inputs, and the estimator's own answers.

    python scripts/gpu_prepare.py FOLDER

The folder stays under 60 MB, so that it can be carried to a machine that has only onnxruntime-gpu and NumPy. An
estimator is written beside its file (joblib), for scikit-learn's times where that is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

import bridge
from bridge.data.encode import Encoder
from bridge.data.table import spread_rows
from bridge.targets import PRECISIONS
from bridge.verify.compare import ask
from models.numeric import NUMERIC
from models.zoo import ZOO

if TYPE_CHECKING:
    from bridge.targets import Precision
    from models.zoo import Model

ROWS = 1000
"""Rows kept a model; gpu_check.py repeats them up to a million."""
LARGEST_ESTIMATOR = 2_000_000
"""Bytes: larger estimators are left out."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for model in (*ZOO, *NUMERIC):
        estimator, rows = model.fitted(), spread_rows(model.data().held_out, ROWS)
        for precision in PRECISIONS:
            _write(folder / f"{model.name}.{precision}", model, rows, precision)
        saved = folder / f"{model.name}.exact.joblib"
        joblib.dump((estimator, rows), saved, compress=3)
        if saved.stat().st_size > LARGEST_ESTIMATOR:
            saved.unlink()
        print(model.name, flush=True)
    total = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{len(ZOO) + len(NUMERIC)} models, {total / 1e6:.1f} MB in {folder}")


def _write(stem: Path, model: Model, rows: Any, precision: Precision) -> None:
    """Write a model's file, and beside it the inputs and the estimator's answers."""
    estimator, file = model.fitted(), stem.with_name(f"{stem.name}.onnx")
    graph = bridge.export(estimator, model.data().train, file, target="cuda", precision=precision)
    predictor = bridge.load(graph, device="cpu")
    arrays = {f"input:{name}": array for name, array in Encoder(predictor.metadata.schema)(rows).items()}
    for method in predictor.methods:
        answer = ask(estimator, method.name, rows)
        for i, name in enumerate(method.outputs):
            values = np.asarray(answer[i] if isinstance(answer, list) else answer)
            if method.labels:  # the graph gives positions
                values = np.searchsorted(np.sort(table := method.labels[i].array()), values)
                values = np.argsort(table)[values]
            arrays[f"output:{name}"] = values
    np.savez_compressed(stem.with_name(f"{stem.name}.npz"), **arrays)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
