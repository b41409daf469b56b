"""Tree ensembles, from `bridge::Forest` and from the tree operators of ai.onnx.ml."""
