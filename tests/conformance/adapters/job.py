"""What every adapter shares: open a model, run each batch of a job, write the answers, and say how far it came.

Runs in the environment of a runtime, where only NumPy can be counted on.
"""

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np


def run_job(open_model):
    """Run the job whose file is the first argument.

    `open_model(path, inputs, outputs)` returns a function from a list of arrays, in the order of the graph's inputs,
    to a list of arrays in the order of its outputs.
    """
    job = json.loads(Path(sys.argv[1]).read_text())
    opened = cache(lambda path: _opened(open_model, path, job))
    outcome = {}
    for batch in job["batches"]:
        stage = "load"
        try:
            model = opened(batch["model"])
            if isinstance(model, BaseException):
                raise model  # noqa: TRY301
            stage = "run"
            answers = model([np.load(path) for path in batch["feeds"]])
            for path, answer in zip(batch["answers"], answers, strict=True):
                np.save(path, np.asarray(answer))
            outcome[batch["name"]] = {"stage": "done", "error": ""}
        except BaseException as error:  # noqa: BLE001  # runtimes raise what they like, Rust's panics among it
            outcome[batch["name"]] = {"stage": stage, "error": f"{type(error).__name__}: {error}"}
        Path(job["outcome"]).write_text(json.dumps(outcome))


def _opened(open_model, path, job):
    """Return the model, or what it raised: opening can take a minute, and no batch changes how it ends."""
    try:
        return open_model(path, job["inputs"], job["outputs"])
    except BaseException as error:  # noqa: BLE001  # as above
        return error
