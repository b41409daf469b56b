"""Compare every reference model with its library in every precision, and write README's table of it.

    nice python scripts/precision_table.py [MODEL ...] [--rows 1000000] [--precision exact float32 float16] [--table]

Rows are float64, each number that of one of two held-out rows or between them, and more rows lie on the estimator's
thresholds; the graphs are those for target "cuda", run on the CPU. The results are kept in
tests/precision/results.json. --table runs nothing. All of it takes about an hour on one core.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from bridge.targets import PRECISIONS
from models.numeric import NUMERIC
from models.zoo import ZOO
from tests.precision.measure import measure
from tests.precision.results import read_rows, with_new, write_rows
from tests.precision.table import BLOCK, as_markdown

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    """Measure what is asked for, and rewrite the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="*", metavar="MODEL", help="names of models; all by default")
    parser.add_argument("--rows", type=int, default=1_000_000, help="unseen rows a model")
    parser.add_argument("--precision", nargs="*", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--table", action="store_true", help="write the table from the results that there are")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [m for m in (*ZOO, *NUMERIC) if not options.model or m.name in options.model]
    for model in () if options.table else chosen:
        found = measure(model, options.precision, options.rows)
        write_rows(with_new(read_rows(), found))
        print(*found, sep="\n", flush=True)
    README.write_text(BLOCK.fill(README.read_text("utf-8"), as_markdown(read_rows())), "utf-8")


if __name__ == "__main__":
    main()
