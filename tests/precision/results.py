"""What was measured, kept in results.json: one row for a model and a precision."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.precision.measure import Measured

if TYPE_CHECKING:
    from collections.abc import Iterable

RESULTS = Path(__file__).parent / "results.json"


def read_rows() -> list[Measured]:
    """Return the measured rows, none where there is no file yet."""
    return [Measured(**row) for row in json.loads(RESULTS.read_text("utf-8"))] if RESULTS.exists() else []


def write_rows(rows: Iterable[Measured]) -> None:
    """Keep the rows, one a line."""
    lines = ",\n".join(json.dumps(asdict(row)) for row in rows)
    RESULTS.write_text(f"[\n{lines}\n]\n", "utf-8")


def with_new(old: Iterable[Measured], new: Iterable[Measured]) -> list[Measured]:
    """Return the old rows, each replaced where there is a new one, and the new ones, by model."""
    found = {(row.model, row.precision): row for row in (*old, *new)}
    order = list(dict.fromkeys(model for model, _ in found))
    return sorted(found.values(), key=lambda row: (order.index(row.model), row.precision))
