// Trees of up to 256 leaves, of which every node is evaluated for every row. Plain data alone, as in walk_nodes.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bridge {

constexpr size_t kMostFullLeaves = 256;
constexpr size_t kRowGroup = 64;  // rows are padded to a multiple of this

// Each row points at a leaf, at first at leaf 0. Nodes come in preorder, leaves from left to right: `first` is the
// first leaf under the node, `right` the first under its right child. Where a row points at `first` and its code of
// `column` is above `code`, it goes on to point at `right`. A row that left the subtree before points elsewhere.
struct FullNode {
  uint32_t column;
  uint32_t code;   // all bytes alike where codes are bytes, both halves alike where they are words
  uint32_t first;  // all bytes alike, so that the fastest broadcast, of 32 bits, will do
  uint32_t right;  // likewise
};

// What the leaves of a tree score on one output. Outputs on which a tree scores nothing but zeros have none.
struct LeafScores {
  uint32_t output;
  size_t place;  // in FullTrees::tables, in bytes
};

struct FullTree {
  uint32_t first_node;
  uint32_t n_nodes;
  uint32_t n_leaves;
  uint32_t first_scores;
  uint32_t n_scores;
};

struct FullTrees {
  const FullNode* nodes;
  const FullTree* trees;
  const LeafScores* scores;
  const unsigned char* tables;  // float64 numbers; or their eight bytes apart, where Kernels::wants_planes says so
};

// A tile of rows: codes column after column, `stride` apart, and the sums output after output, as far apart.
template <class Code>
struct Tile {
  const Code* codes;
  double* sums;
  size_t stride;
  size_t rows;  // a multiple of kRowGroup
};

// How many leaves a table of planes has room for.
static constexpr size_t plane_size(size_t leaves) { return leaves <= 64 ? 64 : leaves <= 128 ? 128 : 256; }

// The cuts of one column as a search tree: 2 ** bits - 1 of them, filled up with +inf, level by level from entry 1 on.
// A search begins at entry 1 and goes on from i to 2i, or to 2i + 1 where x is above; it ends at 2 ** bits plus the
// code.
template <class T>
struct Cuts {
  const T* tree;
  uint32_t bits;
  uint32_t missing;  // the code of NaN
};

}  // namespace bridge
