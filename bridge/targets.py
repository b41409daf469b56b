"""Where a graph shall run, in which precision, and what each target allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bridge.errors import InputError

Target = Literal["portable", "cuda", "cpu"]
Precision = Literal["exact", "float32"]
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
    domains
        The operator domains that may be left in a finished graph; "" is `ai.onnx`.
    float64
        Whether the runtimes of this target are expected to have float64 kernels.
    """

    precision: Precision
    domains: frozenset[str]
    float64: bool


TARGET_SPECS: dict[Target, TargetSpec] = {
    "portable": TargetSpec("float32", frozenset({""}), float64=False),
    "cuda": TargetSpec("exact", frozenset({""}), float64=True),
    "cpu": TargetSpec("exact", frozenset({"", "ai.onnx.ml"}), float64=True),
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
            if name == "exact" and not spec.float64:
                raise InputError(
                    f"target {target!r} has no float64, which precision 'exact' needs.\n"
                    "Use precision='float32', or target 'cpu' or 'cuda'."
                )
            return name
    raise InputError(f"unknown precision {precision!r}; choose one of {', '.join(map(repr, PRECISIONS))}")


def check_strategy(strategy: str, target: Target) -> Strategy:
    """Return `strategy`, or raise where it does not exist, or not for `target`."""
    for name in STRATEGIES:
        if name == strategy:
            if name == "forest" and target == "portable":
                raise InputError(
                    "strategy 'forest' keeps trees as bridge::Forest; target 'portable' means operators of ai.onnx "
                    "alone.\nUse target 'cpu' or 'cuda', or another strategy."
                )
            return name
    raise InputError(f"unknown strategy {strategy!r}; choose one of {', '.join(map(repr, STRATEGIES))}")
