// How one thread prepares numbers and walks trees: the same code on a GPU and on the host.
#pragma once

#include "plain_forest.h"

namespace bridge::gpu {

// Loads through the read-only cache.
template <class V>
BRIDGE_BOTH inline V load(const V* place) {
#if defined(__CUDA_ARCH__)
  return __ldg(place);
#else
  return *place;
#endif
}

BRIDGE_BOTH inline NarrowNode load(const NarrowNode* place) {
#if defined(__CUDA_ARCH__)
  const uint2 bits = __ldg(reinterpret_cast<const uint2*>(place));
  return {__uint_as_float(bits.x), bits.y};
#else
  return *place;
#endif
}

BRIDGE_BOTH inline WideNode load(const WideNode* place) {
#if defined(__CUDA_ARCH__)
  const uint4 bits = __ldg(reinterpret_cast<const uint4*>(place));
  return {__hiloint2double(static_cast<int>(bits.y), static_cast<int>(bits.x)), bits.z, bits.w};
#else
  return *place;
#endif
}

template <class T>
BRIDGE_BOTH inline bool is_member(const Forest<T>& forest, uint32_t set, T x) {
  if (!(x >= 0 && x < T{1 << 24})) return false;
  const auto number = static_cast<uint32_t>(x);
  const Set& s = forest.sets[set];
  if (number < 256) return (s.low[number / 64] >> (number % 64)) & 1;
  uint32_t first = s.begin, end = s.end;
  while (first < end) {
    const uint32_t middle = first + (end - first) / 2;
    if (forest.members[middle] < number) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first < s.end && forest.members[first] == number;
}

template <class T>
BRIDGE_BOTH inline bool goes_right_of_set(const Forest<T>& forest, const Column& column, T x) {
  return x != x ? !column.missing_left : !is_member(forest, column.set, x);
}

// The code of x in a column: how many of its thresholds are below x, so that x > threshold number k where code > k.
template <class T>
BRIDGE_BOTH inline uint32_t code_of(const Forest<T>& forest, const Column& column, T x) {
  if (column.kind == Column::kInSet) return goes_right_of_set(forest, column, x);
  if (x != x) return column.kind == Column::kMissingLeft ? 0 : column.n_cuts;
  const T* cuts = forest.cuts + column.first_cut;
  uint32_t below = 0, count = column.n_cuts;
  while (count) {
    const uint32_t half = count / 2;
    if (load(cuts + below + half) < x) {
      below += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return below;
}

// The number that stands for x in a column of nodes that hold thresholds. NaN > threshold is false: left as NaN it goes
// left, and as +inf it goes right of every threshold but +inf, whose nodes ask for kIsMissing.
template <class T>
BRIDGE_BOTH inline T number_of(const Forest<T>& forest, const Column& column, T x) {
  switch (column.kind) {
    case Column::kInSet: return goes_right_of_set(forest, column, x) ? T{1} : T{0};
    case Column::kIsMissing: return x != x ? T{1} : T{0};
    case Column::kMissingLeft: return x;
    default: return x != x ? static_cast<T>(__builtin_huge_val()) : x;
  }
}

// Each format: the cells that rows are prepared into, and the way of `kRows` rows through a tree side by side, as each
// waits for memory at every level. `cells(column, i)` gives a cell of row i; the rows' leaf rows come back in `at`.
template <class T, class Code>
struct Coded {
  using Cell = Code;
  static constexpr bool kIsCoded = true;

  BRIDGE_BOTH static Cell prepare(const Forest<T>& forest, const Column& column, T x) {
    return static_cast<Code>(code_of(forest, column, x));
  }

  BRIDGE_BOTH static bool goes_right(uint32_t node, uint32_t code) { return code > (node & 0xFFFF); }

  template <int kRows, class Cells>
  BRIDGE_BOTH static void walk(const Forest<T>& forest, const Tree& tree, const Cells& cells, uint32_t (&at)[kRows]) {
    const uint32_t* nodes = forest.coded + tree.nodes;
    for (uint32_t& place : at) place = 1;
    for (uint32_t level = 0; level < tree.depth; ++level) {
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (int i = 0; i < kRows; ++i) {
        const uint32_t node = load(nodes + at[i]);
        at[i] = 2 * at[i] + static_cast<uint32_t>(goes_right(node, cells(node >> 16, i)));
      }
    }
    for (uint32_t& place : at) place = leaf_row(forest, tree, place);
  }

  // The row of `values` of a leaf of the heap.
  BRIDGE_BOTH static uint32_t leaf_row(const Forest<T>& forest, const Tree& tree, uint32_t place) {
    const uint64_t leaf = tree.leaves + (place - (1u << tree.depth));
    return forest.outputs == 1 ? static_cast<uint32_t>(leaf) : load(forest.leaf_rows + leaf);
  }
};

BRIDGE_BOTH inline uint32_t column_of(const NarrowNode& node, uint32_t shift) { return node.word >> shift; }
BRIDGE_BOTH inline uint32_t column_of(const WideNode& node, uint32_t) { return node.column; }
BRIDGE_BOTH inline uint32_t child_of(const NarrowNode& node, uint32_t shift) { return node.word & ((1u << shift) - 1); }
BRIDGE_BOTH inline uint32_t child_of(const WideNode& node, uint32_t) { return node.child; }

template <class T>
BRIDGE_BOTH inline const NarrowNode* nodes_of(const Forest<T>& forest, const NarrowNode*) {
  return forest.narrow;
}
template <class T>
BRIDGE_BOTH inline const WideNode* nodes_of(const Forest<T>& forest, const WideNode*) {
  return forest.wide;
}

template <class T, class Node>
struct Linked {
  using Cell = T;
  static constexpr bool kIsCoded = false;

  BRIDGE_BOTH static Cell prepare(const Forest<T>& forest, const Column& column, T x) {
    return number_of(forest, column, x);
  }

  template <int kRows, class Cells>
  BRIDGE_BOTH static void walk(const Forest<T>& forest, const Tree& tree, const Cells& cells, uint32_t (&at)[kRows]) {
    const Node* nodes = nodes_of(forest, static_cast<const Node*>(nullptr)) + tree.nodes;
    for (uint32_t& place : at) place = 0;
    uint32_t moved = 1;
    for (uint32_t level = 0; level < tree.depth && moved; ++level) {
      moved = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (int i = 0; i < kRows; ++i) {
        const Node node = load(nodes + at[i]);
        const bool right = cells(column_of(node, forest.shift), i) > node.threshold;
        const uint32_t next = child_of(node, forest.shift) + static_cast<uint32_t>(right);
        moved |= next ^ at[i];
        at[i] = next;
      }
    }
    for (uint32_t& place : at) place = load(forest.leaf_rows + tree.leaves + place);
  }
};

}  // namespace bridge::gpu
