// Small trees for one row by itself: all nodes of a tree are asked at once. Plain data alone, as in walk_nodes.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bridge {

constexpr size_t kMostRowLeaves = 64;   // one bit each
constexpr size_t kMostRowColumns = 64;  // one register of bytes

// Tables of one entry a node, tree after tree, and room behind the last for 64 more. A node that sends the row right
// takes the leaves under its left child away: those whose bit is 0 in `keeps`. The lowest leaf that is left is reached.
struct RowTrees {
  const uint8_t* columns;
  const uint8_t* codes;
  const uint64_t* keeps;
  const uint32_t* first_nodes;  // one more than trees
  size_t n_trees;
};

}  // namespace bridge
