"""Train an estimator on more data than memory holds."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.data.chunks import auto_rows, check_count, find_types, first_block
from bridge.data.sources import as_source
from bridge.errors import InputError, MissingExtraError
from bridge.stream.checkpoint import Checkpoint, State, digest
from bridge.stream.labels import as_labels, find_classes
from bridge.stream.state import from_bytes, to_bytes
from bridge.stream.steps import find_steps, is_multilabel, least_rows, plan_passes, takes_classes
from bridge.stream.training import Training
from bridge.waiting import waiting

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from bridge.data.sources import Source
    from bridge.stream.steps import Step


def fit(
    estimator: Any,
    source: Any,
    *,
    target: str | Sequence[str] | None,
    features: Sequence[str] | None = None,
    chunk_rows: int | Literal["auto"] = "auto",
    classes: Any = None,
    epochs: int = 1,
    shuffle: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    """Return a copy of the estimator, trained by `partial_fit` on one chunk of rows after the other.

    The next chunk is read and parsed while the present one trains. The result has the bits of a loop of `partial_fit`
    over the same chunks, given as DataFrames of C-ordered matrices, whatever the kind of source.

    Parameters
    ----------
    estimator
        One with `partial_fit`, or a Pipeline of such and of steps that learn nothing (Normalizer, HashingVectorizer,
        FunctionTransformer, ...) or are fitted and frozen (`sklearn.frozen.FrozenEstimator`). The steps train one after
        the other, each in a pass of its own over what those before it give. One that was trained before goes on.
    source
        A .csv, .parquet, .arrow or .feather file, a folder of them, a `Files` or `Query` of `bridge.data.sources`, a
        table, an iterator of pandas, polars or Arrow tables, or a function that returns one, for more than one pass.
    target
        The column to predict, None where there is none. A list of columns for MultiOutputClassifier,
        MultiOutputRegressor, MLPRegressor, and, where each holds 0 and 1, MLPClassifier.
    features
        The columns to train on, in this order; all but the target by default. Numbers become a DataFrame of float64
        (float32 where all are), missing ones NaN; a single column of text is given as texts.
    chunk_rows
        The rows of a chunk; "auto" makes chunks of 8 MiB. The last is shorter, or, where it would be too short for
        IncrementalPCA or MiniBatchKMeans, joined to the one before.
    classes
        All labels of the target, a list of them for each of several targets; by default a first pass over the target
        column finds them.
    epochs
        How often the last step reads the source.
    shuffle
        Reorder the rows in each chunk, differently in each epoch and the same in each run.
    checkpoint
        A file to keep the state in after each chunk. If it exists, training goes on from it, and ends with the bits of
        a training without a break; once that is done, the file gives the result at once. It is a pickle, so use your
        own alone.
    progress
        Show rows and rows/s on stderr, where it takes longer than a moment.

    Raises
    ------
    UnsupportedError
        A step cannot be trained in chunks; the message names what can.
    InputError
        Rows, columns or labels do not fit, with file and row; or the checkpoint is of another training.
    """
    try:
        import pandas as pd
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError(str(error.name), extra="files", purpose="bridge.stream.fit") from error
    versions = {"pandas": pd.__version__, "pyarrow": pa.__version__}
    if chunk_rows != "auto":
        check_count("chunk_rows", chunk_rows, " or auto")
    check_count("epochs", epochs)
    steps = find_steps(estimator)
    rows = as_source(source)
    targets = _targets(target, steps)
    _check_named_once([*(features or ()), *targets])
    passes = plan_passes(steps, epochs)
    if len(passes) > 1 and not rows.is_repeatable:
        raise InputError(
            f"the training takes {len(passes)} passes, and an iterator can be read only once.\n"
            "Give a function that returns a new iterator: lambda: make_frames()."
        )
    last = steps[passes[-1].index].estimator
    is_classified = bool(targets) and any(s.kind == "trains" and takes_classes(s.estimator) for s in steps)
    keeper = None
    if checkpoint is not None:
        options = (targets, features, chunk_rows, classes, epochs, shuffle)
        keeper = Checkpoint(Path(checkpoint), _identity(rows, estimator, options, versions))
    state = keeper.read() if keeper else None
    if state is not None and state.number == len(passes):
        return state.estimator
    block = first_block(rows)
    types = find_types(block, features=features, targets=targets, labels=is_classified)
    size = auto_rows(block, types) if chunk_rows == "auto" else chunk_rows
    show = (lambda what: waiting(what, unit="rows")) if progress else (lambda _: nullcontext(lambda _: None))
    if state is None:
        found = None
        if is_classified:
            is_known = not (is_multilabel(last) and len(targets) > 1)  # whose classes_ are the targets' numbers
            known = getattr(last, "classes_", None) if is_known else None
            found = _given(classes if classes is not None else known, targets)
            if found is None:
                with show("Finding the classes") as advance:
                    found = find_classes(rows, types, targets, size, advance)
        state = State(from_bytes(to_bytes(estimator)), found, size)
    names = [name for name in types if name not in targets]
    training = Training(
        source=rows,
        types=types,
        features=names,
        targets=targets,
        passes=passes,
        shuffle=shuffle,
        least=least_rows(steps, len(names)),
    )
    training.run(state, keeper, show)
    return state.estimator


def _check_named_once(names: Sequence[str]) -> None:
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"the column {twice[0]!r} is named twice among features and target; name it once")


def _targets(target: str | Sequence[str] | None, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the names of the targets. Raises `InputError` where a step takes another number of them."""
    from sklearn.utils import get_tags

    targets = (target,) if isinstance(target, str) else tuple(target or ())
    named = ", ".join(map(repr, targets))
    for step in steps:
        if step.kind != "trains":
            continue
        name, tags = type(step.estimator).__name__, get_tags(step.estimator).target_tags
        if not targets and tags.required:
            raise InputError(f"{name} learns from a target: name its column by target=")
        if len(targets) == 1 and not tags.single_output:
            inner = type(step.estimator.estimator).__name__
            raise InputError(f"{name} takes several targets; found one, {named}. Train {inner} alone.")
        is_for_several = tags.multi_output or is_multilabel(step.estimator)
        if len(targets) > 1 and takes_classes(step.estimator) and not is_for_several:
            raise InputError(f"{name} predicts one target; found {named}. Use MultiOutputClassifier({name}(...)).")
    return targets


def _given(classes: Any, targets: Sequence[str]) -> list[Any] | None:
    """Return the labels of each target."""
    if classes is None:
        return None
    found = list(classes) if len(targets) > 1 else [classes]
    if len(found) != len(targets) or any(np.ndim(labels) != 1 for labels in found):
        words = f"a list for each of the {len(targets)} targets" if len(targets) > 1 else "a list of labels"
        raise InputError(f"classes is {classes!r}; expected {words}")
    return [as_labels(labels) for labels in found]


def _identity(source: Source, estimator: Any, options: object, versions: dict[str, str]) -> dict[str, str]:
    import sklearn

    versions |= {"numpy": np.__version__, "sklearn": sklearn.__version__}
    cls = type(estimator)
    return {
        "source": digest(source.identity()),
        "estimator": digest((cls.__module__, cls.__qualname__, estimator)),
        "parameters": digest(options),
        "versions": digest(sorted(versions.items())),
    }
