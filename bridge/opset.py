"""Operator domains and versions that bridge writes, and the names of its own operators."""

from __future__ import annotations

from typing import Final

MAIN_DOMAIN: Final = ""
ML_DOMAIN: Final = "ai.onnx.ml"
BRIDGE_DOMAIN: Final = "bridge"
MICROSOFT_DOMAIN: Final = "com.microsoft"

MAIN_OPSET: Final = 13
"""The newest version of `ai.onnx` that nearly every runtime reads."""
ML_OPSET: Final = 5
"""The first version with TreeEnsemble, whose float64 form keeps float64 sums."""
BRIDGE_OPSET: Final = 1

IR_VERSION: Final = 7
"""Goes with opset 13."""
IR_VERSION_FUNCTIONS: Final = 8
"""The first with functions of a model's own."""
IR_VERSION_ML5: Final = 10
"""Goes with ai.onnx.ml 5."""

FOREST: Final = "Forest"
"""`bridge::Forest`: the one operator for a tree ensemble; `bridge.passes.keep_forests` says what it computes."""

EITHER: Final = "Either"
"""`bridge::Either`: the estimator's own form of a number, and a stable one; portable files, in float32, take this."""

PRODUCER: Final = "bridge"
"""The `producer_name` of the models that bridge exports."""
METADATA_KEY: Final = "bridge"
"""The key of the model's `metadata_props` that holds bridge's own JSON."""

ARBITRARY_TIES: Final = "bridge.arbitrary_ties"
"""The key of a node's `meta` which says that its choice among equals is not the estimator's."""
