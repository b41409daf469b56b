"""Memory does not grow with the number of rows."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import resource
import sys

import numpy as np
import pandas as pd
from sklearn.linear_model import SGDRegressor

import bridge.stream


def frames(count):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield pd.DataFrame(rng.normal(size=(10_000, 11)), columns=list("abcdefghijy"))


bridge.stream.fit(SGDRegressor(random_state=0), frames(10), target="y", chunk_rows=10_000, progress=False)
small = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bridge.stream.fit(SGDRegressor(random_state=0), frames(300), target="y", chunk_rows=10_000, progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - small)
"""
BOUND = 60_000
"""KiB; the 300 frames are 258,000."""


def test_thirty_times_the_rows_take_no_more_memory():
    grown = subprocess.check_output([sys.executable, "-W", "ignore", "-c", CODE], text=True)

    assert int(grown) < BOUND


SCORE = """
import resource
import sys

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import bridge
import bridge.stream


def frames(count):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield pd.DataFrame(rng.normal(size=(10_000, 10)), columns=list("abcdefghij"))


table = next(frames(1))
bridge.export(LinearRegression().fit(table, table["a"]), table, sys.argv[1] + "/m.onnx", target="cpu")


def score(count):
    arguments = sys.argv[1] + "/m.onnx", frames(count), sys.argv[1] + "/out.parquet"
    found = bridge.stream.score(*arguments, chunk_rows=10_000, resume=True, progress=False)
    assert found.rows == count * 10_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


small = score(10)
print(score(300) - small)
"""


def test_thirty_times_the_rows_to_score_take_no_more_memory(tmp_path):
    grown = subprocess.check_output([sys.executable, "-W", "ignore", "-c", SCORE, str(tmp_path)], text=True)

    assert int(grown) < BOUND
