"""Tree files that contradict themselves are refused by node and attribute, before any runtime sees them."""

from __future__ import annotations

import onnx
import pytest

import bridge
from bridge.errors import ArtifactError, LoweringError
from tests.passes.exporters.boundary import TREES
from tests.passes.exporters.catalogue import exported

FILES = {
    "lightgbm: two classes": r"LgbmClassifier \(ai.onnx.ml::TreeEnsembleClassifier\)",
    "lightgbm: leaf-wise, deep": r"LgbmRegressor \(ai.onnx.ml::TreeEnsembleRegressor\)",  # its lists are carried packed
    "catboost: ten classes": r"\(unnamed, makes 'label'\) \(ai.onnx.ml::TreeEnsembleClassifier\)",
}


def damaged(name, damage):
    """Return the file after `damage` to its first tree node.

    That gets the node, its attributes by name, and how the names of its scores begin.
    """
    model = onnx.ModelProto()
    model.CopyFrom(exported(name))
    node = next(n for n in model.graph.node if n.op_type in TREES)
    damage(node, {a.name: a for a in node.attribute}, TREES[node.op_type])
    return model


def number(attribute, value):
    """Return a damage: the root's number in `attribute` becomes `value`."""

    def damage(_node, attributes, _kind):
        attributes[attribute].ints[0] = value

    return damage


def score(attribute, value):
    def damage(_node, attributes, kind):
        attributes[f"{kind}_{attribute}"].ints[0] = value

    return damage


def without(attribute):
    def damage(node, attributes, kind):
        node.attribute.remove(attributes[attribute.format(kind)])

    return damage


def longer(_node, attributes, _kind):
    attributes["nodes_treeids"].ints.append(0)


def shorter(_node, attributes, kind):
    attributes[f"{kind}_weights"].floats.pop()


def of_floats(_node, attributes, _kind):
    attribute = attributes["nodes_featureids"]
    attribute.type = onnx.AttributeProto.FLOATS
    attribute.floats.extend(map(float, attribute.ints))
    attribute.ClearField("ints")


def of_another_mode(_node, attributes, _kind):
    attributes["nodes_modes"].strings[0] = b"BRANCH_LE"


def transformed(node, attributes, _kind):
    if "post_transform" in attributes:
        node.attribute.remove(attributes["post_transform"])
    node.attribute.append(onnx.helper.make_attribute("post_transform", "CUBE"))


def many_bases(node, attributes, _kind):
    if "base_values" in attributes:
        node.attribute.remove(attributes["base_values"])
    node.attribute.append(onnx.helper.make_attribute("base_values", [1.0] * 7))


DAMAGES = {
    "a child that is not there": (number("nodes_truenodeids", 9999), "'nodes_truenodeids' names node 9999 of tree 0"),
    "a negative child": (number("nodes_falsenodeids", -7), "'nodes_falsenodeids' names node -7 of tree 0"),
    "a node that is its own child": (number("nodes_truenodeids", 0), "is its own ancestor: 'nodes_truenodeids'"),
    "a node twice": (number("nodes_nodeids", 1), "'nodes_nodeids' has node 1 of tree 0 twice"),
    "a feature beyond the input": (number("nodes_featureids", 50), "'nodes_featureids' asks for feature 50 of 4"),
    "a negative feature": (number("nodes_featureids", -1), "'nodes_featureids' asks for feature -1 of 4"),
    "a list too long": (longer, "of one length are not: 'nodes_treeids' has .*, all others have"),
    "a list too short": (shorter, "of one length are not: '.*_weights' has .*, all others have"),
    "a list missing": (without("nodes_nodeids"), "'nodes_nodeids' has 0"),
    "no scores": (without("{}_weights"), "'.*_weights' has 0"),
    "a list of another type": (of_floats, "'nodes_featureids' is FLOATS, expected INTS"),
    "a mode that does not exist": (of_another_mode, "'nodes_modes' has the unknown mode 'BRANCH_LE'"),
    "a class that does not exist": (score("ids", 77), "_ids' names target or class 77 of"),
    "a scored node that is not there": (score("nodeids", 7777), "_nodeids' names node 7777 of tree 0"),
    "a scored tree that is not there": (score("treeids", 7777), "of tree 7777, which does not exist"),
    "a transform that does not exist": (transformed, "'post_transform' is 'CUBE'"),
    "too many base values": (many_bases, "'base_values' has 7 entries for"),
}


@pytest.mark.parametrize("target", ["portable", "cpu"])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_table_is_refused_by_node_and_attribute(name, damage, target):
    apply, reason = DAMAGES[damage]
    with pytest.raises(LoweringError, match=f"{FILES[name]}: .*{reason}"):
        bridge.lower(damaged(name, apply), target=target)


@pytest.mark.parametrize("name", FILES)
def test_text_that_is_no_utf8_is_refused_by_node_and_attribute(name):
    def damage(_node, attributes, _kind):
        attributes["nodes_modes"].strings[0] = b"\xff"

    with pytest.raises(ArtifactError, match=r"attribute 'nodes_modes' of .*TreeEnsemble.* holds text that is no UTF-8"):
        bridge.lower(damaged(name, damage), target="portable")


@pytest.mark.parametrize("name", FILES)
def test_an_input_that_nothing_makes_is_named_before_the_file_is_brought_to_a_newer_opset(name):
    def damage(node, _attributes, _kind):
        node.input[0] = "nowhere"

    with pytest.raises(ArtifactError, match=r"TreeEnsemble.* reads 'nowhere', which nothing makes"):
        bridge.lower(damaged(name, damage), target="portable")


def test_what_onnxruntime_loads_is_kept():
    def damage(_node, attributes, _kind):
        attributes["nodes_truenodeids"].ints[0] = attributes["nodes_falsenodeids"].ints[0]

    model = damaged("xgboost: two numbers", damage)
    with pytest.raises(LoweringError, match="a node has two parents"):
        bridge.lower(model, target="portable")
    assert [node.op_type for node in bridge.lower(model, target="cpu").graph.node] == ["TreeEnsembleRegressor"]
