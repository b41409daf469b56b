"""Write the tables of custom_ops/README.md from a run of the suite.

bridge bench --suite trees --clock cpu -o suite.json
python scripts/bench_table.py suite.json [--clock cpu]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from bridge.bench.aims import FLOOR, KERNEL, ML_SESSION
from bridge.bench.others import OTHERS
from bridge.bench.report import OWN
from tests.readme_block import ReadmeBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[1] / "custom_ops" / "README.md"
BLOCK = ReadmeBlock("<!-- bench: begin -->", "<!-- bench: end -->")
WIDTH = 120
COLUMNS = {
    "its own": OWN,
    "onnxruntime": ML_SESSION,
    **{
        name: OTHERS[key].title
        for name, key in (("oneDAL", "onedal"), ("lleaves", "lleaves"), ("nvForest", "nvforest"))
    },
    "kernel": KERNEL,
    "Identity": FLOOR,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="cpu")
    options = parser.parse_args()
    found = json.loads(options.results.read_text())
    lines = [*_tables(found, options.clock), *_words(found, options.clock)]
    README.write_text(BLOCK.fill(README.read_text(), "\n".join(lines)))
    return 0


def _tables(found: dict[str, Any], clock: str) -> Iterator[str]:
    sizes = dict.fromkeys(cell["rows"] for cell in found["comparisons"][0]["cells"])
    for rows in sizes:
        unit, scale = ("milliseconds", 1e-3) if rows >= 1000 else ("microseconds", 1.0)
        shown = {title: name for title, name in COLUMNS.items() if name != FLOOR or rows == 1}
        yield f"| {_rows(rows)}, {unit} | {' | '.join(shown)} |"
        yield f"|---{'|--:' * len(shown)}|"
        for comparison in found["comparisons"]:
            times = {c["contender"]: c[f"{clock}_us"] for c in comparison["cells"] if c["rows"] == rows}
            cells = [_cell(times, name, scale, comparison) for name in shown.values()]
            yield f"| {comparison['model']} | {' | '.join(cells)} |"
        yield ""


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count > 1 else ''}"


def _cell(times: dict[str, float], name: str, scale: float, comparison: dict[str, Any]) -> str:
    if name not in times:
        return "refused" if name in comparison["left_out"] else ""
    value = times[name] * scale
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    if name in {KERNEL, FLOOR}:
        return shown
    mark = "" if comparison["differences"].get(name, {"error": 0.0})["error"] < 1e-4 else " ≠"
    ratio = times[name] / times[KERNEL]
    return f"{shown} ({ratio:,.0f}x){mark}" if ratio >= 10 else f"{shown} ({ratio:.1f}x){mark}"


def _words(found: dict[str, Any], clock: str) -> Iterator[str]:
    """Return the lines below the tables."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    yield fill(
        f"{'CPU time' if clock == 'cpu' else 'By the clock'}; {machine['processor']}, {machine['cores']} cores, load "
        f"{machine['load_before']:.1f} to {machine['load_after']:.1f}; {machine['kernel']}; {versions}.",
        WIDTH,
        break_on_hyphens=False,
    )
    judged = [aim for aim in found["aims"] if aim["met"] is not None]
    missed = Counter(f"{aim['words']}, {_rows(aim['rows'])}" for aim in judged if not aim["met"])
    told = [f"{words}, by {count} model{'s' if count > 1 else ''}" for words, count in missed.items()]
    met = f"Aims met: {len(judged) - sum(missed.values())} of {len(judged)}"
    yield fill(f"{met}; missed: {'; '.join(told)}." if told else f"{met}.", WIDTH)


if __name__ == "__main__":
    sys.exit(main())
