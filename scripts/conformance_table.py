"""Run the reference models' portable files, and skl2onnx's, in other runtimes, and write README's table of them.

    python scripts/conformance_table.py [RUNTIME ...] [--files EXPORTER] [--family FAMILY] [--table]

Runs all runtimes of tests/conformance/runtimes.py or those named, each installed by its package name, and keeps the
results in tests/conformance/results.json: other rows stay as they are. --table runs none of them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from models.zoo import ZOO, Model
from tests.conformance.cases import family_of
from tests.conformance.environments import NotInstallableError
from tests.conformance.results import Exporter, read_rows, with_new, write_rows
from tests.conformance.runtimes import RUNTIMES
from tests.conformance.survey import MAKERS, make_cases, survey
from tests.conformance.table import BLOCK, FAMILIES, as_markdown

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    """Measure what is asked for, and rewrite the table."""
    names = [runtime.name for runtime in RUNTIMES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", nargs="*", metavar="RUNTIME", help=f"all by default: {', '.join(names)}")
    parser.add_argument("--files", choices=list(MAKERS), help="of one exporter; both by default")
    parser.add_argument("--family", choices=FAMILIES, action="append", help="of this kind of model; all by default")
    parser.add_argument("--table", action="store_true", help="write the table from the results that there are")
    options = parser.parse_args()
    if unknown := sorted(set(options.runtime) - set(names)):
        parser.error(f"unknown runtime {', '.join(unknown)}; known: {', '.join(names)}")
    if not options.table:
        models = [model for model in ZOO if family_of(model) in (options.family or FAMILIES)]
        _measure(options.runtime or names, [options.files] if options.files else list(MAKERS), models)
    table = as_markdown(read_rows())
    README.write_text(BLOCK.fill(README.read_text(), table))
    print(table)


def _measure(names: list[str], exporters: list[Exporter], models: list[Model]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for exporter in exporters:
            cases, missing = make_cases(models, exporter, Path(folder))
            for model, reason in missing.items():
                print(f"{exporter} has no file of {model}: {reason}", flush=True)
            for runtime in (runtime for runtime in RUNTIMES if runtime.name in names):
                try:
                    rows = survey(runtime, exporter, cases, Path(folder))
                except NotInstallableError as error:
                    print(f"{runtime.name}: left out, it cannot be installed: {error}", flush=True)
                    continue
                write_rows(with_new(read_rows(), rows))
                agree = sum(row.agrees and row.missing in {None, "agrees"} for row in rows)
                print(f"{runtime.name}, files of {exporter}: {agree} of {len(rows)} agree", flush=True)


if __name__ == "__main__":
    main()
