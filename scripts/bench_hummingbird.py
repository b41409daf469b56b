"""Time Hummingbird's torch backend; scripts/bench_trees.py runs this in an environment that has it.

    python scripts/bench_hummingbird.py SAVED.joblib THREADS ROWS...

Prints a JSON object: for each number of rows the times, and the largest difference from the estimator's own answer.
"""

from __future__ import annotations

import json
import sys
import warnings

import joblib
import numpy as np
import torch
from measure import measure, on_new_rows

MOST_SECONDS = 20.0
"""Sizes that would take longer, going by the size before, are left out."""


def main(saved: str, threads: int, sizes: list[int]) -> None:
    warnings.simplefilter("ignore")
    from hummingbird.ml import convert

    estimator, rows = joblib.load(saved)
    # By itself it takes a thread for each core of the host, which a container's share of it need not have.
    model = convert(estimator, "torch", rows[:1], extra_config={"n_threads": threads})
    torch.set_num_threads(threads)
    results, a_row = {}, 0.0
    for size in sizes:
        if a_row * size > MOST_SECONDS:
            continue
        times = measure(on_new_rows(model.predict_proba, rows, size))
        a_row = times.wall / size if size > 1 else 0.0
        batch = rows[:size]
        difference = float(np.abs(model.predict_proba(batch) - estimator.predict_proba(batch)).max())
        results[size] = {"wall": times.wall, "cpu": times.cpu, "difference": difference}
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(a) for a in sys.argv[3:]])
