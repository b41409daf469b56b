// The nodes that rows walk down. Plain data alone: each kernel file is compiled for an instruction set of its own, and
// an inline function of the standard library that it shared with others could carry those instructions into them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bridge {

// A tree's nodes level by level, so that siblings are neighbours. A row goes on at `child`, or behind it at `child + 1`
// where x[column] > threshold. At a leaf the threshold is +inf and the child is the node itself: whoever arrives before
// the others waits there. For float32 thresholds are rounded down, which decides every float32 as float64 would.
struct NarrowNode {
  float threshold;
  uint32_t word;  // column << shift | child
};

struct WideNode {
  double threshold;
  uint32_t column;
  uint32_t child;
};

// One tree of narrow nodes; `shift` is the number of bits of `child`.
struct NarrowTree {
  const NarrowNode* nodes;
  uint32_t shift;
  uint32_t depth;
};

struct WideTree {
  const WideNode* nodes;
  uint32_t depth;
};

static inline uint32_t next_node(const NarrowTree& tree, uint32_t at, const float* x) {
  const NarrowNode node = tree.nodes[at];
  const uint32_t child = node.word & ((uint32_t{1} << tree.shift) - 1);
  return child + static_cast<uint32_t>(x[node.word >> tree.shift] > node.threshold);
}

template <class T>
static inline uint32_t next_node(const WideTree& tree, uint32_t at, const T* x) {
  const WideNode node = tree.nodes[at];
  return node.child + static_cast<uint32_t>(static_cast<double>(x[node.column]) > node.threshold);
}

}  // namespace bridge
