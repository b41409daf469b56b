"""Names of values inside branches and loops."""

from __future__ import annotations

import onnx_ir as ir


class NameInnerValues(ir.passes.InPlacePass):
    """Give every value inside a branch or a loop a name that no other value has.

    onnx_ir's NameFixPass (1.1) lets a value behind a loop have the name of one inside it, which onnxruntime refuses.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        graph = model.graph
        values = [*graph.inputs, *graph.initializers.values(), *(o for node in graph for o in node.outputs)]
        taken = {value.name for value in values}
        modified = False
        for inner in graph.subgraphs():
            for value in (*inner.inputs, *inner.initializers.values(), *(o for node in inner for o in node.outputs)):
                name = value.name
                number = 0
                while value.name in taken:
                    number += 1
                    value.name = f"{name}_in_{inner.name}_{number}"
                    modified = True
                taken.add(value.name)
        return ir.passes.PassResult(model, modified)
