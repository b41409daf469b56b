"""Write the list of the estimators that train in chunks into README.md.

python scripts/stream_table.py
"""

from __future__ import annotations

from pathlib import Path

from tests.stream.listing import BLOCK, make_list

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    text = README.read_text("utf-8")
    README.write_text(BLOCK.fill(text, make_list()), "utf-8")
    print(make_list())


if __name__ == "__main__":
    main()
