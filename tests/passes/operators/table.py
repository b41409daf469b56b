"""The table of the README: what each operator becomes, and how near that is to onnxruntime's kernel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import onnx

from tests.passes.operators.agreement import BIT_EQUAL, BOUNDED, NO_KERNEL, outcomes
from tests.passes.operators.combination import make_example
from tests.passes.operators.everything import OPERATORS
from tests.readme_block import ReadmeBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.passes.operators.combination import Operator

TARGETS = ("portable", "cuda")
STRENGTH = 2
BLOCK = ReadmeBlock("<!-- operators: python scripts/operator_table.py -->", "<!-- /operators -->")
HEAD = "| operator of ai.onnx.ml | versions | combinations | portable | cuda |\n|---|---|---|---|---|"


def first_columns(operator: Operator) -> str:
    """Return the columns of a row that no run is needed for."""
    schemas = [s for s in onnx.defs.get_all_schemas_with_history() if s.name == operator.name]
    versions = ", ".join(map(str, sorted(s.since_version for s in schemas if not s.deprecated)))
    return f"| {operator.name} | {versions} | {len(operator.choices(STRENGTH))} |"


def rows() -> Iterator[str]:
    """Yield the row of each operator, with what running its combinations shows."""
    for operator in OPERATORS:
        counts: dict[str, Counter[str]] = {target: Counter() for target in TARGETS}
        for choice in operator.choices(STRENGTH):
            for target, outcome in outcomes(make_example(operator, choice), TARGETS).items():
                counts[target][outcome if outcome in WORDS else operator.refused(choice)] += 1
        yield f"{first_columns(operator)} {' | '.join(_cell(counts[target]) for target in TARGETS)} |"


WORDS: Mapping[str, Callable[[int], str]] = {
    BIT_EQUAL: lambda count: f"{count} bit-equal",
    BOUNDED: lambda count: f"{count} within rounding",
    NO_KERNEL: lambda count: f"{count} not judged",
}


def _cell(counts: Counter[str]) -> str:
    known = [write(counts[outcome]) for outcome, write in WORDS.items() if counts[outcome]]
    refused = [f"{count} refused ({reason})" for reason, count in counts.items() if reason not in WORDS]
    return ", ".join(known + refused)
