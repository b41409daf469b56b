"""The files that bridge makes of an estimator, as contenders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from bridge.bench.contender import Contender
from bridge.compile import export
from bridge.errors import InputError, LoweringError, ParityError
from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.runtime.native import find_native
from bridge.runtime.predictor import Predictor
from bridge.runtime.providers import cuda_is_usable
from bridge.runtime.session import open_session
from bridge.targets import Strategy, Target, check_strategy, check_target, known_strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from bridge.runtime.providers import Device


@dataclass(frozen=True)
class Form:
    """A target and a form of trees; where that is `forest`, `kernel` says whether the native operator runs it."""

    target: Target
    strategy: Strategy = "auto"
    kernel: bool = False

    @property
    def name(self) -> str:
        how = {"forest": ": kernel" if self.kernel else ": function"}.get(self.strategy, "")
        where = " (on a CPU)" if self.target == "cuda" and not cuda_is_usable() else ""
        return f"bridge {self.target}, {self.strategy}{how}{where}"


def choose_forms(targets: Sequence[str] = (), strategies: Sequence[str] = ()) -> list[Form]:
    """Return all pairs of these; by default what a user would choose between."""
    if not targets and not strategies:
        forms = [Form("cpu"), Form("cpu", "forest", kernel=True), Form("cpu", "forest"), Form("portable")]
        return [*forms, Form("cuda")] if cuda_is_usable() else forms
    found = []
    for target, strategy in product(targets or ["cpu"], strategies or ["auto"]):
        form = Form(check_target(target), known_strategy(strategy))
        if form.strategy == "forest" and form.target == "cpu":
            found.append(Form(form.target, form.strategy, kernel=True))
        found.append(form)
    return found


class Maker:
    """Makes the forms of one estimator; each graph is exported once."""

    def __init__(self, estimator: Any, table: Any, methods: Sequence[str], threads: int) -> None:
        self._estimator, self._table, self._methods, self._threads = estimator, table, methods, threads
        self._graphs: dict[tuple[Target, Strategy], onnx.ModelProto] = {}

    def make(self, form: Form) -> dict[str, Contender] | str:
        """Return the form's methods, checked against the estimator's, or why it is not to be had."""
        try:
            check_strategy(form.strategy, form.target)
            graph = self._graph(form)
        except (LoweringError, ParityError, InputError) as error:
            if isinstance(error, InputError) and form.strategy == "auto":
                raise  # it is about the sample
            return " ".join(str(error).split())
        if form.strategy == "forest" and not holds_forest(graph):
            return "the model has no trees that could be one node"
        if form.kernel and find_native().path is None:
            return f"not installed: {find_native().told}"
        device: Device = "cuda" if form.target == "cuda" and cuda_is_usable() else "cpu"
        # bridge's own kernels are left out where the function is to be timed.
        is_native = form.kernel or form.strategy != "forest"
        session = open_session(graph.SerializeToString(), device=device, threads=self._threads, native=is_native)
        predictor = Predictor(graph, session)
        return {name: Contender(getattr(predictor, name), self._table) for name in self._methods}

    def _graph(self, form: Form) -> onnx.ModelProto:
        key = (form.target, form.strategy)
        if key not in self._graphs:
            make = partial(export, self._estimator, self._table, target=form.target, strategy=form.strategy)
            self._graphs[key] = make(methods=list(self._methods))
        return self._graphs[key]


def holds_forest(graph: onnx.ModelProto) -> bool:
    """Return whether `bridge::Forest` is among the operators of a graph."""
    return any((f.domain, f.name) == (BRIDGE_DOMAIN, FOREST) for f in graph.functions)
