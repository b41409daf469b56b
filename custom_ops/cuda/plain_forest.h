// A forest as the CUDA kernels read it: plain data behind pointers, all in one stretch of memory, on a GPU or on the
// host, where tests run the very same code.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define BRIDGE_BOTH __host__ __device__
#else
#define BRIDGE_BOTH
#endif

namespace bridge::gpu {

// Scores are added in float64, 16 trees at a time in their order, then these partial sums in theirs: the same bits
// however the trees are split among threads and blocks.
constexpr uint32_t kGroupTrees = 16;

// A column that rows are prepared into, so that every node asks one plain question.
struct Column {
  enum Kind : uint32_t { kMissingRight, kMissingLeft, kIsMissing, kInSet };
  Kind kind;
  uint32_t feature;
  uint32_t set;           // of kInSet
  uint32_t missing_left;  // of kInSet: where NaN goes
  uint32_t first_cut;     // of codes: the column's thresholds are `cuts[first_cut]` and on, in ascending order
  uint32_t n_cuts;
};

// As CategorySet of forest_tables.h.
struct Set {
  uint64_t low[4];
  uint32_t begin;
  uint32_t end;
};

// One tree. Coded nodes stand as in a heap that starts at 1, the children of i at 2i and 2i + 1, padded to 2**depth.
struct Tree {
  uint64_t nodes;   // where its nodes start
  uint64_t leaves;  // where its `leaf_rows` start: one a leaf of the heap, or one a node
  uint32_t depth;
};

// A row goes right where x[column] > threshold; siblings are neighbours. At a leaf the threshold is +inf and the child
// the node itself: whoever arrives before the others waits there.
struct alignas(8) NarrowNode {
  float threshold;
  uint32_t word;  // column << shift | child
};
struct alignas(16) WideNode {
  double threshold;
  uint32_t column;
  uint32_t child;
};

// Nodes of 4 bytes over codes of 8 or 16 bits, in which depth 8 at most is coded; else nodes of 8 or of 16 bytes.
enum class Format : uint32_t { kCoded8, kCoded16, kNarrow, kWide };
constexpr uint32_t kCodedDepth = 8;
constexpr uint32_t kNeverRight = 0xFFFF;  // the rank of a padding node: no code is above it

template <class T>
struct Forest {
  const Column* columns;
  const T* cuts;
  const Set* sets;
  const uint32_t* members;
  const Tree* trees;
  const uint32_t* coded;  // column << 16 | rank of the threshold
  const NarrowNode* narrow;
  const WideNode* wide;
  const uint32_t* leaf_rows;  // coded forests of one output have none
  const double* values;  // (leaf rows, outputs); where there are no `leaf_rows`, a number for each place of a leaf
  uint32_t n_columns;
  uint32_t n_trees;
  uint32_t outputs;
  uint32_t shift;
  Format format;

  BRIDGE_BOTH uint32_t groups() const { return (n_trees + kGroupTrees - 1) / kGroupTrees; }
};

// One run: rows on the same machine as the forest.
template <class T>
struct Rows {
  const T* x;
  uint64_t width;
  uint64_t rows;
  double* sums;              // (rows, outputs)
  double* parts;             // (groups, rows, outputs), of a run that is split; else null
  uint32_t groups_of_block;  // how many groups of trees a block walks
};

}  // namespace bridge::gpu
