"""Turn the text in a graph into whole numbers: runtimes have few operators for text, and CUDA has none."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

import onnx_ir as ir

from bridge.passes.lowering.values import TEXT_REASON
from bridge.passes.rule import copied_value
from bridge.passes.text_nodes import CLASSIFIERS, Role, code_tensor, role_of, texts_of, to_codes

TEXT_INPUTS_KEY = "bridge.text_inputs"
"""Key of the model's metadata: {input: [texts]}. The input takes the position of each text in that list; -1 stands for
any other text, -2 for a missing value."""

LABELS_KEY = "bridge.labels"
"""Key of the model's metadata: {output: [texts]}. The output is a position in that list; -1 is a default that the model
gives to what it does not know."""

COPIES_KEY = "bridge.text_copies"
"""Key of the model's metadata: {output: input}. The output was the text of that input, unchanged, and is gone: whoever
has the input has it too, and a text that is in no table has no code."""


@dataclass
class _Family:
    """Values that hold the same text, and so one code for each."""

    values: list[ir.Value] = field(default_factory=list)
    nodes: list[ir.Node] = field(default_factory=list)
    texts: dict[str, int] = field(default_factory=dict)
    refusal: str = ""

    def learn(self, texts: tuple[str, ...]) -> None:
        for text in texts:
            self.texts.setdefault(text, len(self.texts))


class TextInputs(ir.passes.InPlacePass):
    """Give every text a code: inputs, constants, tables and outputs of text become int64.

    Values between which text moves unchanged share one list of texts: all that their tables and constants know. The
    lists of inputs and outputs go into the model's metadata (`TEXT_INPUTS_KEY`, `LABELS_KEY`). Text that an operator
    takes apart or writes anew stays as it is, with all that touches it; `node.meta` then says why. An output that only
    repeats a text input, as ML.NET writes one for every column, is taken out (`COPIES_KEY`).
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        copies = _take_out_copies(model.graph)
        families, roles = _families(model.graph)
        inputs: dict[str, list[str]] = {}
        labels: dict[str, list[str]] = {}
        for family in families:
            _refuse_open_ends(family, model.graph)
            for node in family.nodes if family.refusal else ():
                node.meta[TEXT_REASON] = family.refusal
            for value in () if family.refusal else family.values:
                if value.is_graph_input():
                    inputs[str(value.name)] = list(family.texts)
                if value.is_graph_output():
                    labels[str(value.name)] = list(family.texts)
        codes = {v: f.texts for f in families if not f.refusal for v in f.values}
        for node, role in roles.items():
            _rewrite(model.graph, node, role, codes)
        for value in codes:
            value.type = ir.TensorType(ir.DataType.INT64)
        for key, content in ((TEXT_INPUTS_KEY, inputs), (LABELS_KEY, labels), (COPIES_KEY, copies)):
            if content:
                model.metadata_props[key] = json.dumps(content)
        return ir.passes.PassResult(model, bool(codes or copies))


def _take_out_copies(graph: ir.Graph) -> dict[str, str]:
    """Remove the outputs that repeat a text input, and return which input each was; a graph's only outputs stay."""
    sources = {output: copied_value(output) for output in graph.outputs}
    copies = {output: value for output, value in sources.items() if value.is_graph_input() and _is_text(value)}
    if len(copies) == len(graph.outputs):
        return {}
    for output in copies:
        graph.outputs.remove(output)
    return {str(output.name): str(value.name) for output, value in copies.items()}


def _is_text(value: ir.Value) -> bool:
    return value.dtype == ir.DataType.STRING


def _families(graph: ir.Graph) -> tuple[list[_Family], dict[ir.Node, Role]]:
    """Return the families of the graph's text values, and the role of each node that touches them."""
    parent: dict[ir.Value, ir.Value] = {v: v for v in graph.inputs if _is_text(v)}
    roles: dict[ir.Node, Role] = {}
    for node in graph:
        if node.op_type == "Constant":  # its readers see it as a constant
            continue
        found = [i for i, v in enumerate(node.inputs) if v in parent or _constant_texts(v) is not None]
        role, made = _role_and_answers(node, found)
        if not found and not made:
            continue
        roles[node] = role
        parent.update((v, v) for v in made)
        tied = [node.inputs[i] for i in (role.carried or role.compared)] + (made if role.carried else [])
        _unite(parent, [v for v in tied if v is not None and v in parent])
    families: dict[ir.Value, _Family] = defaultdict(_Family)
    for value in parent:
        families[_root(parent, value)].values.append(value)
    for node, role in roles.items():
        for touched in dict.fromkeys([*node.inputs, *node.outputs]):
            if touched is not None and touched in parent:
                _learn(families[_root(parent, touched)], node, role, touched)
    return list(families.values()), roles


def _role_and_answers(node: ir.Node, text_inputs: list[int]) -> tuple[Role, list[ir.Value]]:
    """Return the role of a node, and which of its outputs are text."""
    role = role_of(node, text_inputs)
    if role.carried:
        return role, list(node.outputs)
    if role.answers:
        return role, list(node.outputs[:1])
    made = [v for v in node.outputs if _is_text(v)]
    if made and not role.refusal:
        role = Role(refusal=f"{node.op_type} makes text that is in no table")
    return role, made


def _learn(family: _Family, node: ir.Node, role: Role, value: ir.Value) -> None:
    """Tell the family of `value` which texts `node` knows, and why it cannot work on codes if it cannot."""
    family.nodes.append(node)
    family.refusal = family.refusal or role.refusal
    family.learn(role.reads if value in node.inputs else role.answers)
    if role.carried or node.op_type == "Equal":
        for other in node.inputs:
            family.learn(_constant_texts(other) or ())


def _constant_texts(value: ir.Value | None) -> tuple[str, ...] | None:
    """Return the texts of a constant, None for all other values."""
    tensor = None if value is None else ir.convenience.get_const_tensor(value)
    return texts_of(tensor) if tensor is not None and tensor.dtype == ir.DataType.STRING else None


def _refuse_open_ends(family: _Family, graph: ir.Graph) -> None:
    """Refuse where codes would not say what text says: a text in no table has no code of its own."""
    inputs = [v for v in family.values if v.is_graph_input()]
    outputs = [v for v in family.values if v.is_graph_output()]
    compared = [n for n in family.nodes if n.op_type == "Equal" and not any(_constant_texts(v) for v in n.inputs)]
    if inputs and outputs:
        reason = f"text of input {inputs[0].name!r} reaches output {outputs[0].name!r}, so it may be in no table"
    elif inputs and compared:
        reason = f"text of input {inputs[0].name!r} is compared with other text that is no constant"
    elif any(node.graph is not graph for value in family.values for node, _ in value.uses()):
        reason = "text is read inside of a loop or a branch"
    elif any(_labels_moved(node, family) for node in family.nodes):
        reason = "the class labels of a classifier are mixed with other text"
    else:
        return
    family.refusal = family.refusal or reason


def _labels_moved(node: ir.Node, family: _Family) -> bool:
    """Return whether a classifier's labels have other codes than 0, 1, ...: rules answer with positions at times."""
    if node.op_type not in CLASSIFIERS:
        return False
    labels = role_of(node, []).answers
    return [family.texts.get(t) for t in labels] != list(range(len(labels)))


def _rewrite(graph: ir.Graph, node: ir.Node, role: Role, codes: dict[ir.Value, dict[str, int]]) -> None:
    """Give `node` codes in its tables and constants, where the text that it touches has codes."""
    reads = _codes_read(node, role, codes)
    answers = codes.get(node.outputs[0]) if role.answers else None
    carried = codes.get(node.outputs[0]) if role.carried else None
    if reads is not None or answers is not None or carried is not None:
        to_codes(node, reads, answers)
    if node.op_type == "Equal":
        carried = next((codes[v] for v in node.inputs if v in codes), None)
    known = reads if carried is None else carried
    if known is None:
        return
    for index, value in enumerate(node.inputs):
        tensor = None if value is None else ir.convenience.get_const_tensor(value)
        if tensor is not None and tensor.dtype == ir.DataType.STRING:
            node.replace_input_with(index, _code_constant(graph, node, index, code_tensor(tensor, known)))


def _codes_read(node: ir.Node, role: Role, codes: dict[ir.Value, dict[str, int]]) -> dict[str, int] | None:
    """Return the codes of the table that `node` looks its input up in; a constant, which is in no family, has its own.

    ML.NET writes the names of its columns so.
    """
    source = node.inputs[0] if role.reads else None
    if source is None or role.refusal or _constant_texts(source) is None:
        return None if source is None else codes.get(source)
    return {text: code for code, text in enumerate(dict.fromkeys(role.reads))}


def _code_constant(graph: ir.Graph, node: ir.Node, index: int, codes: ir.TensorProtocol) -> ir.Value:
    name = f"{node.outputs[0].name}_codes_{index}"
    while name in graph.initializers:
        name += "_"
    shape = ir.Shape(codes.numpy().shape)
    new = ir.Value(name=name, type=ir.TensorType(ir.DataType.INT64), shape=shape, const_value=codes)
    graph.register_initializer(new)
    return new


def _root(parent: dict[ir.Value, ir.Value], value: ir.Value) -> ir.Value:
    while parent[value] is not value:
        parent[value] = parent[parent[value]]
        value = parent[value]
    return value


def _unite(parent: dict[ir.Value, ir.Value], values: list[ir.Value]) -> None:
    for value in values[1:]:
        parent[_root(parent, value)] = _root(parent, values[0])
