"""The command `bridge predict`: ask a model for the rows of a file, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli_errors import plain_errors, say

if TYPE_CHECKING:
    from bridge.stream.plan import Plan

MOST_NAMED = 40
"""Columns of a sink that are named."""

Names = list[str] | None
Model = Annotated[Path, typer.Argument(help="An .onnx file.", metavar="MODEL")]


@plain_errors()
def predict(
    model: Model,
    data: Annotated[
        Path, typer.Argument(help="Table, or folder of tables: .csv, .parquet, .arrow, .feather.", metavar="DATA")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    method: Annotated[Names, typer.Option(help="predict by default. Repeat for more.")] = None,
    keep: Annotated[Names, typer.Option(help="Write this column of DATA first. Repeat for more.")] = None,
    feature: Annotated[
        Names, typer.Option(help="A column that the model takes, where it knows no names. Repeat for more.")
    ] = None,
    text: Annotated[Names, typer.Option(help="Read this column of a CSV file as text. Repeat for more.")] = None,
    sql: Annotated[str | None, typer.Option(help="Read this query; DATA is a database, .duckdb or of SQLite.")] = None,
    bad_rows: Annotated[
        Path | None,
        typer.Option(help="Write rows without an answer to this .csv file, with line and cause, and go on."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep finished parts beside OUTPUT, and go on from them.")
    ] = False,
    chunk_rows: Annotated[int | None, typer.Option(help="Rows of a chunk; 8 MiB by default.", min=1)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Threads of the model; all cores by default.", min=1)] = None,
) -> None:
    """Write a model's answers for a table of any size, one row a row."""
    from bridge.data.sources import Files, Query
    from bridge.stream.score import parts_folder, prepare
    from bridge.waiting import waiting

    with waiting(f"Reading {model.name} and {data.name}"):
        scoring = prepare(
            model,
            Files(data, tuple(text or ())) if sql is None else Query(sql, data),
            output,
            methods=method,
            columns=keep,
            features=feature,
            chunk_rows="auto" if chunk_rows is None else chunk_rows,
            bad_rows="stop" if bad_rows is None else bad_rows,
            resume=resume,
            device=device,
            threads=threads,
        )
    _tell(scoring.plan)
    try:
        scored = scoring.run(progress=True)
    except KeyboardInterrupt:
        if resume and parts_folder(output).exists():
            say(f"the same command goes on from {parts_folder(output)}")
        raise
    named = _listed(scored.schema.names)
    typer.echo(f"{output}: {scored.rows:,} rows, {named}")
    if bad_rows is not None:
        typer.echo(f"{bad_rows}: {scored.bad_rows:,} rows without an answer")


def _tell(plan: Plan) -> None:
    if plan.ignored:
        say(f"not used by the model: {_listed(plan.ignored)}")
    say(f"writes: {_listed([f'{field.name} {field.type}' for field in plan.asker.schema])}")


def _listed(names: Any) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(list(names)[:MOST_NAMED])}{more}"
