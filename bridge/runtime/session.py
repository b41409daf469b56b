"""Open a session on the device that was asked for, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from bridge.cores import usable_cores
from bridge.errors import ArtifactError, DeviceError, InputError
from bridge.runtime.native import register_native
from bridge.runtime.providers import CUDA, Device, choose_providers, import_onnxruntime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx
    from numpy.typing import NDArray

    Arrays = Sequence[NDArray[Any]]
    Run = Callable[[list[str], dict[str, NDArray[Any]]], Arrays]

DISABLED_OPTIMIZERS = ["MatMulScaleFusion"]
"""It folds a scalar behind a float64 MatMul into a float32 factor: errors of 1e-8 where 1e-16 is due (1.31.1)."""


@dataclass(frozen=True)
class Session:
    """A model that is ready to run.

    Attributes
    ----------
    run
        Called as ``run(output_names, feeds)``; returns the arrays in that order.
    inputs, outputs
        The names of the graph's inputs and outputs.
    providers
        Where it runs, the preferred provider first.
    has_kernels
        Whether it computes bridge's own operators by their kernels, and not by their functions.
    """

    run: Run
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    providers: tuple[str, ...]
    has_kernels: bool = False


def open_session(
    model: bytes | str, *, device: Device, threads: int | None = None, native: bool = True, spin: bool = True
) -> Session:
    """Return an onnxruntime session for a serialized model.

    Parameters
    ----------
    model
        The serialized `ModelProto`, or the path of a file whose external data lies beside it.
    device
        "cuda" raises `DeviceError` unless the session really is on the GPU.
    threads
        Threads inside one operator; by default all cores that this process may use.
    native
        Take bridge's own kernels where they are installed; without them their functions run.
    spin
        Let threads that wait for work keep their core busy for a short while, so that they begin sooner.
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise InputError(f"threads is {threads!r}; expected None, or a whole number from 1 on")
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads if threads is not None else usable_cores()
    options.log_severity_level = 3
    if not spin:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = choose_providers(device)
    has_kernels = native and register_native(options, providers)
    try:
        session = ort.InferenceSession(
            model, options, providers=providers, disabled_optimizers=DISABLED_OPTIMIZERS, enable_fallback=0
        )
    except Exception as error:  # onnxruntime's own errors derive from Exception alone
        raise ArtifactError(f"onnxruntime {ort.__version__} cannot load this model: {error}") from error
    if device == "cuda" and CUDA not in session.get_providers():
        raise DeviceError(
            f"onnxruntime fell back to {', '.join(session.get_providers())} without an error; CUDA was asked for.\n"
            "Check the driver with nvidia-smi, and that the CUDA libraries match this onnxruntime."
        )
    run_options = ort.RunOptions()
    # The other methods' nodes are in the same graph: leave them out of the run.
    run_options.only_execute_path_to_fetches = True
    return Session(
        # The binding itself, without the wrapper's checks of names, which cost 1 us of a 5 us call.
        partial(_run_binding, session._sess.run, run_options),  # noqa: SLF001
        tuple(i.name for i in session.get_inputs()),
        tuple(o.name for o in session.get_outputs()),
        tuple(session.get_providers()),
        has_kernels,
    )


def _run_binding(run: Any, options: Any, outputs: list[str], feeds: dict[str, NDArray[Any]]) -> Arrays:
    arrays: Arrays = run(outputs, feeds, options)
    return arrays


def open_reference(model: onnx.ModelProto) -> Session:
    """Return a session of ONNX's own reference evaluator: slow, but needs no runtime."""
    from bridge.runtime.reference import make_reference

    evaluator = make_reference(model)
    return Session(
        lambda outputs, feeds: cast("Arrays", evaluator.run(outputs, feeds)),
        tuple(evaluator.input_names),
        tuple(evaluator.output_names),
        ("onnx.reference",),
    )
