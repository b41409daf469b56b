// Small trees for one row by itself: all nodes of a tree are asked at once. Plain data alone, as in walk_nodes.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bridge {

constexpr size_t kMostRowLeaves = 64;   // one bit each
constexpr size_t kMostRowColumns = 64;  // one register of bytes

// What the columns of a row are coded by: one entry a column, and room for whole registers of 16.
struct RowCuts {
  const float* cuts;
  const int32_t* features;
  const int32_t* places;  // of each column's cuts, where `Cuts::tree` begins
  const int32_t* bits;
  const int32_t* missing;  // the codes of NaN
  size_t n_columns;
};

// Trees of 64 nodes, or several smaller ones side by side, of which every node is asked: 64 / `size` trees in 64 bytes
// of `columns` and `codes`. Nodes that fill a tree up send no row right.
//
// Where `is_heap`, a tree of 8 leaves is a heap of three levels: node i, from 1 on, stands at place i - 1 and has the
// children 2i and 2i + 1. A tree of 64 leaves is such a heap, and behind its seven nodes one heap of seven for each of
// its leaves. Else a node that sends the row right takes the leaves under its left child away, those whose bit is 0 in
// `keeps`, numbers of `size` bits, 32 or 64; the lowest leaf that is left is reached.
struct RowTrees {
  const uint8_t* columns;
  const uint8_t* codes;
  const void* keeps;
  bool is_heap;
  uint32_t size;  // of a tree, in nodes and in leaves
  size_t n_trees;
};

}  // namespace bridge
