"""Say on which provider onnxruntime puts every node of a model: a path a line in, a line of JSON out.

    python list_assignments.py [LIBRARY]

LIBRARY has custom operators. Runs as its own process, whose LD_LIBRARY_PATH names the stand-ins for CUDA.
"""

from __future__ import annotations

import json
import sys

from bridge.runtime.providers import CPU, CUDA, CUDA_OPTIONS, import_onnxruntime
from bridge.runtime.session import DISABLED_OPTIMIZERS


def list_assignments(path: str, libraries: list[str]) -> list[tuple[str, str, str, str]]:
    """Return provider, domain, operator and name of every node that is left after onnxruntime's own optimisation."""
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for library in libraries:
        options.register_custom_ops_library(library)
    session = ort.InferenceSession(
        path, options, providers=[(CUDA, CUDA_OPTIONS), CPU], disabled_optimizers=DISABLED_OPTIMIZERS
    )
    if CUDA not in session.get_providers():
        raise RuntimeError("onnxruntime fell back to the CPU: the stand-ins for CUDA were not loaded")
    return [
        (part.ep_name, node.domain, node.op_type, node.name)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    ]


def main() -> None:
    for line in sys.stdin:
        try:
            answer: object = {"nodes": list_assignments(line.rstrip("\n"), sys.argv[1:])}
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors derive from Exception alone
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
