"""Where a graph shall run, in which precision, and what each target allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bridge.errors import InputError

Target = Literal["portable", "cuda", "cpu"]
Precision = Literal["exact", "float32", "float16"]
Strategy = Literal["auto", "gemm", "oblivious", "tournament", "traverse", "forest"]

TARGETS: tuple[Target, ...] = get_args(Target)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


@dataclass(frozen=True)
class TargetSpec:
    """What a target allows.

    Attributes
    ----------
    precision
        The precision that the target takes unless another one is asked for.
    precisions
        All that it takes.
    domains
        The operator domains that may be left in a finished graph; "" is `ai.onnx`.
    """

    precision: Precision
    precisions: tuple[Precision, ...]
    domains: frozenset[str]


TARGET_SPECS: dict[Target, TargetSpec] = {
    "portable": TargetSpec("float32", PRECISIONS, frozenset({""})),
    "cuda": TargetSpec("exact", PRECISIONS, frozenset({""})),
    "cpu": TargetSpec("exact", ("exact", "float32"), frozenset({"", "ai.onnx.ml"})),
}


def check_target(target: str) -> Target:
    """Return `target`, or raise with the names that exist."""
    for name in TARGETS:
        if name == target:
            return name
    raise InputError(f"unknown target {target!r}; choose one of {', '.join(map(repr, TARGETS))}")


def check_precision(precision: str | None, target: Target) -> Precision:
    """Return the precision to use for `target`: the target's own where `precision` is None."""
    spec = TARGET_SPECS[target]
    if precision is None:
        return spec.precision
    for name in PRECISIONS:
        if name == precision:
            if name not in spec.precisions:
                raise InputError(
                    f"target {target!r} does not take precision {name!r}: its runtime casts to float32 and back around "
                    f"every operator.\nUse {' or '.join(map(repr, spec.precisions))}, or another target."
                )
            return name
    raise InputError(f"unknown precision {precision!r}; choose one of {', '.join(map(repr, PRECISIONS))}")


def check_strategy(strategy: str, target: Target) -> Strategy:
    """Return `strategy`, or raise where it does not exist, or not for `target`."""
    known = known_strategy(strategy)
    if known == "forest" and target == "portable":
        raise InputError(
            "strategy 'forest' keeps trees as bridge::Forest; target 'portable' means operators of ai.onnx "
            "alone.\nUse target 'cpu' or 'cuda', or another strategy."
        )
    return known


def known_strategy(strategy: str) -> Strategy:
    """Return `strategy`, or raise where it does not exist."""
    for name in STRATEGIES:
        if name == strategy:
            return name
    raise InputError(f"unknown strategy {strategy!r}; choose one of {', '.join(map(repr, STRATEGIES))}")
