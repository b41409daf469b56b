"""RandomTreesEmbedding: which leaf of each tree a row reaches, one-hot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import RandomTreesEmbedding

from bridge.export.registry import Answer, converts
from bridge.export.tree_reader import read_trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(RandomTreesEmbedding)
def convert_random_trees_embedding(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Let a forest answer with the position of the leaf, a column a tree, and compare that with all positions."""
    encoder = model.one_hot_encoder_
    trees = [tree.tree_ for tree in model.estimators_]

    def scores() -> Iterator[NDArray[np.float64]]:
        for number, (tree, leaves) in enumerate(zip(trees, encoder.categories_, strict=True)):
            values = np.zeros((tree.node_count, len(trees)))
            values[leaves.astype(np.int64), number] = np.arange(len(leaves))
            yield values

    reached = b.forest(read_trees(trees, scores()), x.matrix(np.float32))
    counts = [len(leaves) for leaves in encoder.categories_]
    owners = np.repeat(np.arange(len(trees)), counts)
    positions = np.concatenate([np.arange(count, dtype=np.float64) for count in counts])
    hot = b.op("Equal", b.take_columns(reached, owners), b.constant(positions[np.newaxis]))
    return {"transform": replace(x.of(b.cast(hot, encoder.dtype), len(owners)), sparse=encoder.sparse_output)}
