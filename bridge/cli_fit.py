"""The command `bridge fit`: train an estimator in chunks, from file to file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli_errors import plain_errors, say
from bridge.errors import InputError, MissingExtraError

Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write: .skops or .joblib.")]
Columns = list[str] | None


@plain_errors()
def fit(
    estimator: Annotated[
        Path, typer.Argument(help="Estimator to train: .skops, .joblib or .pkl.", metavar="ESTIMATOR")
    ],
    source: Annotated[
        Path,
        typer.Argument(
            help="Table or folder of tables: .csv, .parquet, .arrow, .feather. With --sql, a database.",
            metavar="SOURCE",
        ),
    ],
    *,
    output: Output,
    target: Annotated[Columns, typer.Option(help="The column to predict. Repeat for more.")] = None,
    feature: Annotated[Columns, typer.Option(help="Train on this column; on all by default. Repeat for more.")] = None,
    text: Annotated[Columns, typer.Option(help="Read this column of a CSV file as text. Repeat for more.")] = None,
    sql: Annotated[
        str | None,
        typer.Option(
            help="Read what this query of SOURCE answers: of DuckDB where it ends in .duckdb, else of SQLite."
        ),
    ] = None,
    chunk_rows: Annotated[int | None, typer.Option(help="Rows of a chunk; 8 MiB by default.", min=1)] = None,
    epochs: Annotated[int, typer.Option(help="How often the model reads the source.", min=1)] = 1,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Reorder the rows in each chunk.")] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Keep the state here after each chunk, and go on from it. A pickle: use your own alone."),
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Load files that could run their author's code.")] = False,
) -> None:
    """Train an estimator that has partial_fit on more data than memory holds."""
    from bridge.data.beside import check_writable
    from bridge.data.sources import Files, Query
    from bridge.export.saved import read_estimator
    from bridge.stream import fit as fit_in_chunks

    if output.suffix not in _WRITERS:
        raise InputError(f"{output} has the suffix {output.suffix!r}; expected one of {', '.join(_WRITERS)}")
    check_writable(output)
    rows = Files(source, tuple(text or ())) if sql is None else Query(sql, source)
    try:
        fitted = fit_in_chunks(
            read_estimator(estimator, trust=trust),
            rows,
            target=target,
            features=feature,
            chunk_rows="auto" if chunk_rows is None else chunk_rows,
            epochs=epochs,
            shuffle=shuffle,
            checkpoint=checkpoint,
        )
    except KeyboardInterrupt:
        if checkpoint is not None and checkpoint.exists():
            say(f"the same command goes on from {checkpoint}")
        raise
    _write(fitted, output)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    typer.echo(f"{output}: {type(fitted).__name__}")


def _write(estimator: Any, output: Path) -> None:
    from bridge.data.beside import written_beside

    with written_beside(output) as beside:
        _WRITERS[output.suffix](estimator, beside)


def _write_skops(estimator: Any, file: Path) -> None:
    try:
        from skops import io
    except ImportError as error:
        raise MissingExtraError("skops", extra="export", purpose=f"writing a {file.suffix} file") from error
    io.dump(estimator, file)


def _write_joblib(estimator: Any, file: Path) -> None:
    import joblib

    joblib.dump(estimator, file)


_WRITERS = {".skops": _write_skops, ".joblib": _write_joblib}
