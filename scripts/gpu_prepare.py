"""Write what gpu_check.py needs: every reference model's cuda files, inputs, and the estimator's own answers.

    python scripts/gpu_prepare.py FOLDER [--native LIBRARY] [--only-native]

With --native, the library of custom operators goes along (built where nvcc is, see custom_ops/README.md), and forests
to measure its CUDA kernels by, in one file for each strategy; --only-native leaves the reference models out. The folder
stays under 60 MB (100 MB with --native), so that it can be carried to a machine that has only onnxruntime-gpu and
NumPy. An estimator is written beside its file (joblib), for scikit-learn's times where that is installed.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

import bridge
from bridge.data.encode import Encoder
from bridge.data.table import spread_rows
from bridge.errors import BridgeError
from bridge.targets import PRECISIONS
from bridge.verify.compare import ask
from models.numeric import NUMERIC
from models.speed import SPEED
from models.zoo import ZOO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.targets import Precision
    from models.zoo import Model

ROWS = 1000
"""Rows kept a model; gpu_check.py repeats them up to a million."""
STRATEGIES = ("tournament", "traverse", "forest")
"""Of trees to a depth that no product of matrices is for."""
LARGEST_ESTIMATOR = 2_000_000
"""Bytes: larger estimators are left out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--native", type=Path, metavar="LIBRARY")
    parser.add_argument("--only-native", action="store_true")
    options = parser.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    if not options.only_native:
        _write_reference(folder)
    if options.native is not None:
        shutil.copy(options.native, folder)
        for model in SPEED:
            _write_strategies(folder, model)
    total = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{len(list(folder.glob('*.onnx')))} files of models, {total / 1e6:.1f} MB in {folder}")


def _write_reference(folder: Path) -> None:
    for model in (*ZOO, *NUMERIC):
        estimator, rows = model.fitted(), spread_rows(model.data().held_out, ROWS)
        for precision in PRECISIONS:
            _write(folder / f"{model.name}.{precision}", model, rows, precision)
        saved = folder / f"{model.name}.exact.joblib"
        joblib.dump((estimator, rows), saved, compress=3)
        if saved.stat().st_size > LARGEST_ESTIMATOR:
            saved.unlink()
        print(model.name, flush=True)


def _write_strategies(folder: Path, model: Model) -> None:
    """Write a forest once for each strategy that takes it; the rows say how many nodes they visit."""
    rows = spread_rows(model.data().held_out, ROWS)
    estimator = model.fitted()
    # A path counts its leaf, which is not asked anything.
    visits = estimator.decision_path(rows)[0].sum() / len(rows) - len(estimator.estimators_)
    for strategy in STRATEGIES:
        try:
            _write(folder / f"{model.name}.{strategy}", model, rows, "exact", strategy, visits=np.float64(visits))
        except BridgeError as error:
            print(f"{model.name} is not written by strategy {strategy}: {error}")
        else:
            print(f"{model.name}, {strategy}", flush=True)


def _write(
    stem: Path, model: Model, rows: Any, precision: Precision, strategy: str = "auto", **also: NDArray[Any] | np.float64
) -> None:
    """Write a model's file, and beside it the inputs and the estimator's answers."""
    estimator, file = model.fitted(), stem.with_name(f"{stem.name}.onnx")
    graph = bridge.export(estimator, model.data().train, file, target="cuda", precision=precision, strategy=strategy)
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
    np.savez_compressed(stem.with_name(f"{stem.name}.npz"), **arrays, **also)


if __name__ == "__main__":
    main()
