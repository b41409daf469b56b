"""Check that every row reaches the leaves that its library reaches, for each kind of tree ensemble and each form.

    nice python scripts/leaf_check.py [--rows 100000] [--kinds LightGBM Voting] [--json leaves.json]

Rows lie on thresholds, one float32 or float64 step beside them, on NaN, infinities, signed zeros, denormals, huge and
unknown numbers, each in float32 and in float64. The table counts the rows that reach another leaf; "-" stands for a
form that declines a forest. The exit code is 1 if any row differs. All of it takes ten minutes on one core.

Portable graphs round float64 rows to float32. Libraries that round themselves (XGBoost, CatBoost, scikit-learn's trees
but for the histogram ones) must still agree on every row. The others compare in float64: rows above a threshold that
float32 cannot tell from it are left out there, and counted under "lost".
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.parity.leaves.check import check_kind
from tests.parity.leaves.kinds import KINDS

if TYPE_CHECKING:
    from tests.parity.leaves.check import Outcome

TENSOR_FORMS = ("aut", "obl", "tou", "tra", "gem")
HEADS = ("ml", *TENSOR_FORMS, "fun", *TENSOR_FORMS)
"""What stands over the columns of `FORMS`: the operator of ai.onnx.ml, target cuda (exact), target portable.

"fun" is the function of bridge::Forest.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="of each dtype, for each kind")
    parser.add_argument("--kinds", nargs="*", default=[""], help="names, or how they start")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if kind.name.startswith(tuple(options.kinds))]
    if not kinds:
        parser.error(f"no kind starts with {options.kinds}; choose from {', '.join(kind.name for kind in KINDS)}")
    print(f"{'':61}---- float64 ----      ---- float32 ----")
    print(f"{'kind':27}{'X':3}{'rows':>8}{'leaves':>10}{'lost':>7}" + "".join(f"{head:>4}" for head in HEADS))
    found: list[Outcome] = []
    for kind in kinds:
        estimator = kind.fit()
        for dtype in (np.float32, np.float64):
            outcomes = list(check_kind(kind, estimator, dtype, options.rows))
            found += outcomes
            print(_line(outcomes), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in found], indent=1))
    differing = sum(outcome.differing or 0 for outcome in found)
    compared = [outcome for outcome in found if outcome.differing is not None]
    print(f"{sum(o.rows for o in compared):,} rows, {sum(o.leaves for o in compared):,} leaves: {differing} differ")
    return 1 if differing else 0


def _line(outcomes: list[Outcome]) -> str:
    """Return one line of the table: all forms of a kind on rows of one dtype."""
    first, last = outcomes[0], outcomes[-1]
    counts = ["-" if o.differing is None else str(o.differing) for o in outcomes]
    counted = f"{first.kind:27}{first.dtype[-2:]:3}{first.rows:8,}{first.leaves:10,}{last.lost:7,}"
    return counted + "".join(f"{count:>4}" for count in counts)


if __name__ == "__main__":
    sys.exit(main())
