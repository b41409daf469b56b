"""The command `bridge`: the functions of the package, on files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli_bench import bench
from bridge.cli_errors import plain_errors, say
from bridge.cli_fit import fit
from bridge.cli_predict import predict
from bridge.cli_tables import as_fitted
from bridge.errors import MissingExtraError
from bridge.installed import installed_version
from bridge.targets import PRECISIONS, STRATEGIES, TARGETS
from bridge.waiting import waiting

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    name="bridge",
    help="Fitted scikit-learn models as ONNX files that give the same answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Estimator = Annotated[Path, typer.Argument(help="Fitted estimator: .skops, .joblib or .pkl.", metavar="ESTIMATOR")]
ModelFile = Annotated[Path, typer.Argument(help="An .onnx file.", metavar="MODEL")]
DataFile = Annotated[Path, typer.Argument(help="Table: .csv, .parquet, .arrow or .feather.", metavar="DATA")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
Target = Annotated[str, typer.Option(help=f"Where it shall run: {', '.join(TARGETS)}.")]
PrecisionOption = Annotated[str | None, typer.Option(help=f"{', '.join(PRECISIONS)}; by default the target's own.")]
StrategyOption = Annotated[str, typer.Option(help=f"The form of trees: {', '.join(STRATEGIES)}.")]
Opset = Annotated[int | None, typer.Option(help="Operator set of a portable file; 13 by default.")]
IrVersion = Annotated[int | None, typer.Option(help="IR version of a portable file; the oldest of its operator set.")]
BatchSize = Annotated[int | None, typer.Option(help="Write this number of rows into a portable file.")]
Trust = Annotated[bool, typer.Option("--trust", help="Load files that could run their author's code.")]


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def _start(
    *, show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False
) -> None:
    if show_version:
        typer.echo(f"bridge {installed_version('onnx-bridge') or '(not installed)'}")
        raise typer.Exit


@app.command()
@plain_errors()
def export(
    estimator: Estimator,
    *,
    sample: Annotated[Path, typer.Option(help="Table of what predict will get: .csv, .parquet, .arrow, .feather.")],
    output: Output,
    target: Target = "portable",
    precision: PrecisionOption = None,
    strategy: StrategyOption = "auto",
    method: Annotated[list[str] | None, typer.Option(help="Export only this method. Repeat for more.")] = None,
    opset: Opset = None,
    ir_version: IrVersion = None,
    batch_size: BatchSize = None,
    trust: Trust = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Compare with the estimator first.")] = True,
) -> None:
    """Write an estimator as an ONNX file, checked against it."""
    import bridge
    from bridge.artifact import get_metadata

    with waiting(f"Reading {estimator.name} and {sample.name}"):
        fitted = _read_estimator(estimator, trust=trust)
        table = _read(sample)
    data = as_fitted(fitted, table)
    with waiting(f"Exporting {estimator.name} for {target}"):
        model = bridge.export(
            fitted,
            data,
            output,
            target=target,
            precision=precision,
            strategy=strategy,
            methods=method,
            check=check,
            opset=opset,
            ir_version=ir_version,
            batch_size=batch_size,
        )
    metadata = get_metadata(model)
    parity = metadata.parity if metadata else {}
    checked = f"equal on {next(iter(parity.values()))['rows']:,} rows" if parity else "not checked"
    typer.echo(f"{output}: {len(model.graph.node)} nodes, {_size(model.ByteSize())}, {checked}")


@app.command()
@plain_errors()
def lower(
    model: ModelFile,
    *,
    output: Output,
    target: Target = "portable",
    precision: Annotated[
        str | None, typer.Option(help="exact or float32; by default the dtypes of the file are kept.")
    ] = None,
    strategy: StrategyOption = "auto",
    opset: Opset = None,
    ir_version: IrVersion = None,
    batch_size: BatchSize = None,
) -> None:
    """Rewrite an ONNX file, from any exporter, for a target."""
    import bridge
    from bridge.plain import text_copies

    with waiting(f"Lowering {model.name} for {target}"):
        lowered = bridge.lower(
            model,
            output,
            target=target,
            precision=precision,
            strategy=strategy,
            opset=opset,
            ir_version=ir_version,
            batch_size=batch_size,
        )
    for copy, source in text_copies(lowered).items():
        say(f"no output any more: {copy}, which repeated the text of input {source}")
    typer.echo(f"{output}: {len(lowered.graph.node)} nodes, {_size(lowered.ByteSize())}")


@app.command()
@plain_errors()
def inspect(model: ModelFile) -> None:
    """Show a file's inputs, methods and operators, and what would run on CUDA."""
    from rich.console import Console

    from bridge.artifact import read_model
    from bridge.summary import summarize
    from bridge.summary_view import show_summary

    show_summary(model.name, summarize(read_model(model)), Console(highlight=False))


@app.command()
@plain_errors()
def verify(estimator: Estimator, model: ModelFile, data: DataFile, *, trust: Trust = False) -> None:
    """Compare a file with its estimator, row by row. Exit code 1 where they differ."""
    import bridge

    with waiting(f"Reading {estimator.name} and {data.name}"):
        fitted = _read_estimator(estimator, trust=trust)
        predictor = bridge.load(model, device="cpu")
        table = _read(data, text=_text_columns(predictor))
    rows = as_fitted(fitted, table)
    with waiting(f"Comparing {len(table):,} rows"):
        report = bridge.verify(fitted, predictor, rows)
    typer.echo(str(report))
    if not report.ok:
        raise typer.Exit(1)


app.command()(predict)
app.command()(fit)
app.command()(bench)


@app.command()
@plain_errors()
def demo(
    *,
    rows: Annotated[int | None, typer.Option(help="Use only this many flights.", min=2_000)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Keep the exported files in this folder.")
    ] = None,
) -> None:
    """Fit models on real flights, export them for every target, compare, and time."""
    try:
        from bridge.demo.show import run_demo

        ok = run_demo(rows=rows, folder=output)
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), extra="demo", purpose="the demo") from error
    if not ok:
        raise typer.Exit(1)


def _read_estimator(path: Path, *, trust: bool) -> Any:
    from bridge.export.saved import read_estimator

    return read_estimator(path, trust=trust)


def _read(path: Path, *, text: tuple[str, ...] | None = ()) -> pd.DataFrame:
    from bridge.data.files import read_table

    return read_table(path, text=text)


def _text_columns(predictor: Any) -> tuple[str, ...] | None:
    """Return the names of the columns that are text, None where it is the one column whatever its name."""
    columns = [c for c in predictor.metadata.schema.columns if c.is_text]
    if columns and predictor.metadata.schema.kind == "vector":
        return None
    return tuple(c.name if c.analysis is None else c.analysis.column for c in columns)


def _size(count: int) -> str:
    from bridge.summary_view import file_size

    return file_size(count)


if __name__ == "__main__":
    main()
