// The loops of every kernel in plain C++. Each kernel file compiles its own copy, under its own instruction set: hence
// the namespace without a name, and no functions of the standard library.
#pragma once

#include "kernels.h"

namespace bridge {
namespace {  // NOLINT

constexpr size_t kRowsAtOnce = 12;
constexpr uint32_t kLevelsBetweenChecks = 4;

// Several rows go down side by side: alone, each would wait for memory at every level. Those that arrived do so again.
template <size_t kRows, class Node, class T>
void descend_group(const Node* nodes, Walk walk, const T* x, size_t stride, uint32_t* reached) {
  uint32_t at[kRows];
  for (size_t j = 0; j < kRows; ++j) at[j] = walk.root;
  for (uint32_t level = 0; level < walk.depth; level += kLevelsBetweenChecks) {
    for (uint32_t more = 1; more < kLevelsBetweenChecks; ++more) {
      for (size_t j = 0; j < kRows; ++j) at[j] = next_node(nodes, at[j], x + j * stride);
    }
    uint32_t moved = 0;
    for (size_t j = 0; j < kRows; ++j) {
      const uint32_t next = next_node(nodes, at[j], x + j * stride);
      moved |= next ^ at[j];
      at[j] = next;
    }
    if (!moved) break;
  }
  for (size_t j = 0; j < kRows; ++j) reached[j] = at[j];
}

template <class Node, class T>
void descend(const Node* nodes, Walk walk, const T* x, size_t stride, size_t rows, uint32_t* reached) {
  size_t row = 0;
  for (; row + kRowsAtOnce <= rows; row += kRowsAtOnce) {
    descend_group<kRowsAtOnce>(nodes, walk, x + row * stride, stride, reached + row);
  }
  for (; row < rows; ++row) descend_group<1>(nodes, walk, x + row * stride, stride, reached + row);
}

template <size_t kRows, class T, class Code>
void code_group(const Cuts<T>& cuts, const T* x, size_t stride, Code* codes) {
  uint32_t at[kRows];
  for (size_t j = 0; j < kRows; ++j) at[j] = 1;
  for (uint32_t level = 0; level < cuts.bits; ++level) {
    for (size_t j = 0; j < kRows; ++j) at[j] = 2 * at[j] + static_cast<uint32_t>(x[j * stride] > cuts.tree[at[j]]);
  }
  for (size_t j = 0; j < kRows; ++j) {
    const T number = x[j * stride];
    codes[j] = static_cast<Code>(number != number ? cuts.missing : at[j] - (uint32_t{1} << cuts.bits));
  }
}

template <class T, class Code>
void code(Cuts<T> cuts, const T* x, size_t stride, size_t rows, Code* codes) {
  size_t row = 0;
  for (; row + kRowsAtOnce <= rows; row += kRowsAtOnce)
    code_group<kRowsAtOnce>(cuts, x + row * stride, stride, codes + row);
  for (; row < rows; ++row) code_group<1>(cuts, x + row * stride, stride, codes + row);
}

template <class Code>
void look_up(const uint64_t* bits, const uint8_t* categories, size_t rows, Code* codes) {
  for (size_t row = 0; row < rows; ++row) {
    codes[row] = static_cast<Code>(bits[categories[row] / 64] >> (categories[row] % 64) & 1);
  }
}

// Adds the scores of the leaves that kRowGroup rows point at.
inline void add_scores(const FullTrees& trees, const FullTree& tree, const uint8_t* leaf, double* sums, size_t stride) {
  for (uint32_t s = 0; s < tree.n_scores; ++s) {
    const LeafScores& scores = trees.scores[tree.first_scores + s];
    const auto* table = reinterpret_cast<const double*>(trees.tables + scores.place);
    double* out = sums + scores.output * stride;
    for (size_t row = 0; row < kRowGroup; ++row) out[row] += table[leaf[row]];
  }
}

// Vectors of GCC and Clang, which cut them into what the target has: SSE2, NEON, ... A comparison gives all ones or
// zeros.
using Bytes = uint8_t __attribute__((vector_size(16)));
using Words = uint16_t __attribute__((vector_size(16)));
using EightBytes = uint8_t __attribute__((vector_size(8)));

template <class Vector, class Number>
Vector load(const Number* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}

// Which of 16 rows have a code above the node's.
inline Bytes codes_above(const uint8_t* codes, uint32_t code) {
  return reinterpret_cast<Bytes>(load<Bytes>(codes) > static_cast<uint8_t>(code));
}

inline Bytes codes_above(const uint16_t* codes, uint32_t code) {
  const auto word = static_cast<uint16_t>(code);
  const Words low = reinterpret_cast<Words>(load<Words>(codes) > word);
  const Words high = reinterpret_cast<Words>(load<Words>(codes + 8) > word);
  const EightBytes parts[] = {__builtin_convertvector(low, EightBytes), __builtin_convertvector(high, EightBytes)};
  return load<Bytes>(reinterpret_cast<const uint8_t*>(parts));
}

template <class Code>
void evaluate(const FullTrees& trees, size_t first, size_t last, const Tile<Code>& tile) {
  for (size_t t = first; t < last; ++t) {
    const FullTree& tree = trees.trees[t];
    for (size_t row = 0; row < tile.rows; row += kRowGroup) {
      constexpr size_t kVectors = kRowGroup / sizeof(Bytes);
      Bytes leaf[kVectors] = {};
      for (uint32_t i = 0; i < tree.n_nodes; ++i) {
        const FullNode& node = trees.nodes[tree.first_node + i];
        const Code* codes = tile.codes + node.column * tile.stride + row;
        const auto from = static_cast<uint8_t>(node.first), to = static_cast<uint8_t>(node.right);
        for (size_t v = 0; v < kVectors; ++v) {
          const Bytes moves =
              codes_above(codes + v * sizeof(Bytes), node.code) & reinterpret_cast<Bytes>(leaf[v] == from);
          leaf[v] = (leaf[v] & ~moves) | (moves & to);
        }
      }
      uint8_t leaves[kRowGroup];
      __builtin_memcpy(leaves, leaf, sizeof(leaves));
      add_scores(trees, tree, leaves, tile.sums + row, tile.stride);
    }
  }
}

// The loops of this file, for those that begin with them.
constexpr Kernels plain_kernels(const char* name) {
  return {
      .name = name,
      .descend_narrow = descend<NarrowNode, float>,
      .descend_wide_f32 = descend<WideNode<float>, float>,
      .descend_wide_f64 = descend<WideNode<double>, double>,
      .code_bytes_f32 = code<float, uint8_t>,
      .code_words_f32 = code<float, uint16_t>,
      .code_bytes_f64 = code<double, uint8_t>,
      .code_words_f64 = code<double, uint16_t>,
      .look_up_bytes = look_up<uint8_t>,
      .look_up_words = look_up<uint16_t>,
      .evaluate_bytes = evaluate<uint8_t>,
      .evaluate_words = evaluate<uint16_t>,
      .code_row = nullptr,
      .find_row_leaves = nullptr,
      .add_row_scores = nullptr,
      .wants_planes = false,
      .most_leaves = 64,
      .node_ns = 10,
  };
}

}  // namespace
}  // namespace bridge
