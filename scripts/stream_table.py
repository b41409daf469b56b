"""Write the list of the estimators that train in chunks into README.md.

python scripts/stream_table.py
"""

from __future__ import annotations

from pathlib import Path

from tests.stream.listing import END, START, block_of, make_list

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    text = README.read_text("utf-8")
    README.write_text(text.replace(f"{START}\n{block_of(text)}\n{END}", f"{START}\n{make_list()}\n{END}"), "utf-8")
    print(make_list())


if __name__ == "__main__":
    main()
