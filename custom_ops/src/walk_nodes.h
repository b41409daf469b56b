// The nodes that rows walk down. Plain data alone: each kernel file is compiled for an instruction set of its own, and
// an inline function of the standard library that it shared with others could carry those instructions into them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bridge {

// Siblings are neighbours. From node i a row goes on to i + distance, or behind it to i + distance + 1 where
// x[column] > threshold. At a leaf the threshold is NaN and the distance is 0: whoever arrives before the others waits
// there. For float32 thresholds are rounded down, which decides every float32
// as float64 would.
template <class T>
struct WideNode {
  T threshold;
  uint32_t column;
  uint32_t distance;
};

// Takes its place where x is float32 and the numbers are small enough, which they mostly are.
struct NarrowNode {
  float threshold;
  uint16_t column;
  uint16_t distance;
};

// Where the rows begin in one tree, and how many steps take all of them to leaves.
struct Walk {
  uint32_t root;
  uint32_t depth;
};

template <class Node, class T>
static inline uint32_t next_node(const Node* nodes, uint32_t at, const T* x) {
  const Node& node = nodes[at];
  return at + node.distance + static_cast<uint32_t>(x[node.column] > node.threshold);
}

}  // namespace bridge
