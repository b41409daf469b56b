"""Run every operator of ai.onnx.ml in the combinations of its tests and write the table into README.md (one minute).

python scripts/operator_table.py
"""

from __future__ import annotations

from pathlib import Path

from tests.passes.operators.table import BLOCK, HEAD, rows

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    text = README.read_text()
    table = "\n".join([HEAD, *rows()])
    README.write_text(BLOCK.fill(text, table))
    print(table)


if __name__ == "__main__":
    main()
