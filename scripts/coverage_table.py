"""Export every estimator of scikit-learn in every variant, compare, and write README's table of it (an hour or two).

    python scripts/coverage_table.py [CLASS ...] [--open] [--exact] [--table] [--accept]

Runs all cases of tests/coverage, or those of the named classes, or with --open those without a result that is ok, and
keeps the results in tests/coverage/results.json. --exact leaves out "portable", of which the results stay. --table runs
none. --accept writes what is not ok into expected.json.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.coverage.case import DEFAULT
from tests.coverage.results import TARGETS, known_of, read_rows, with_new, write_known, write_rows
from tests.coverage.survey import Theirs, host_operators, row_for
from tests.coverage.table import BLOCK, as_markdown
from tests.coverage.variants import all_cases
from tests.placement.placer import build_stand_ins, open_placer

if TYPE_CHECKING:
    from collections.abc import Sequence

README = Path(__file__).parents[1] / "README.md"
SAVED_EVERY = 50
"""Cases after which the results so far are written."""


def main() -> None:
    """Run what is asked for, and rewrite the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cls", nargs="*", metavar="CLASS", help="the classes whose cases to run; all by default")
    parser.add_argument("--open", action="store_true", help="run the cases that have no result, or one that is not ok")
    parser.add_argument("--exact", action="store_true", help="run them for the targets cpu and cuda alone")
    parser.add_argument("--table", action="store_true", help="write the table from the results that there are")
    parser.add_argument("--accept", action="store_true", help="write what is not ok into expected.json")
    options = parser.parse_args()
    if not options.table:
        _run(options.cls, only_open=options.open, targets=TARGETS[:2] if options.exact else TARGETS)
    if options.accept:
        write_known(known_of(read_rows()))
    table = as_markdown(read_rows())
    README.write_text(BLOCK.fill(README.read_text("utf-8"), table), "utf-8")
    print(table)


def _run(classes: list[str], *, only_open: bool, targets: Sequence[str]) -> None:
    cases = all_cases()
    done = {row.case for row in read_rows() if row.is_ok or not row.is_case} if only_open else set()
    chosen = [c for c in cases if c.name not in done and (not classes or c.cls.__name__ in classes)]
    # What the tests ask stands there first, and the many metrics last.
    chosen.sort(key=lambda case: (case.variant != DEFAULT, not case.issue, case.variant.startswith("metric=")))
    names = [case.name for case in cases]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_stand_ins(folder / "stand_ins")
        theirs = Theirs(folder)
        with open_placer(folder / "stand_ins", folder) as place:
            for number, case in enumerate(chosen, 1):
                rows.append(row_for(case, targets, partial(host_operators, place), theirs))
                print(number, len(chosen), rows[-1].case, rows[-1].cpu, rows[-1].cuda, rows[-1].portable, flush=True)
                if number % SAVED_EVERY == 0:
                    write_rows(with_new(read_rows(), rows, names))
        theirs.close()
    write_rows(with_new(read_rows(), rows, names))


if __name__ == "__main__":
    main()
